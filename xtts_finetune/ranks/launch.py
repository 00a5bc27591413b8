"""Starts the ranks of a phase on this machine under torch's elastic agent, and joins those of other machines.

What torchrun does from a command line is done here by its parts, so that the ranks meet in one store whose address the
user gave, the leading machine has rank 0, and it can be said who was lost.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta

from torch._C._distributed_c10d import Store, TCPStore
from torch.cuda import device_count
from torch.distributed import DistError
from torch.distributed.elastic.agent.server.api import WorkerSpec
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.rendezvous.api import RendezvousClosedError, RendezvousError, RendezvousTimeoutError
from torch.distributed.elastic.rendezvous.c10d_rendezvous_backend import C10dRendezvousBackend
from torch.distributed.elastic.rendezvous.dynamic_rendezvous import DynamicRendezvousHandler, RendezvousTimeout

from xtts_finetune.errors import FAILED, UserError
from xtts_finetune.ranks.agent import LOST, Agent, RestartsUsedUp
from xtts_finetune.ranks.launched import FOLDER, MACHINE, STORE, USES_LIBUV
from xtts_finetune.ranks.network import LOOPBACK, address_of, facing, interface_of
from xtts_finetune.ranks.outcome import LaunchFolder, RankOutcome
from xtts_finetune.records.job import LaunchNews, LaunchPlan
from xtts_finetune.records.values import parse_object, strict_json

NAME = "xtts-finetune"
STORE_SECONDS = 60
MONITOR_SECONDS = 0.1
# The leading machine waits so long for the others to hear how it ended.
PART_SECONDS = 30.0
GONE = "the leading machine does not answer any more"


@dataclass(frozen=True)
class LaunchEnd:
    """How a launch ended: by an outcome in order, or by a fault after which nothing was started again."""

    outcome: RankOutcome | None
    fault: str = ""
    restarts: int = 0
    memory: bool = False


@dataclass
class Launch:
    """One launch on this machine. `agent` is there once the machines can meet."""

    plan: LaunchPlan
    device: str
    folder: LaunchFolder
    say: Callable[[str], None]
    tidy: Callable[[], None]
    killed_for_memory: Callable[[], bool]
    agent: Agent | None = None

    def interrupt(self) -> None:
        """Ask the ranks to stop at the same step. Raises KeyboardInterrupt where there are none to ask."""
        self.folder.ask_to_stop()
        if self.agent is None or self.agent.waiting:
            raise KeyboardInterrupt

    def run(self, arguments: Sequence[str], told: LaunchNews) -> LaunchEnd:
        """Start `python ARGUMENTS` as every rank and wait for the end.

        `told` is what the leading machine tells the others of the launch. Raises UserError where the ranks cannot be
        started, or the other machines do not come.
        """
        check_devices(self.plan.devices, self.device)
        plan, own = self.plan, LOOPBACK if self.plan.host is None else facing(self.plan.host)
        store = self._store(own)
        host = own if plan.leads else str(plan.host)
        self._prepare_environment(own, host, store.port)
        if plan.leads:
            store.set("told", json.dumps(strict_json(asdict(told))))
        store.add("came", 1)
        handler = DynamicRendezvousHandler.from_backend(
            NAME,
            store,
            C10dRendezvousBackend(store, NAME),
            plan.machines,
            plan.machines,
            own,
            RendezvousTimeout(join=timedelta(seconds=plan.join_seconds)),
        )
        spec = WorkerSpec(
            role=NAME,
            local_world_size=plan.devices,
            rdzv_handler=handler,
            entrypoint=sys.executable,
            args=tuple(arguments),
            max_restarts=plan.restarts,
            monitor_interval=MONITOR_SECONDS,
            local_addr=own,
        )
        self.agent = Agent(
            spec,
            DefaultLogsSpecs(str(self.folder.path / "torch")),
            self.folder,
            store,
            leads=plan.leads,
            machine=os.environ[MACHINE],
            say=self.say,
            tidy=self.tidy,
            killed_for_memory=self.killed_for_memory,
        )
        try:
            ended = self._ended(self.agent, store)
            if plan.leads:
                self._say_goodbye(store, ended)
            return ended
        finally:
            self.agent.waiting = True
            handler.shutdown()
            if not plan.leads:
                with contextlib.suppress(DistError, RuntimeError):
                    store.add("left", 1)

    def _say_goodbye(self, store: Store, ended: LaunchEnd) -> None:
        """Tell the other machines how it ended, before the store goes with this launcher."""
        assert self.agent is not None
        with contextlib.suppress(DistError, RuntimeError):
            if ended.outcome is None:
                self.agent.tell(RankOutcome(FAILED, ended.fault))
            ends = time.monotonic() + PART_SECONDS
            while store.add("left", 0) < self.plan.machines - 1 and time.monotonic() < ends:
                time.sleep(MONITOR_SECONDS)

    def _ended(self, agent: Agent, store: Store) -> LaunchEnd:
        """Run the agent until it ends, and say how."""
        try:
            agent.run()
        except RestartsUsedUp:
            pass
        except RendezvousTimeoutError:
            if not agent.rounds:
                came = int(store.add("came", 0))
                raise UserError(
                    f"--rendezvous: {came} of {self.plan.machines} machines came within "
                    f"{self.plan.join_seconds} s; start the same command on the others, and check "
                    "that nothing blocks this machine's port"
                ) from None
            agent.fault = f"{agent.fault or LOST}, and its machine did not come back"
        except RendezvousClosedError:
            agent.fault = agent.fault or LOST
        except (RendezvousError, DistError, ConnectionError):
            if self.plan.leads:
                raise
            agent.fault = agent.fault or GONE
        restarts = max(agent.rounds - 1, 0)
        try:
            outcome = agent.outcome
        except DistError:
            outcome = None
        if outcome is None:
            return LaunchEnd(None, agent.fault, restarts, agent.memory)
        return LaunchEnd(outcome, restarts=restarts)

    def _store(self, own: str) -> TCPStore:
        """Where all ranks and agents meet; the leading machine's launcher holds it."""
        plan = self.plan
        host, wait = str(plan.host or own), timedelta(seconds=STORE_SECONDS)
        try:
            return TCPStore(
                own if plan.leads else host,
                plan.port,
                is_master=plan.leads,
                wait_for_workers=False,
                timeout=wait,
                use_libuv=USES_LIBUV,
            )
        except (DistError, OSError, RuntimeError) as error:
            line = str(error).strip().splitlines()[0]
            raise UserError(f"--rendezvous: {host}:{plan.port} cannot be used: {line}") from None

    def _prepare_environment(self, own: str, host: str, port: int) -> None:
        """What ranks find in their environment, as far as the user has not said otherwise."""
        machine = socket.gethostname() if self.plan.host is None else f"{socket.gethostname()} ({own})"
        os.environ |= {FOLDER: str(self.folder.path), STORE: f"{host}:{port}", MACHINE: machine}
        # Its warnings about a store that is gone are pages of frames, and what is printed last is read for a reason.
        os.environ.setdefault("TORCH_CPP_LOG_LEVEL", "ERROR")
        # torch would make a second store for the ranks, whose port nobody could know for a firewall.
        os.environ["TORCH_DISABLE_SHARE_RDZV_TCP_STORE"] = "1"
        # What asks to stop is ours to hear: torch's agent would end the ranks at once.
        os.environ["TORCHELASTIC_SIGNALS_TO_HANDLE"] = "SIGTERM" if sys.platform == "win32" else "SIGQUIT"
        if not uses_gpus(self.device):
            os.environ.setdefault("OMP_NUM_THREADS", str(max(1, cores() // self.plan.devices)))
        interface = interface_of(address_of(own))
        if interface is not None and sys.platform != "win32":
            # Otherwise by the address of the machine's name, which need not have one.
            os.environ.setdefault("GLOO_SOCKET_IFNAME", interface)
            if self.plan.host is not None:
                os.environ.setdefault("NCCL_SOCKET_IFNAME", interface)


def hear(host: str, port: int, wait: timedelta) -> LaunchNews | None:
    """What the leading machine tells of its launch; None where nobody says anything there."""
    try:
        store = TCPStore(host, port, is_master=False, timeout=wait, use_libuv=USES_LIBUV)
        return LaunchNews.from_json(parse_object(store.get("told")))
    except (DistError, RuntimeError, ValueError):
        return None


def uses_gpus(device: str) -> bool:
    """Whether ranks for this device ('auto', 'cpu', 'cuda') will train on GPUs."""
    return device != "cpu" and device_count() > 0


def check_devices(devices: int, device: str) -> None:
    """Raise UserError where there are fewer GPUs than ranks; a CPU is shared by as many as one likes."""
    there = device_count() if device != "cpu" else 0
    if device.startswith("cuda") and not there:
        raise UserError(
            f"device: your config says '{device}', but torch sees no GPU here; install torch's CUDA build, or use "
            "'device: auto' or --device cpu"
        )
    if there and devices > there:
        gpus = "1 GPU" if there == 1 else f"{there} GPUs"
        raise UserError(
            f"devices: {devices} are asked for, but torch sees {gpus} on {socket.gethostname()}; give --devices {there}"
        )


def cores() -> int:
    """The processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
