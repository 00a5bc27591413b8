"""How far the mel tokens' distribution has moved from that of the phase's starting model."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor

from xtts_finetune.training.losses.token_losses import log_probabilities_of
from xtts_finetune.xtts.losses import IGNORE


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
