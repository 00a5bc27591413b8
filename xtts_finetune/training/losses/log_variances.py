"""The balance of text and mel CE, learned."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

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


def uncertainty_weighted(
    losses: Tensor, log_variances: Tensor, weights: Sequence[float], share: float = 1.0
) -> Tensor:
    """sum_i w_i (exp(-s_i) L_i + s_i / 2), with s_i = log sigma_i^2.

    The homoscedastic uncertainty of classification losses (Kendall, Gal and Cipolla, Multi-task learning using
    uncertainty to weigh losses for scene geometry and semantics, CVPR 2018, equation 10: L / sigma^2 + log sigma). The
    declared weight stands before both terms: s_i settles at log(2 L_i) whatever it is, so it stays what it is
    declared for, how much a task counts, while a loss that is hard to lower comes to count less.

    losses, log_variances (n,)   weights of length n   share of a whole that the losses are, for the second term
    """
    each = torch.exp(-log_variances) * losses + 0.5 * share * log_variances
    return (losses.new_tensor(weights) * each).sum()
