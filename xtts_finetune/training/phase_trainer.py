"""Coqui's Trainer with a step loop of its own: its set-up, `optimize()`, loggers and formats are used as they are."""

from __future__ import annotations

import logging
import math
import shutil
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from trainer import Trainer, TrainerArgs

from xtts_finetune.ranks.group import check_same_weights
from xtts_finetune.records.metrics import StepRecord
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.training.device import is_full
from xtts_finetune.training.optimizing.optimizer import follow_plateau, gather_moments
from xtts_finetune.training.phase_data import PhaseJob
from xtts_finetune.training.phase_model import PhaseModel, configured, hide_events_after, in_folder
from xtts_finetune.training.recorder import Recorder, eval_record, sums_of_batches
from xtts_finetune.training.rules import first_stop
from xtts_finetune.training.rules.foreign_start import foreign_start
from xtts_finetune.training.rules.no_op import changed_nothing
from xtts_finetune.training.saves import Saves
from xtts_finetune.training.saving import (
    clear_best_models,
    clear_checkpoints,
    save_best,
    save_checkpoint,
    training_state,
)
from xtts_finetune.training.spilling import Spilling
from xtts_finetune.training.stepping import Readback, Stepper
from xtts_finetune.xtts.losses import CrossEntropies, GptBatch

logger = logging.getLogger("trainer")  # what is logged here goes to trainer_0_log.txt, as stock's lines do


INTERRUPTED_BY_USER = Stop(Reason.INTERRUPTED, "interrupted by the user")


class _EvaluationInterrupted(Exception):
    """The user asked for the end in the middle of an evaluation."""


