"""Coqui's Trainer with a step loop of its own: its set-up, `optimize()`, loggers and formats are used as they are."""

from __future__ import annotations

import contextlib
import logging
import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
import trainer.trainer as coqui_trainer
from trainer import Trainer, TrainerArgs

from xtts_finetune.records.metrics import EvalRecord, MetricsWriter, StepRecord, read_metrics
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.sources import KeptStep
from xtts_finetune.training.evaluate import evaluate
from xtts_finetune.training.phase_data import PhaseData
from xtts_finetune.training.phase_model import PhaseModel
from xtts_finetune.training.rules import first_stop
from xtts_finetune.training.saving import save_best, save_checkpoint, training_state

logger = logging.getLogger("trainer")  # what is logged here goes to trainer_0_log.txt, as stock's lines do

UNCLIPPED = 1e9  # Trainer reports a gradient norm only when it clips, so an unclipped phase clips at this


@dataclass(frozen=True)
class PhaseJob:
    """Everything a phase's trainer needs besides the model. `interrupted` is asked after every step."""

    folder: CandidateFolder
    phase: PhaseSpec
    data: PhaseData
    total_steps: int
    keep: Sequence[KeptStep] = ()
    interrupted: Callable[[], bool] = field(default=lambda: False)


class PhaseTrainer(Trainer):  # type: ignore[misc]  # Trainer has no types
    """Trains one phase in its folder, from `step` on, until all steps are done or a rule stops it."""

    def __init__(self, model: PhaseModel, job: PhaseJob) -> None:
        self.job = job
        self.step = 0
        # Trainer would make a folder named after the run and the minute, and parse our command line.
        with _in_folder(job.folder.path):
            super().__init__(
                TrainerArgs(gpu=0 if torch.cuda.is_available() else None),
                _configured(model.config, job.phase),
                model=model,
                parse_command_line_args=False,
            )
        self.metrics: MetricsWriter | None = None

    def save_training_script(self) -> None:
        """Nothing: Trainer would copy the command that was started into the folder."""

    def train(self) -> Stop:
        """The step loop. `fit()` is not used: it hides exceptions, deletes folders and knows no stop rule."""
        with MetricsWriter(self.job.folder.metrics) as self.metrics:
            self.model.set_training()
            stop = self._evaluate() if self._unevaluated() else self._asked_rules()
            while stop is None and self.step < self.job.total_steps:
                self._take_step()
                if self._is_due(self.job.phase.eval_every_steps):
                    stop = self._evaluate()
                if stop is None and self.job.interrupted():
                    stop = Stop(Reason.INTERRUPTED, "interrupted by the user")
                if stop is not None or self._is_due(self.job.phase.checkpoint_every.steps) or self._is_kept():
                    self._save()
        self.dashboard_logger.flush()
        return stop or Stop(Reason.ALL_STEPS_DONE, f"all {self.job.total_steps} steps are done")

    def _take_step(self) -> None:
        """One optimizer step over its micro-batches. Everything random in it depends on (seed, step) alone."""
        began = time.perf_counter()
        batches = self.job.data.train_batches(self.step)
        loaded = time.perf_counter()
        learning_rate = self.optimizer[0].param_groups[0]["lr"]
        torch.manual_seed(self.job.phase.seed * 1_000_003 + self.step)
        losses: list[dict[str, float]] = []
        for number, batch in enumerate(batches, start=1):
            _, values, _ = self.optimize(
                batch.to(self._device),
                self.optimizer[0],
                self.scaler,
                self.criterion[0],
                self.scheduler[0],
                step_optimizer=number == len(batches),
            )
            losses.append(values)
        self.step += 1
        self.total_steps_done = self.step
        record = StepRecord(
            step=self.step,
            epoch=self.job.data.epoch(self.step),
            learning_rate=learning_rate,
            loss=sum(values["loss"] for values in losses),  # optimize() has divided each by their number
            mel_ce=_mean(losses, "mel_ce"),
            text_ce_nats=_mean(losses, "text_ce_nats"),
            grad_norm=float(losses[-1]["grad_norm"]),
            clips=sum(batch.clips for batch in batches),
            seconds=time.perf_counter() - began,
            load_seconds=loaded - began,
        )
        self._write(record)

    def _evaluate(self) -> Stop | None:
        """Evaluate, keep the model if it is the best so far, ask the stop rules."""
        record = evaluate(
            self.model.xtts.gpt, self.job.data.eval_batches(), self.step, self._mean_train_mel_ce()
        )
        self._write(record)
        if read_metrics(self.job.folder.metrics).best == record:
            save_best(self.job.folder, self._state(model_loss={"eval_loss": record.mel_ce}))
        return self._asked_rules()

    def _asked_rules(self) -> Stop | None:
        return first_stop(read_metrics(self.job.folder.metrics), self.job.phase.stop_when)

    def _mean_train_mel_ce(self) -> float | None:
        """Mean training mel CE since the last evaluation, read from the records so that a resume gives the same."""
        metrics = read_metrics(self.job.folder.metrics)
        since = metrics.final.step if metrics.final else 0
        values = [record.mel_ce for record in metrics.steps if record.step > since]
        return sum(values) / len(values) if values else None

    def _unevaluated(self) -> bool:
        final = read_metrics(self.job.folder.metrics).final
        due = self.step == 0 or self._is_due(self.job.phase.eval_every_steps)
        return due and (final is None or final.step != self.step)

    def _is_due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.job.total_steps

    def _is_kept(self) -> bool:
        return any(kept.step == self.step for kept in self.job.keep)

    def _save(self) -> None:
        state = self._state(
            optimizer=[self.optimizer[0].state_dict()],
            scheduler=[self.scheduler[0].state_dict()],
            scaler=self.scaler.state_dict() if self.scaler else None,
        )
        save_checkpoint(self.job.folder, state, list(self.job.keep))
        logger.info(" > checkpoint_%d.pth written", self.step)

    def _state(self, **more: object) -> dict[str, Any]:
        return training_state(
            self.model, self.config.to_dict(), self.step, self.job.data.epoch(self.step), **more
        )

    def _write(self, record: StepRecord | EvalRecord) -> None:
        assert self.metrics is not None  # only called inside train()
        self.metrics.write(record)
        values = {key: value for key, value in record.to_json().items() if isinstance(value, int | float)}
        if isinstance(record, EvalRecord):
            self.dashboard_logger.eval_stats(self.step, values)
            logger.info(" > EVALUATION step %d: mel_ce %.4f, text_ce %.4f, stop_ce %.4f",
                        record.step, record.mel_ce, record.text_ce, record.stop_ce)  # fmt: skip
        else:
            self.dashboard_logger.train_step_stats(self.step, values)

    @property
    def _device(self) -> torch.device:
        device: torch.device = next(self.model.parameters()).device
        return device


def _configured(config: Any, phase: PhaseSpec) -> Any:
    """The model's configuration with what Trainer reads from it."""
    config.lr = phase.learning_rate
    config.batch_size = phase.batch_size
    config.training_seed = phase.seed
    config.mixed_precision = phase.precision != "fp32"
    config.precision = phase.precision if phase.precision != "fp32" else "fp16"
    config.grad_clip = phase.gradient_clip or UNCLIPPED
    config.scheduler_after_epoch = False
    config.run_eval = False  # Trainer's averages drop a batch and weigh batches equally; see evaluate.py
    config.dashboard_logger = "tensorboard"
    return config


@contextlib.contextmanager
def _in_folder(folder: Path) -> Iterator[None]:
    """Let Trainer work in `folder` rather than in one that it names after the minute."""
    named = coqui_trainer.get_experiment_folder_path
    coqui_trainer.get_experiment_folder_path = lambda *_: folder
    try:
        yield
    finally:
        coqui_trainer.get_experiment_folder_path = named


def _mean(losses: list[dict[str, float]], name: str) -> float:
    return math.fsum(values[name] for values in losses) / len(losses)
