"""`checkpoint_every` and `keep`: what a phase writes, and what of it stays."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xtts_finetune.spec.model import PositiveFloat, Spec, Steps


class CheckpointEvery(Spec):
    """How often the work is made safe: by whichever comes first."""

    steps: Steps = Field(500, description="Optimizer steps between two checkpoints.")
    minutes: PositiveFloat | None = Field(
        20.0, description="Most minutes of work that a crash may cost; null: by steps alone."
    )


class Keep(Spec):
    """What stays on the disk of what a phase writes."""

    best: Annotated[int, Field(ge=1, le=100)] = Field(
        1, description="Best models that stay, weights only: as many evaluations with the lowest mel_ce."
    )
    checkpoints: Annotated[int, Field(ge=1, le=100)] = Field(
        1,
        description="Checkpoints that stay: the newest, and before it those of every 'checkpoint_every.steps'. "
        "Each holds all that resuming needs; a second one is there when the first is damaged.",
    )
