"""What a phase trains on: the weighted cross-entropies, and what the phase asks for besides."""

from __future__ import annotations

from torch import Tensor, nn

from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.losses.kl import kl_from_start
from xtts_finetune.training.losses.log_variances import LogVariances
from xtts_finetune.training.losses.start_model import StartModel
from xtts_finetune.training.losses.token_losses import token_losses
from xtts_finetune.xtts.losses import IGNORE, CrossEntropies, GptBatch, GptLogits, cross_entropies


class TrainingLoss(nn.Module):
    """The loss of one phase. Where it asks for nothing special, text CE and mel CE under their weights.

    Its only parameters are the log-variances of `adaptive_loss_weights`.
    """

    def __init__(self, phase: PhaseSpec, start: StartModel | None) -> None:
        super().__init__()
        if phase.kl_weight and start is None:
            raise ValueError("kl_weight needs the model that the phase started from")
        self._phase, self._start = phase, start
        self._weights = (phase.text_loss_weight, phase.mel_loss_weight)
        self._shaped = bool(phase.label_smoothing) or phase.huber_tau is not None
        self.log_variances = LogVariances(len(self._weights)) if phase.adaptive_loss_weights else None

    def forward(self, logits: GptLogits, batch: GptBatch) -> tuple[Tensor, CrossEntropies]:
        """The loss, and the plain cross-entropies, which carry gradients only where they are the loss."""
        if self._shaped:
            ce = cross_entropies(logits.detached())
            text, mel = (self._shaped_mean(*half) for half in logits.halves)
        else:
            ce = cross_entropies(logits)
            text, mel = ce.text, ce.mel
        if self.log_variances is not None:
            loss: Tensor = self.log_variances((text, mel), self._weights)
        else:
            loss = self._weights[0] * text + self._weights[1] * mel
        if self._start is not None:
            divergence = kl_from_start(self._start.mel_logits(batch), logits.mel, logits.mel_targets)
            loss = loss + self._phase.kl_weight * divergence
        return loss, ce

    def _shaped_mean(self, logits: Tensor, targets: Tensor) -> Tensor:
        each = token_losses(logits, targets, self._phase.label_smoothing, self._phase.huber_tau)
        return each.sum() / (targets != IGNORE).sum()
