"""Several devices and machines: who leads, what is refused, and what is said of it before anything starts."""

from __future__ import annotations

import io
import socket

import pytest
from rich.console import Console

from tests.pipeline.project import Project
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.phase.machines import Machines, few_clips, launch_of, machines_of, print_together, processes
from xtts_finetune.pipeline.plan.checks.machine import check_count
from xtts_finetune.records.job import LaunchPlan
from xtts_finetune.spec.phase import PhaseSpec

TWO = Machines(2, "127.0.0.1", 29400, leads=True)


def phase(**values: object) -> PhaseSpec:
    return PhaseSpec(learning_rate=1e-6, steps=10, **values)  # type: ignore[arg-type]


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def test_without_options_there_is_this_machine_alone() -> None:
    assert machines_of(None, None, None) is None
    assert machines_of(None, 1, None) is None


def test_the_owner_of_the_address_leads_unless_numbers_say_otherwise() -> None:
    meet = f"127.0.0.1:{free_port()}"
    for number, leads in ((None, True), (0, True), (1, False)):
        machines = machines_of(meet, 2, number)
        assert machines is not None and machines.leads is leads
    other = machines_of("192.0.2.1:29400", 2, None)
    assert other is not None and not other.leads


@pytest.mark.parametrize(
    ("rendezvous", "count", "number", "said"),
    [
        (None, 2, None, "--machines needs --rendezvous"),
        (None, None, 1, "--machine needs --rendezvous"),
        ("127.0.0.1:29400", None, None, "needs --machines N"),
        ("127.0.0.1:29400", 1, None, "from 2 on, but got 1"),
        ("127.0.0.1", 2, None, "expected HOST:PORT"),
        ("127.0.0.1:29400", 2, 2, "from 0 to 1, but got 2"),
        ("192.0.2.1:29400", 2, 0, "is not an address of this machine"),
    ],
)
def test_options_that_contradict_each_other(
    rendezvous: str | None, count: int | None, number: int | None, said: str
) -> None:
    with pytest.raises(UserError, match=said):
        machines_of(rendezvous, count, number)


def test_one_process_is_not_launched() -> None:
    assert launch_of(phase(), None) is None
    here = launch_of(phase(devices=4, restarts=1, silent_seconds=30), None)
    assert here == LaunchPlan(devices=4, restarts=1, silent_seconds=30.0)
    launch = launch_of(phase(), TWO)
    assert launch is not None and (launch.devices, launch.machines, launch.leads) == (1, 2, True)


def test_how_many_there_are_in_words() -> None:
    assert processes(phase(), None) == ""
    assert processes(phase(devices=2), None) == "2 processes"
    assert processes(phase(devices=4), TWO) == "2 machines x 4 processes"
    assert processes(phase(), TWO) == "2 machines x 1 process"


def test_more_processes_than_clips_are_warned_of() -> None:
    assert few_clips(phase(batch_size=4, devices=4), None) is None
    assert "share batches of 3 clips" in str(few_clips(phase(batch_size=3, devices=2), TWO))


def test_more_devices_than_gpus_are_refused_before_the_start() -> None:
    assert check_count("phase1", 4, 4) is None
    assert check_count("phase1", 4, 0) is None, "the CPU's processes are as many as one likes"
    found = check_count("phase1", 4, 2)
    assert str(found) == "phase1.devices: 4 are asked for, but there are 2 GPUs; give --devices 2"


def test_the_plan_says_it(project: Project) -> None:
    console = Console(file=io.StringIO(), width=200)
    print_together(project.declaration("phase1.devices=8"), project.plan(), None, console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert "phase1 is trained by 8 processes." in printed and "warning: phase1: 8 processes share" in printed
    assert "phase2" not in printed


def test_a_phase_on_several_devices_is_started_by_the_launcher(project: Project) -> None:
    printed = project.run("phase1.devices=2", wanted=["phase1"])
    assert "on 2 processes" in printed
    log = project.run_folder.job_log("phase1").read_text(encoding="utf-8")
    assert "xtts_finetune.pipeline.phase.launch" in log
