"""Where each phase takes its first weights from, and which checkpoints later phases need."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.spec.decision import MadeCandidate
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.phase import checkpoint_step

LAST = "last"


@dataclass(frozen=True)
class Source:
    """First weights of a phase: the base, a checkpoint of an earlier phase, or a file."""

    phase: str | None = None
    checkpoint: str = "best"
    file: Path | None = None
    optimizer: Literal["keep", "reset"] = "reset"

    def __str__(self) -> str:
        if self.phase is not None:
            return f"{self.phase}, {self.checkpoint}"
        return str(self.file) if self.file is not None else BASE


@dataclass(frozen=True)
class KeptStep:
    """A checkpoint that a later phase or a candidate needs, so that it is not cleaned away."""

    step: int
    with_optimizer: bool


def source_of(declaration: Declaration, phase: str) -> Source:
    """Where the phase starts; left out in the declaration: the previous phase's best, or the base."""
    resume = declaration.phases[phase].resume_from
    if resume is None:
        order = list(declaration.pipeline.phases)
        before = order.index(phase)
        return Source(phase=order[before - 1]) if before else Source()
    if resume.phase is not None:
        return Source(resume.phase, resume.checkpoint, optimizer=resume.optimizer)
    file = declaration.file.parent / resume.checkpoint
    return Source(checkpoint=resume.checkpoint, file=file, optimizer=resume.optimizer)


def last_is_needed(declaration: Declaration, phase: str) -> bool:
    """Whether a later phase or a candidate is made of the phase's newest checkpoint."""
    sources = [source_of(declaration, name) for name in declaration.phases]
    made = [entry for entry in declaration.decision.candidates if isinstance(entry, MadeCandidate)]
    return any(source.phase == phase and source.checkpoint == LAST for source in sources) or any(
        entry.phase == phase and entry.checkpoint == LAST for entry in made
    )


def kept_steps(declaration: Declaration, phase: str) -> list[KeptStep]:
    """Steps of the phase whose checkpoints later phases or candidates are made of, in order, each once."""
    needed: dict[int, bool] = {}
    for later in declaration.phases.values():
        if later.resume_from is None or later.resume_from.phase != phase:
            continue
        step = checkpoint_step(later.resume_from)
        if step is not None:
            needed[step] = needed.get(step, False) or later.resume_from.optimizer == "keep"
    for entry in declaration.decision.candidates:
        if isinstance(entry, MadeCandidate) and entry.phase == phase and entry.checkpoint not in (None, "last"):
            needed.setdefault(int(str(entry.checkpoint).removeprefix("step ")), False)
    return [KeptStep(step, with_optimizer) for step, with_optimizer in sorted(needed.items())]
