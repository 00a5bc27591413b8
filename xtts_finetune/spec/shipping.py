"""`ship` in pipeline.yaml: how the model that ships is written, and what becomes of everything else."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from xtts_finetune.spec.model import Name, Spec

Precision = Literal["auto", "half", "full"]
Others = Literal["keep", "thin"]


class ShipSpec(Spec):
    """The model that ships, and the rule for what it leaves behind."""

    name: Name | None = Field(
        None, description="Names the shipped folder and the voice in it; left out: the pipeline's name."
    )
    precision: Precision = Field(
        "auto",
        description="'auto': half precision where greedy speech stays the same code for code, else full; 'half': "
        "also where it parts at codes that were equally likely; 'full': float32.",
    )
    others: Others = Field(
        "keep",
        description="What becomes of the rest once the shipped model is verified. 'keep': nothing is deleted; 'thin': "
        "every candidate keeps its best model and its records; checkpoints and further models go.",
    )
