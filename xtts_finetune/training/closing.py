"""The facts that close a phase, gathered from its declaration and its records."""

from __future__ import annotations

import math
from pathlib import Path

from xtts_finetune.records.closing import PhaseFacts, now
from xtts_finetune.records.metrics import Metrics
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.success import level_reached

# What a phase's closing record repeats of its declaration.
_SHOWN = (
    "learning_rate",
    "schedule",
    "batch_size",
    "accumulate",
    "weight_decay",
    "gradient_clip",
    "precision",
    "text_loss_weight",
    "mel_loss_weight",
    "mask_prompt",
    "seed",
)


def phase_facts(
    name: str,
    phase: PhaseSpec,
    train_clips: int,
    metrics: Metrics,
    stop: Stop,
    *,
    started: str,
    fingerprint: str,
    log: Path | None,
) -> PhaseFacts:
    """What the closing records say beyond the metrics."""
    planned = phase.planned_steps(train_clips)
    declared = phase.model_dump(mode="json")
    going_on = stop.reason in (Reason.INTERRUPTED, Reason.KILLED, Reason.ERROR)
    return PhaseFacts(
        steps_planned=planned,
        epochs_planned=round(planned * phase.batch_size * phase.accumulate / train_clips, 2),
        batch_size=phase.batch_size,
        learning_rate=phase.learning_rate,
        hyperparameters={key: declared[key] for key in _SHOWN},
        started=started,
        ended=now(),
        seconds=math.fsum([record.seconds for record in metrics.steps])
        + math.fsum([record.seconds for record in metrics.evals]),
        level=level_reached(phase.success, metrics, stop),
        fingerprint=fingerprint,
        command=f"run_pipeline {name}" if going_on else "run_pipeline",
        log=log,
    )
