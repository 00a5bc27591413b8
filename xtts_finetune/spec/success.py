"""`success`: the levels of quality that a phase may reach."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from xtts_finetune.spec.model import PositiveFloat, Spec


class SuccessLevel(Spec):
    """Limits that the phase's best evaluation must stay below to reach a level."""

    mel_ce: PositiveFloat | None = Field(None, description="mel_ce must be below this (nats).")
    mel_ce_of_start: PositiveFloat | None = Field(
        None, description="mel_ce must be below this share of the value at the phase's start."
    )
    text_ce: PositiveFloat | None = Field(None, description="text_ce must be below this (0.01 x nats).")
    quality: Annotated[float, Field(ge=0, le=10)] | None = Field(
        None, description="Mark out of 10 that listeners must give at least."
    )
    no_overfitting: bool = Field(False, description="The rule 'overfitting' must not have ended the phase.")
