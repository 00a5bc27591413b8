"""What Coqui's Trainer is told so that it works in a phase's folder, on a phase's settings."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import trainer.trainer as coqui_trainer
from tensorboard.compat.proto.event_pb2 import Event, SessionLog

from xtts_finetune.spec.phase import PhaseSpec


def configured(config: Any, phase: PhaseSpec) -> Any:
    """The model's configuration with what Trainer reads from it."""
    config.lr = phase.learning_rate
    config.batch_size = phase.batch_size
    config.training_seed = phase.seed
    config.mixed_precision = phase.precision in ("bf16", "fp16")
    config.precision = phase.precision if config.mixed_precision else "fp16"
    config.grad_clip = phase.gradient_clip or 0.0
    config.scheduler_after_epoch = False
    config.run_eval = False  # Trainer's averages drop a batch and weigh batches equally; see evaluate.py
    config.dashboard_logger = "tensorboard"
    return config


@contextlib.contextmanager
def in_folder(folder: Path) -> Iterator[None]:
    """Let Trainer work in `folder` rather than in one that it names after the minute."""
    named = coqui_trainer.get_experiment_folder_path
    coqui_trainer.get_experiment_folder_path = lambda *_: folder
    try:
        yield
    finally:
        coqui_trainer.get_experiment_folder_path = named


def hide_events_after(dashboard: Any, step: int) -> None:
    """Tell TensorBoard that the run went on from `step`: what was logged of later steps is shown no more."""
    events = dashboard.writer.file_writer
    events.add_event(Event(step=step + 1, session_log=SessionLog(status=SessionLog.START)))
