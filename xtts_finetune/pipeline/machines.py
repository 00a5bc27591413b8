"""Several machines that train phases together: who leads, and what a launch on this one is told."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.spec.phase import PhaseSpec

JOIN_SECONDS = 600


@dataclass(frozen=True)
class Machines:
    """So many machines that meet at `host` and `port`. One of them leads: it has the run's folder, and rank 0."""

    count: int
    host: str
    port: int
    leads: bool
    join_seconds: int = JOIN_SECONDS


def machines_of(
    rendezvous: str | None, count: int | None, number: int | None, join_seconds: int = JOIN_SECONDS
) -> Machines | None:
    """The machines that the command's options name; None for this one alone.

    The one that owns the address leads, unless its `number` says so (0) or says not. Raises UserError for options
    that contradict each other.
    """
    # Not for a command that needs none of it.
    from xtts_finetune.training.network import check_free, endpoint, is_own  # noqa: PLC0415

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
