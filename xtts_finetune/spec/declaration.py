"""The whole declaration: every file read, checked together, paths made absolute."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.spec.decision import DecisionSpec
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.pipeline import PipelineSpec
from xtts_finetune.spec.utterances import UtterancesSpec


@dataclass(frozen=True)
class Declaration:
    """What the user declares, checked. Paths are absolute."""

    file: Path
    pipeline: PipelineSpec
    phases: dict[str, PhaseSpec]
    utterances: UtterancesSpec
    decision: DecisionSpec
    run_folder: Path