class PhaseTrainer(Trainer):  # type: ignore[misc]  # Trainer has no types
    """Trains one phase in its folder, from `step` on, until all steps are done or a rule stops it."""

    def __init__(self, model: PhaseModel, job: PhaseJob) -> None:
        self.job = job
        self.step = 0
        self.first = job.ranks.rank == 0
        # Trainer would make a folder named after the run and the minute, and parse our command line. What it writes
        # for a rank that only follows is of no use to anybody.
        with in_folder(job.folder.path if self.first else Path(tempfile.mkdtemp(prefix="xtts-finetune-rank"))):
            super().__init__(
                TrainerArgs(gpu=0 if torch.cuda.is_available() else None),
                configured(model.config, job.phase),
                model=model,
                parse_command_line_args=False,
            )
        self.records: Recorder
        self._unread: deque[tuple[Readback, dict[str, Any]]] = deque()
        self._saved_at = time.monotonic()
        self._spilling = Spilling(is_full, job.note, job.phase.on_out_of_memory == "halve_batch")
        self._crawls: Stop | None = None
        self._saves = Saves(beside=self._device.type == "cuda")

    def save_training_script(self) -> None:
        """Nothing: Trainer would copy the command that was started into the folder."""

    def train(self) -> Stop:
        """The step loop. `fit()` is not used: it hides exceptions, deletes folders and knows no stop rule."""
        try:
            stop = self._train()
            self._saves.wait()
        finally:
            self._saves.settle()
        if not self.first:
            shutil.rmtree(self.output_path, ignore_errors=True)
        elif stop.reason.status != "interrupted":
            clear_best_models(self.job.folder, self.records.history.evals, self.job.phase.keep.best, ended=True)
        return stop

    def _train(self) -> Stop:
        check_same_weights(self.model, self.job.ranks, self.step)
        self._stepper = Stepper(
            self.model, self.optimizer[0], self.scheduler[0], self.scaler, self.job.phase, self.job.ranks
        )
        with Recorder(
            self.job.folder.metrics, self.dashboard_logger, not self.first, self.job.continued_at
        ) as self.records:
            self._follow_plateau_of_before()
            self.model.set_training()
            stop = self._evaluate() if self._evaluation_is_due() else self._speak_and_ask()
            stop = self._agree_over_ranks(stop or self._pause_due())
            while stop is None and self.step < self.job.total_steps:
                self._take_step()
                stop = self._evaluate() if self._is_due(self.job.phase.eval_every_steps) else self._ask_rules()
                if stop is None and self.job.interrupted():
                    stop = INTERRUPTED_BY_USER
                stop = self._agree_over_ranks(stop or self._pause_due())
                if self._must_save(stop):
                    self._save()
            self._write_steps()
        return stop or changed_nothing(self.records.history) or self._all_done()

    def go_on_from(self, step: int) -> None:
        """Count on from a step whose weights, optimizer and schedule have been put in place."""
        self.step = self.total_steps_done = step
        if self.first:
            hide_events_after(self.dashboard_logger, step)

    def _pause_due(self) -> Stop | None:
        """The stop at the step where the phase is to wait, once it is there; the end of the phase is no pause."""
        mark = self.job.pause_at
        if mark is None or self.step < mark or self.step >= self.job.total_steps:
            return None
        return Stop(Reason.PAUSED, f"paused at step {self.step}, for a comparison", {"step": self.step})

    def _agree_over_ranks(self, stop: Stop | None) -> Stop | None:
        """Rank 0's stop, or that of a rank that was interrupted, on all of them."""
        ranks = self.job.ranks
        if ranks.count == 1:
            return stop
        counts = stop is not None and (self.first or stop is INTERRUPTED_BY_USER)
        if not ranks.any(counts):
            return None
        return next(each for each in ranks.gather(stop if counts else None) if each is not None)

    def _all_done(self) -> Stop:
        return Stop(Reason.ALL_STEPS_DONE, f"all {self.job.total_steps} steps are done", {"step": self.step})

    def _take_step(self) -> None:
        """One optimizer step over its micro-batches. Everything random in it depends on (seed, step) alone."""
        began = time.perf_counter()
        batches = self.job.data.train_batches(self.step)
        loaded = time.perf_counter()
        learning_rate = self.optimizer[0].param_groups[0]["lr"]
        seed = self.job.phase.seed * 1_000_003 + self.step
        values = self._stepper.take(batches, self.job.data.micro_batches, seed)
        clips = self.job.data.clips_of(self.step)
        self.step += 1
        self.total_steps_done = self.step
        known = {
            "step": self.step,
            "epoch": self.job.data.epoch(self.step),
            "learning_rate": learning_rate,
            "clips": clips,
            "load_seconds": loaded - began,
        }
        self._write_steps(in_a_step=True)  # of the step before: a GPU that works on this one is not waited for
        self._unread.append((values, {**known, "seconds": time.perf_counter() - began}))
        if self._device.type == "cpu":
            self._write_steps()

    def _write_steps(self, in_a_step: bool = False) -> None:
        """Write the records of the steps whose values are still to be read from the device.

        What is waited for in the next step is that one's time; else the step's own.
        """
        while self._unread:
            values, known = self._unread.popleft()
            began = time.perf_counter()
            numbers = values.get()
            if not in_a_step:
                known["seconds"] += time.perf_counter() - began
            stepped = self.scaler is None or math.isfinite(numbers.grad_norm)
            self.records.write(StepRecord(**known, **vars(numbers), stepped=stepped))
            self._crawls = self._crawls or self._spilling.see(known["step"], known["seconds"])

    def _evaluate(self) -> Stop | None:
        """Evaluate, keep the model if it is among the best so far, let it speak, ask the stop rules."""
        self._write_steps()
        started, gpt = time.perf_counter(), self.model.xtts.gpt
        sums = self.job.ranks.gather(self._eval_sums())
        done = [each for each in sums if each is not None]
        if len(done) < len(sums):
            return INTERRUPTED_BY_USER  # the same command evaluates this step anew
        record = eval_record(gpt, done, self.step, started, self.records.mean_train_mel_ce())
        self.records.write(record)
        if self.step == 0 and self.job.base is not None:
            stop = foreign_start(record, self.job.base)
            if stop is not None:
                return stop
        self._follow_plateau()
        if self.first:
            state = self._state(self.model.weights(), model_loss={"eval_loss": record.mel_ce})
            evals, keep = tuple(self.records.history.evals), self.job.phase.keep.best
            self._saves.do(state, lambda state: save_best(self.job.folder, state, evals, keep))
        return self._speak_and_ask()

    def _eval_sums(self) -> list[CrossEntropies] | None:
        """The sums of this rank's batches; None when the user asked for the end meanwhile."""
        try:
            return sums_of_batches(self.model.xtts.gpt, self._eval_batches())
        except _EvaluationInterrupted:
            return None

    def _follow_plateau(self) -> None:
        """Let the learning rate fall where the schedule waits for evaluations; checkpoints hold what it came to."""
        mel_ces = [record.mel_ce for record in self.records.history.evals]
        follow_plateau(self.scheduler[0], self.model.course, mel_ces)

    def _follow_plateau_of_before(self) -> None:
        """A phase that goes on under other values: what its evaluations lowered the rate by stays."""
        if self.job.continued_at and self.step == self.job.continued_at:
            self._follow_plateau()

    def _speak_and_ask(self) -> Stop | None:
        """Ask the stop rules, and once more after the model has spoken where that is due."""
        stop = self._ask_rules()
        if stop is not None or self.job.speak is None or not self._speech_is_due():
            return stop  # ruined weights cannot speak
        quality = self.job.speak(self.model.xtts, self.step, self.job.interrupted)
        if quality is None:
            return INTERRUPTED_BY_USER  # the same command speaks at this step anew
        self.records.write(quality)
        return self._ask_rules()

    def _eval_batches(self) -> Iterator[GptBatch]:
        """The eval set, left in the middle when the user asks for the end: a full one may take minutes."""
        for batch in self.job.data.eval_batches():
            if self.job.interrupted():
                raise _EvaluationInterrupted
            yield batch

    def _ask_rules(self) -> Stop | None:
        stop = first_stop(self.records.history, self.job.phase.stop_when, self.records.since_continued)
        return stop or self._crawls

    def _evaluation_is_due(self) -> bool:
        final = self.records.history.final
        due = self.step == 0 or self._is_due(self.job.phase.eval_every_steps)
        return due and (final is None or final.step != self.step)

    def _speech_is_due(self) -> bool:
        """At every so many evaluations, the first one included, unless it was done before a resume."""
        every, evals, spoken = (
            self.job.phase.utterances_every_evals,
            self.records.history.evals,
            self.records.history.quality,
        )
        if every is None or not evals or evals[-1].step != self.step or (len(evals) - 1) % every:
            return False
        return not spoken or spoken[-1].step != self.step

    def _is_due(self, every: int) -> bool:
        return self.step % every == 0 or self.step == self.job.total_steps

    def _must_save(self, stop: Stop | None) -> bool:
        """After every so many steps, at the end, where a later phase starts, and when the clock says so."""
        if stop is not None:
            # Ruined weights must not replace whole ones.
            return stop.reason not in (Reason.NOT_FINITE, Reason.BAD_START)
        every = self.job.phase.checkpoint_every
        late = every.minutes is not None and self.job.ranks.any(
            self.first and time.monotonic() - self._saved_at >= 60 * every.minutes
        )
        return late or self._is_due(every.steps) or any(kept.step == self.step for kept in self.job.needed)

    def _save(self) -> None:
        """Write a checkpoint. All ranks take part: their weights are compared, and moments put together."""
        self._write_steps()
        self.records.sync()
        same = check_same_weights(self.model, self.job.ranks, self.step)
        gather_moments(self.optimizer[0])
        self._saved_at = time.monotonic()
        if not self.first:
            return
        state = self._state(
            self.model.checkpoint_weights(),
            optimizer=[self.optimizer[0].state_dict()],
            scheduler=[self.scheduler[0].state_dict()],
            scaler=self.scaler.state_dict() if self.scaler else None,
            **self.model.of_resuming(),
        )
        step, regular = self.step, self._is_due(self.job.phase.checkpoint_every.steps)

        def write(state: dict[str, Any]) -> None:
            save_checkpoint(self.job.folder, state, regular)
            clear_checkpoints(self.job.folder, self.job.phase.keep.checkpoints, self.job.needed)
            logger.info(" > checkpoint_%d.pth written", step)

        self._saves.do(state, write)
        if same is not None:
            logger.info(" > %d ranks have the same weights: %s", self.job.ranks.count, same)

    def _state(self, weights: dict[str, torch.Tensor], **more: object) -> dict[str, Any]:
        return training_state(weights, self.config.to_dict(), self.step, self.job.data.epoch(self.step), **more)

    @property
    def _device(self) -> torch.device:
        device: torch.device = next(self.model.parameters()).device
        return device
