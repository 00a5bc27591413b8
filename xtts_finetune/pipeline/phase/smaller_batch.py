"""`on_out_of_memory: halve_batch`: the batches that a phase goes on with after memory ran out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from xtts_finetune.spec.phase import PhaseSpec


@dataclass(frozen=True)
class RanWith:
    """Batches in place of the declared ones, from a step on; as many clips an optimizer step as declared."""

    batch_size: int
    accumulate: int
    from_step: int
    why: str

    def to_json(self) -> dict[str, Any]:
        """As phase.yaml and a child's job hold it."""
        return asdict(self)


def as_it_ran(phase: PhaseSpec, ran_with: RanWith | None) -> PhaseSpec:
    """The phase with the batches that it was reduced to; as declared where it was not."""
    return phase if ran_with is None else phase.in_batches(ran_with.batch_size, ran_with.accumulate)


def smaller_batch(batch_size: int, accumulate: int) -> tuple[int, int] | None:
    """A batch divided by its smallest prime factor, with that many times the accumulation; None for a batch of 1.

    Even batches are halved; 9 becomes 3 and 3 becomes 1, so that the clips of a step stay the same exactly.
    """
    for factor in range(2, batch_size + 1):
        if batch_size % factor == 0:
            return batch_size // factor, accumulate * factor
    return None


def recorded_batches(record: Mapping[str, Any] | None, fingerprint: str, phase: PhaseSpec) -> RanWith | None:
    """The batches that phase.yaml says this phase was reduced to; None for the declared ones.

    They are forgotten with the inputs that they were found for: a phase that is trained from something else, or
    with another declared batch, begins as declared.
    """
    found = (record or {}).get("ran_with")
    if record is None or record.get("fingerprint") != fingerprint or not isinstance(found, dict):
        return None
    try:
        ran_with = RanWith(
            int(found["batch_size"]), int(found["accumulate"]), int(found["from_step"]), str(found["why"])
        )
    except (KeyError, TypeError, ValueError):
        return None
    declared = phase.batch_size * phase.accumulate
    return ran_with if ran_with.batch_size * ran_with.accumulate == declared else None


def reduced(phase: PhaseSpec, before: RanWith | None, from_step: int) -> RanWith | None:
    """The batches to try next after memory ran out with `before` (None: the declared ones); None for no smaller."""
    batch_size = phase.batch_size if before is None else before.batch_size
    accumulate = phase.accumulate if before is None else before.accumulate
    smaller = smaller_batch(batch_size, accumulate)
    if smaller is None:
        return None
    return RanWith(*smaller, from_step, f"out of memory with batch_size {batch_size}")
