"""How long a phase is. Without NumPy: a plan of the usual kind is made without it."""

from __future__ import annotations

from dataclasses import dataclass

from xtts_finetune.spec.phase import PhaseSpec


@dataclass(frozen=True)
class Planned:
    """Optimizer steps of a phase, and the passes over its clips that they make."""

    steps: int
    epochs: float


def planned_of_count(clips: int, phase: PhaseSpec) -> Planned:
    """Of a phase whose steps depend on the number of clips alone: no max_tokens, and no weights.

    `data.plans` knows every phase, from the index of its clips; both say the same.
    """
    clips_a_step = phase.batch_size * phase.accumulate
    steps = phase.steps
    if steps is None:
        epochs = phase.epochs or 1.0
        whole = int(epochs)
        visits = whole * clips + round((epochs - whole) * clips)
        steps = max(1, -(-visits // clips_a_step))
    return Planned(steps, round(steps * clips_a_step / clips, 2))
