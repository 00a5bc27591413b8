"""Ranks whose weights have drifted apart are named."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from xtts_finetune.errors import WorkFailed
from xtts_finetune.ranks.group import ALONE, Ranks, check_same_weights, weights_hash


def layer(seed: int) -> nn.Module:
    torch.manual_seed(seed)
    return nn.Linear(3, 2)


class First(Ranks):
    """Rank 0 beside others that hold `others`."""

    def __init__(self, *others: nn.Module) -> None:
        self.count = 1 + len(others)
        self._others = others

    def gather(self, value: Any) -> list[Any]:
        return [value, *((weights_hash(other), f"host{n}") for n, other in enumerate(self._others))]


def test_one_alone_is_not_compared() -> None:
    assert check_same_weights(layer(1), ALONE, 0) is None


def test_equal_weights_have_one_hash() -> None:
    assert check_same_weights(layer(1), First(layer(1)), 0) == weights_hash(layer(1))


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_last_bit_of_a_weight_counts(dtype: torch.dtype) -> None:
    one, other = layer(1).to(dtype), layer(1).to(dtype)
    with torch.no_grad():
        bits = other.bias.view(torch.int16 if dtype == torch.bfloat16 else torch.int32)
        bits[1] ^= 1
    with pytest.raises(WorkFailed, match=r"rank 2 on host1 are not those of rank 0 at step 7"):
        check_same_weights(one, First(layer(1).to(dtype), other), 7)


def test_weights_that_do_not_train_may_differ() -> None:
    one, other = layer(1), layer(1)
    for model in (one, other):
        model.bias.requires_grad_(False)
    with torch.no_grad():
        other.bias[0] += 1
    assert check_same_weights(one, First(other), 0) is not None
