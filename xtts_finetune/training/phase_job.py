"""What a phase's trainer is given besides the model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from TTS.tts.models.xtts import Xtts

from xtts_finetune.ranks.group import ALONE, Ranks
from xtts_finetune.records.metrics import EvalRecord, QualityRecord
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.sources import KeptStep
from xtts_finetune.training.phase_data import PhaseData

Interrupted = Callable[[], bool]
Speak = Callable[[Xtts, int, Interrupted], QualityRecord | None]


@dataclass(frozen=True)
class PhaseJob:
    """Everything a phase's trainer needs besides the model.

    `needed` are the steps that later phases start from. `interrupted` is asked after every step, and while an
    evaluation goes on. `speak` lets the model speak the utterances at a step and says how they are; None when
    it was interrupted. At `pause_at` steps the phase waits, with a checkpoint, for whoever compares it with
    others; its schedule and its length are those of the whole. `continued_at` is the step from which the phase goes on
    under other values than before: rates are taken as declared from there, and rules that wait count from there.
    `base` is the base's evaluation, where weights from a file of the user's are to be held against it.
    """

    folder: CandidateFolder
    phase: PhaseSpec
    data: PhaseData
    total_steps: int
    needed: Sequence[KeptStep] = ()
    interrupted: Interrupted = field(default=lambda: False)
    speak: Speak | None = None
    pause_at: int | None = None
    continued_at: int = 0
    base: EvalRecord | None = None
    ranks: Ranks = ALONE
