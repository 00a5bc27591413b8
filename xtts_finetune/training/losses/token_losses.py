"""The loss of each token, where it is more than its cross-entropy."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from xtts_finetune.xtts.losses import IGNORE


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
