"""Dropout on the CPU: the share, the scale, the gradient, and where its chance comes from."""

from __future__ import annotations

import pytest
import torch

from xtts_finetune.xtts.dropout import dropout, rows_after


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize("share", [0.1, 0.5])
def test_the_share_is_dropped_and_the_rest_scaled(dtype: torch.dtype, share: float) -> None:
    torch.manual_seed(1)
    dropped = dropout(torch.ones(1000, 999, dtype=dtype), share)
    assert dropped.dtype == dtype
    assert float((dropped == 0).float().mean()) == pytest.approx(share, abs=0.002)
    assert float(dropped[dropped != 0].float().mean()) == pytest.approx(1 / (1 - share), rel=0.005)
    # Neighbours are independent: they come from one random number of 64 bits.
    pairs = (dropped[:, :-1] == 0) & (dropped[:, 1:] == 0)
    assert float(pairs.float().mean()) == pytest.approx(share**2, abs=0.002)


def test_nothing_is_dropped_and_nothing_drawn_for_a_share_of_zero() -> None:
    values = torch.ones(3)
    before = torch.get_rng_state()
    assert dropout(values, 0.0) is values
    assert torch.equal(torch.get_rng_state(), before)


def test_chance_comes_from_torchs_generator_and_differs_from_call_to_call() -> None:
    values = torch.ones(7, 13)
    torch.manual_seed(4)
    first, second = dropout(values, 0.5), dropout(values, 0.5)
    torch.manual_seed(4)
    assert torch.equal(dropout(values, 0.5), first)
    assert not torch.equal(first, second)


def test_the_gradient_goes_where_values_stayed() -> None:
    values = torch.randn(50, requires_grad=True)
    dropped = dropout(values, 0.3)
    dropped.sum().backward()
    assert values.grad is not None
    torch.testing.assert_close(values.grad * values.detach(), dropped.detach())


@pytest.mark.parametrize("width", [16, 7])  # of a row, a whole number of draws of four, or not
def test_parts_of_a_batch_get_the_chance_of_the_whole(width: int) -> None:
    values = torch.ones(6, 3, width)
    torch.manual_seed(2)
    whole = dropout(values, 0.5)
    parts = []
    for before, here in ((0, 2), (2, 1), (3, 3)):
        torch.manual_seed(2)
        with rows_after(before, here):
            parts.append(dropout(values[before : before + here], 0.5))
    assert torch.equal(torch.cat(parts), whole)
    torch.manual_seed(2)
    assert torch.equal(dropout(values, 0.5), whole)
