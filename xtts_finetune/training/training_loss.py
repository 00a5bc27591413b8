"""What a phase trains on: the weighted cross-entropies of text and mel tokens, and what the phase asks for besides.

That may be a loss of each token other than its cross-entropy, a balance of the two that is learned, and a tie to the
model that the phase started from.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Iterator, Sequence
from typing import Any, Protocol

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.optimizing.trainable import adapters_off
from xtts_finetune.xtts.losses import IGNORE, CrossEntropies, GptBatch, GptLogits, cross_entropies, gpt_logits


class StartModel(Protocol):
    """Gives the starting model's logits for a batch."""

    def mel_logits(self, batch: GptBatch) -> Tensor:
        """(audio tokens, 1026), without gradients, nothing of it random."""


class FrozenCopy:
    """A copy of the GPT as it was, on the device of the batches."""

    def __init__(self, gpt: Any) -> None:
        self._gpt = gpt.eval().requires_grad_(False)

    @torch.no_grad()
    def mel_logits(self, batch: GptBatch) -> Tensor:
        """The copy's logits."""
        if next(self._gpt.parameters()).device != batch.text.device:
            self._gpt.to(batch.text.device)
        return gpt_logits(self._gpt, batch).mel


class WithoutAdapters:
    """The GPT that is trained, its adapters switched off: what they add to has not changed, so no copy is needed."""

    def __init__(self, gpt: Any) -> None:
        self._gpt = gpt

    @torch.no_grad()
    def mel_logits(self, batch: GptBatch) -> Tensor:
        """The logits without what the adapters add."""
        with adapters_off(self._gpt), _evaluating(self._gpt):
            return gpt_logits(self._gpt, batch).mel


@contextlib.contextmanager
def _evaluating(gpt: Any) -> Iterator[None]:
    """Inside, nothing is dropped; the mode is put back."""
    was_training = gpt.training
    gpt.eval()
    try:
        yield
    finally:
        gpt.train(was_training)


# Adam moves a parameter by about the learning rate a step. A logarithm has to move by about 1 in a phase, where a
# GPT's own rate of 1e-5 would leave it where it is; it follows the schedule all the same.
LEARNING_RATE = 1e-3


class LogVariances(nn.Module):
    """One learned s = log sigma^2 for each loss; they begin at 0, where the sum is the declared one."""

    def __init__(self, losses: int) -> None:
        super().__init__()
        self.values = nn.Parameter(torch.zeros(losses))

    def forward(self, losses: Sequence[Tensor], weights: Sequence[float], share: float = 1.0) -> Tensor:
        """The weighted losses under the learned balance; `share`: of the batch that the losses are a part of."""
        return uncertainty_weighted(torch.stack(list(losses)), self.values, weights, share)


def uncertainty_weighted(losses: Tensor, log_variances: Tensor, weights: Sequence[float], share: float = 1.0) -> Tensor:
    """sum_i w_i (exp(-s_i) L_i + s_i / 2), with s_i = log sigma_i^2.

    The homoscedastic uncertainty of classification losses (Kendall, Gal and Cipolla, Multi-task learning using
    uncertainty to weigh losses for scene geometry and semantics, CVPR 2018, equation 10: L / sigma^2 + log sigma). The
    declared weight stands before both terms: s_i settles at log(2 L_i) whatever it is, so it stays what it is
    declared for, how much a task counts, while a loss that is hard to lower comes to count less.

    losses, log_variances (n,)   weights of length n   share of a whole that the losses are, for the second term
    """
    each = torch.exp(-log_variances) * losses + 0.5 * share * log_variances
    # Numbers, not a tensor of them: on a GPU that would be a copy that waits for the step.
    return torch.stack([weight * value for weight, value in zip(weights, each, strict=True)]).sum()


def huberised(log_likelihood: Tensor, tau: float) -> Tensor:
    """Partially Huberised cross-entropy: -log p, continued as a straight line in p below p = 1 / tau.

    -log p for p > 1 / tau, else log(tau) + 1 - tau p (Menon, Rawat, Reddi and Kumar, Can gradient clipping mitigate
    label noise?, ICLR 2020, equation 9). Value and slope meet at 1 / tau. A target that the model holds for impossible,
    as a wrong code is, pulls with tau p instead of 1, so that it does not lead.

    log_likelihood  float32, any shape: log p of each target
    """
    linear = math.log(tau) + 1 - tau * log_likelihood.exp()
    return torch.where(log_likelihood > -math.log(tau), -log_likelihood, linear)


def smoothed(loss_of_target: Tensor, log_probabilities: Tensor, share: float) -> Tensor:
    """(1 - share) x the target's loss + share x the mean CE of all tokens.

    With the plain CE as the target's loss this is the CE with targets (1 - share) one-hot + share / K (Szegedy et al.,
    Rethinking the Inception architecture for computer vision, CVPR 2016, section 7).

    loss_of_target  (tokens,)    log_probabilities  (tokens, K)
    """
    return (1 - share) * loss_of_target - share * log_probabilities.mean(-1)


def log_probabilities_of(logits: Tensor) -> Tensor:
    """log softmax over the last dimension, in float32 at least."""
    return logits.to(torch.promote_types(logits.dtype, torch.float32)).log_softmax(-1)


def token_losses(logits: Tensor, targets: Tensor, smoothing: float = 0.0, tau: float | None = None) -> Tensor:
    """(tokens,) The loss of each token in nats, in float32 at least; 0 where the target is IGNORE.

    logits (tokens, K)   targets int64 (tokens,)   `tau` None: the plain CE
    """
    counts = targets != IGNORE
    log_probabilities = log_probabilities_of(logits)
    wanted = torch.where(counts, targets, 0)[:, None]
    log_likelihood = log_probabilities.gather(1, wanted).squeeze(1)
    each = -log_likelihood if tau is None else huberised(log_likelihood, tau)
    if smoothing:
        each = smoothed(each, log_probabilities, smoothing)
    return torch.where(counts, each, 0.0)


def kl_from_start(start_logits: Tensor, logits: Tensor, targets: Tensor, count: Tensor | None = None) -> Tensor:
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
