"""What a phase trains on: the weighted cross-entropies, and what the phase asks for besides.

How far the mel tokens' distribution has moved from that of the phase's starting model.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.losses.log_variances import LogVariances
from xtts_finetune.training.losses.start_model import StartModel
from xtts_finetune.training.losses.token_losses import log_probabilities_of, token_losses
from xtts_finetune.xtts.losses import IGNORE, CrossEntropies, GptBatch, GptLogits, cross_entropies


def kl_from_start(
    start_logits: Tensor, logits: Tensor, targets: Tensor, count: Tensor | None = None
) -> Tensor:
    """The mean over scored tokens of KL(start || now) = sum_k p_start(k) (log p_start(k) - log p_now(k)), in nats.

    Kullback and Leibler, On information and sufficiency, 1951; as a tie to the model that fine-tuning starts from:
    Yu et al., KL-divergence regularized deep neural network adaptation, ICASSP 2013.

    start_logits, logits (tokens, K)   targets (tokens,), those that are IGNORE do not count
    `count`: the scored tokens of the whole that these are a part of; left out, they are the whole
    Computed in float32 at least; no gradient goes to `start_logits`.
    """
    before, now = log_probabilities_of(start_logits.detach()), log_probabilities_of(logits)
    each = F.kl_div(now, before, reduction="none", log_target=True).sum(-1)
    counts = targets != IGNORE
    return (each * counts).sum() / (counts.sum() if count is None else count)


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
