"""torch's own agent of one machine's ranks, which says who was lost and knows an end in order from a fault."""

from __future__ import annotations

import contextlib
import os
import signal
from collections.abc import Callable, Mapping
from typing import Any, cast

from torch._C._distributed_c10d import Store
from torch.distributed.elastic.agent.server.api import RunResult, Worker, WorkerGroup, WorkerSpec, WorkerState
from torch.distributed.elastic.agent.server.local_elastic_agent import LocalElasticAgent
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

from xtts_finetune.ranks.launched import LAUNCHER_IS_GONE, NOTICED_SILENCE, OTHERS_ARE_GONE, ROUND, rank_name
from xtts_finetune.ranks.outcome import LaunchFolder, RankOutcome

CONSEQUENCES = (OTHERS_ARE_GONE, NOTICED_SILENCE, LAUNCHER_IS_GONE, -int(signal.SIGTERM))


class RestartsUsedUp(Exception):
    """A rank was lost once more than the phase may go on."""


class Agent(LocalElasticAgent):
    """Starts this machine's ranks, watches them, and starts them anew after a fault.

    The leading machine's first rank is rank 0, whatever the addresses of the machines are: torch would sort these.
    `say` is told of each restart on the leading machine, and `tidy` clears away what lost ranks left half-written;
    `killed_for_memory` says whether the system has ended processes for want of memory since it was asked last.
    """

    def __init__(
        self,
        spec: WorkerSpec,
        logs: DefaultLogsSpecs,
        folder: LaunchFolder,
        store: Store,
        *,
        leads: bool,
        machine: str,
        say: Callable[[str], None],
        tidy: Callable[[], None],
        killed_for_memory: Callable[[], bool],
    ) -> None:
        super().__init__(spec, logs)
        self.fault = ""
        self.memory = False
        self.rounds = 0
        self.waiting = True
        """Whether there are no ranks that could be asked to stop."""
        self._folder, self._common, self._leads, self._machine = folder, store, leads, machine
        self._say, self._tidy, self._killed_for_memory = say, tidy, killed_for_memory

    @property
    def outcome(self) -> RankOutcome | None:
        """How the phase ended, where its end is no fault that a restart could cure."""
        ranks = [worker.global_rank for worker in self._worker_group.workers]
        decided = self._folder.decided(min(ranks, default=0))
        if decided is None and self._common.check([self._key("outcome")]):
            return RankOutcome.from_text(self._common.get(self._key("outcome")))
        return decided

    def tell(self, outcome: RankOutcome) -> None:
        """Tell all ranks and agents how the phase ended, unless one of them has said so."""
        self._common.compare_set(self._key("outcome"), "", outcome.to_text())

    def _key(self, name: str) -> str:
        return f"xtts-finetune/{self.rounds - 1}/{name}"

    def _rendezvous(self, worker_group: WorkerGroup) -> None:
        self.waiting = True
        super()._rendezvous(worker_group)

    def _assign_worker_ranks(
        self, store: Store, group_rank: int, group_world_size: int, spec: WorkerSpec
    ) -> list[Worker]:
        """torch's ranks, turned so that the leading machine has the first; and the number of this round."""
        workers: list[Worker] = super()._assign_worker_ranks(store, group_rank, group_world_size, spec)
        if self._leads:
            store.set("first", str(workers[0].global_rank))
            store.set("round", str(self.rounds))
        first, self.rounds = int(store.get("first")), int(store.get("round")) + 1
        for worker in workers:
            worker.global_rank = worker.role_rank = (worker.global_rank - first) % worker.world_size
        return workers

    def _start_workers(self, worker_group: WorkerGroup) -> dict[int, Any]:
        self._folder.forget_outcomes()
        if self._leads and self.rounds > 1:
            self._tidy()
        os.environ[ROUND] = str(self.rounds - 1)
        started: dict[int, Any] = super()._start_workers(worker_group)
        self.waiting = False
        return started

    def _monitor_workers(self, worker_group: WorkerGroup) -> RunResult:
        result: RunResult = super()._monitor_workers(worker_group)
        if result.state is not WorkerState.FAILED:
            return result
        if self.outcome is not None:
            # What a rank's process does after its last word is of no matter.
            done = {worker.global_rank: None for worker in worker_group.workers}
            return RunResult(state=WorkerState.SUCCEEDED, return_values=done)
        self._tell(worker_group, result.failures)
        self.memory = self._killed_for_memory() and "SIGKILL" in self.fault
        if self._folder.is_set() or self.memory:
            self._remaining_restarts = 0  # nobody wants it, or the same would come again
        return result

    def _restart_workers(self, worker_group: WorkerGroup) -> None:
        """Say who was lost, and start all anew; the leading machine counts, as not every agent sees every fault."""
        fault = self.fault or self._fault_elsewhere(worker_group)
        if self._folder.is_set() or (self._leads and self.rounds > worker_group.spec.max_restarts):
            self.fault = fault
            self._stop_workers(worker_group)
            raise RestartsUsedUp
        if self._leads:
            self._say(
                f"{fault}; continuing from the newest checkpoint (restart {self.rounds} of "
                f"{worker_group.spec.max_restarts})"
            )
        super()._restart_workers(worker_group)
        self.fault = ""

    def _exit_barrier(self) -> None:
        """Nothing: the leading launcher waits for the others itself, whatever the end."""

    def _tell(self, worker_group: WorkerGroup, failures: Mapping[int, ProcessFailure]) -> None:
        """Find out who was lost; the other machines' agents see no more of it than closed connections."""
        count = worker_group.workers[0].world_size
        codes = {rank: failure.exitcode for rank, failure in failures.items()}
        self.fault = self._folder.take_fault() or root_cause(codes, count, self._machine) or ""
        if self.fault:
            self._of_round(worker_group).compare_set("fault", "", self.fault)
        self.fault = self.fault or self._fault_elsewhere(worker_group)

    def _fault_elsewhere(self, worker_group: WorkerGroup) -> str:
        """What another machine's agent says of the fault."""
        if (worker_group.group_world_size or 1) > 1:
            with contextlib.suppress(RuntimeError):
                store = self._of_round(worker_group)
                if store.check(["fault"]):
                    return store.get("fault").decode()
        return LOST

    def _of_round(self, worker_group: WorkerGroup) -> Store:
        """What all agents see of this round alone."""
        store: Any = worker_group.store
        return cast(Store, store)


LOST = "a rank of another machine was lost"


def root_cause(codes: Mapping[int, int], count: int, machine: str) -> str | None:
    """Which of the ranks that ended out of order ended first, and how, from their exit codes; None for none here.

    The others end by what follows: their connections are closed, or torch's agent ends them by SIGTERM.
    """
    for rank, code in sorted(codes.items(), key=lambda each: (each[1] >= 0, each[0])):
        if code not in CONSEQUENCES:
            return f"{rank_name(rank, count, machine)} {how_it_ended(code)}"
    terminated = [rank for rank, code in codes.items() if code == -int(signal.SIGTERM)]
    if len(terminated) == len(codes) and terminated:
        return f"{rank_name(terminated[0], count, machine)} {how_it_ended(codes[terminated[0]])}"
    return None


def how_it_ended(code: int) -> str:
    """'was ended by SIGKILL', 'ended with exit code 1'."""
    if code >= 0:
        return f"ended with exit code {code}" if code < 256 else f"ended with 0x{code & 0xFFFFFFFF:08X}"
    try:
        return f"was ended by {signal.Signals(-code).name}"
    except ValueError:
        return f"was ended by signal {-code}"
