"""`resume_from`: where a phase takes its first weights from, as declared."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from xtts_finetune.spec.model import Name, Spec


class ResumeFrom(Spec):
    """Where a phase takes its first weights from.

    `phase` with `checkpoint: best | last | step N`, or `checkpoint` alone as the path of a file.
    """

    phase: Name | None = Field(None, description="An earlier phase of this pipeline.")
    checkpoint: str = Field("best", description="'best', 'last', 'step N', or the path of a checkpoint file.")
    optimizer: Literal["keep", "reset"] = Field(
        "reset", description="'keep' continues with the old moments at the new learning rate."
    )


def checkpoint_step(resume: ResumeFrom) -> int | None:
    """N of 'step N', or None for another kind of checkpoint."""
    words = resume.checkpoint.split()
    if len(words) == 2 and words[0] == "step" and words[1].isdigit():
        return int(words[1])
    return None
