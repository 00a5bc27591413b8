"""Several machines that train phases together: who leads, and what a launch on this one is told."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children.running import JOIN_SECONDS, Machines
from xtts_finetune.pipeline.plan.stages import Plan
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.phase import PhaseSpec

if TYPE_CHECKING:
    from rich.console import Console


def machines_of(
    rendezvous: str | None, count: int | None, number: int | None, join_seconds: int = JOIN_SECONDS
) -> Machines | None:
    """The machines that the command's options name; None for this one alone.

    The one that owns the address leads, unless its `number` says so (0) or says not. Raises UserError for options
    that contradict each other.
    """
    # Not for a command that needs none of it.
    from xtts_finetune.ranks.network import check_free, endpoint, is_own  # noqa: PLC0415

    if rendezvous is None:
        given = {"--machines": count not in (None, 1), "--machine": number is not None}
        for option in (name for name, there in given.items() if there):
            raise UserError(f"{option} needs --rendezvous HOST:PORT: where the machines meet")
        return None
    host, port = endpoint(rendezvous)
    if count is None or count < 2:
        raise UserError(
            f"--rendezvous needs --machines N, how many meet there, from 2 on, but got {count or 'none'}"
        )
    if number is not None and not 0 <= number < count:
        raise UserError(f"--machine: expected a number from 0 to {count - 1}, but got {number}")
    own = is_own(host)
    leads = own if number is None else number == 0
    if leads and not own:
        raise UserError(f"--machine 0 leads, but {host} is not an address of this machine")
    if leads:
        check_free(host, port)
    return Machines(count, host, port, leads, join_seconds)


def launch_of(phase: PhaseSpec, machines: Machines | None) -> dict[str, Any] | None:
    """What a phase's launch is told on this machine; None for a phase that one process trains."""
    if phase.devices == 1 and machines is None:
        return None
    launch: dict[str, Any] = {
        "devices": phase.devices,
        "restarts": phase.restarts,
        "silent_seconds": phase.silent_seconds,
    }
    if machines is not None:
        launch |= {
            "machines": machines.count,
            "host": machines.host,
            "port": machines.port,
            "leads": machines.leads,
            "join_seconds": machines.join_seconds,
        }
    return launch


def processes(phase: PhaseSpec, machines: Machines | None) -> str:
    """'2 processes', '2 machines x 4 processes'; '' for a phase that one process trains."""
    here = "1 process" if phase.devices == 1 else f"{phase.devices} processes"
    if machines is not None:
        return f"{machines.count} machines x {here}"
    return here if phase.devices > 1 else ""


def few_clips(phase: PhaseSpec, machines: Machines | None) -> str | None:
    """What to say of a phase with fewer clips a batch than processes; None where each has its share."""
    count = phase.devices * (machines.count if machines is not None else 1)
    if count == 1 or phase.max_tokens is not None or phase.batch_size >= count:
        return None
    return (
        f"{count} processes share batches of {phase.batch_size} clips, so that some have none to work on; raise "
        "batch_size (and lower accumulate by as much)"
    )


def print_together(declaration: Declaration, plan: Plan, machines: Machines | None, console: Console) -> None:
    """Say which of the plan's phases several processes would train, and where that is of no use."""
    for stage in plan.due:
        if stage.kind != "phase":
            continue
        phase = declaration.phases[stage.name]
        many, few = processes(phase, machines), few_clips(phase, machines)
        if many:
            console.print(f"{stage.name} is trained by {many}.", highlight=False, soft_wrap=True)
        if few:
            console.print(
                f"warning: {stage.name}: {few}", style="yellow", highlight=False, soft_wrap=True, markup=False
            )
