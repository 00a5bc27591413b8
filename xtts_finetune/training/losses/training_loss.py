"""What a phase trains on: the weighted cross-entropies, and what the phase asks for besides."""

from __future__ import annotations

from torch import Tensor, nn

from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.losses.kl import kl_from_start
from xtts_finetune.training.losses.log_variances import LogVariances
from xtts_finetune.training.losses.start_model import StartModel
from xtts_finetune.training.losses.token_losses import token_losses
from xtts_finetune.xtts.losses import CrossEntropies, GptBatch, GptLogits, cross_entropies


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
        """The loss, and the plain cross-entropies, which carry gradients only where they are the loss.

        Of a part of a batch: what it adds to the loss of the whole.
        """
        ce = cross_entropies(logits.detached() if self._shaped else logits).of_whole(batch)
        text, mel = ce.text, ce.mel
        if self._shaped:
            of_text, of_mel = logits.halves
            text, mel = self._shaped_sum(*of_text) / ce.text_count, self._shaped_sum(*of_mel) / ce.mel_count
        if self.log_variances is not None:
            loss: Tensor = self.log_variances((text, mel), self._weights, batch.share)
        else:
            loss = self._weights[0] * text + self._weights[1] * mel
        if self._start is not None:
            before = self._start.mel_logits(batch)
            divergence = kl_from_start(before, logits.mel, logits.mel_targets, ce.mel_count)
            loss = loss + self._phase.kl_weight * divergence
        return loss, ce

    def _shaped_sum(self, logits: Tensor, targets: Tensor) -> Tensor:
        return token_losses(logits, targets, self._phase.label_smoothing, self._phase.huber_tau).sum()
