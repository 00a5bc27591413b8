"""The model as Coqui's Trainer sees it: Coqui's XTTS inside, this package's losses outside, a phase's settings."""

from __future__ import annotations

import contextlib
import functools
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
import torch.distributed as dist
import trainer.trainer as coqui_trainer
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from trainer.model import TrainerModel
from TTS.tts.models.xtts import Xtts

from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.optimizing.course import StepsOf, course_of
from xtts_finetune.training.optimizing.optimizer import make_optimizer, make_schedule, trained_names
from xtts_finetune.training.optimizing.trainable import (
    adapter_weights,
    load_with_adapters,
    make_trainable,
    merged_weights,
)
from xtts_finetune.training.training_loss import LEARNING_RATE, StartModel, TrainingLoss
from xtts_finetune.xtts.forward import RunBlock, run_again_later, run_block
from xtts_finetune.xtts.losses import GptBatch, gpt_logits
from xtts_finetune.xtts.state import StateDict, hifigan_of, without_hifigan


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


class PhaseModel(TrainerModel):  # type: ignore[misc]  # TrainerModel has no types
    """Trains the GPT of an XTTS model as a phase declares. Its weights are named as stock's: 'xtts.gpt. ...'.

    With `own_hifigan` its HiFi-GAN is not the base's, and its checkpoints carry it. `steps_of` gives the optimizer
    steps of so many epochs, for a schedule in epochs. `start` is the model that the phase started from, where the
    phase is held to it: adapters are held to what they add to, and need none.
    """

    def __init__(
        self,
        xtts: Xtts,
        phase: PhaseSpec,
        total_steps: int,
        own_hifigan: bool = False,
        steps_of: StepsOf = math.ceil,
        start: StartModel | None = None,
    ) -> None:
        super().__init__()
        self.xtts = xtts
        self.own_hifigan = own_hifigan
        self.config = xtts.config
        self.course = course_of(phase, total_steps, steps_of)
        self._phase = phase
        self._run_block = _block_runner(phase)
        self.requires_grad_(False)
        make_trainable(xtts.gpt, phase.train, phase.seed)
        self.loss = TrainingLoss(phase, start)

    def weights(self) -> StateDict:
        """All weights under stock's names, as `best_model.pth` holds them: adapters are added up."""
        of_the_loss = self._state_of_loss()
        return {key: value for key, value in merged_weights(self).items() if key not in of_the_loss}

    def checkpoint_weights(self) -> StateDict:
        """`weights` without a HiFi-GAN that the base has: it never trains."""
        weights = self.weights()
        return weights if self.own_hifigan else without_hifigan(weights)

    def of_resuming(self) -> dict[str, Any]:
        """What a checkpoint holds besides weights: whose moments the optimizer's are, adapters, log-variances."""
        names = [name for group in trained_names(self.xtts.gpt) for name in group]
        names += [name for name, _ in self.loss.named_parameters(prefix="loss")]
        extras = {"lora": adapter_weights(self), "log_variances": self._state_of_loss()}
        return {"trained": names, **{key: weights for key, weights in extras.items() if weights}}

    def extra_weights(self) -> StateDict:
        """What of a checkpoint's own tensors are not among `weights`: adapters and log-variances."""
        return adapter_weights(self) | self._state_of_loss()

    def take_over(self, checkpoint: dict[str, Any]) -> None:
        """Go on from the weights of this phase's own checkpoint, which must fit: `starting` checks that first."""
        weights = checkpoint["model"]
        self.own_hifigan = bool(hifigan_of(weights))
        load_with_adapters(self, hifigan_of(self.weights()) | weights, extras_of(checkpoint))

    def set_training(self) -> None:
        """Dropout in the GPT alone."""
        torch.nn.Module.eval(self.xtts)  # Xtts.eval would add inference's copies to the weights
        self.xtts.gpt.train()

    def train_step(
        self, batch: GptBatch, criterion: object, optimizer_idx: int | None = None
    ) -> tuple[dict[str, Any], dict[str, torch.Tensor]]:
        """Losses of a batch, scalars: what is trained on, and the plain cross-entropies, means over tokens in nats."""
        loss, ce = self.loss(gpt_logits(self.xtts.gpt, batch, self._run_block), batch)
        return {"model_outputs": None}, {"loss": loss, "mel_ce": ce.mel, "text_ce_nats": ce.text}

    def forward(self, batch: GptBatch) -> dict[str, Any]:
        """The training step under the name that wrappers of a module call."""
        return self.train_step(batch, None)[1]

    def get_criterion(self) -> torch.nn.Module:
        """The loss is part of `train_step`; Trainer wants a module all the same."""
        return torch.nn.Identity()

    def get_optimizer(self) -> torch.optim.Optimizer:
        """AdamW over what trains, decay on weights only; a balance that is learned has a rate of its own."""
        phase = self._phase
        sharded = phase.optimizer_state == "sharded" and dist.is_initialized()
        optimizer = make_optimizer(
            self.xtts.gpt, phase.learning_rate, phase.weight_decay, sharded, phase.optimizer_moments
        )
        balance = list(self.loss.parameters())
        if balance:
            optimizer.add_param_group({"params": balance, "lr": LEARNING_RATE, "weight_decay": 0.0})
        return optimizer

    def get_scheduler(self, optimizer: list[torch.optim.Optimizer]) -> torch.optim.lr_scheduler.LRScheduler:
        """The declared schedule, stepped with the optimizer."""
        return make_schedule(optimizer[0], self.course)

    def get_data_loader(self, *arguments: object, **keywords: object) -> None:
        """Unused: batches come from the cache, see `phase_data`."""

    def _state_of_loss(self) -> StateDict:
        return dict(self.loss.state_dict(prefix="loss."))


def extras_of(checkpoint: dict[str, Any]) -> StateDict:
    """What a checkpoint holds of `PhaseModel.extra_weights`."""
    return {**(checkpoint.get("lora") or {}), **(checkpoint.get("log_variances") or {})}


def _block_runner(phase: PhaseSpec) -> RunBlock:
    run = torch.compile(run_block, dynamic=True) if phase.compile else run_block
    return functools.partial(run_again_later, run) if phase.gradient_checkpointing else run
