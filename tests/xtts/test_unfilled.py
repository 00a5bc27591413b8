"""Weights that are loaded anyhow are not drawn."""

from __future__ import annotations

import torch

from xtts_finetune.xtts.model import Unfilled


class Layers(torch.nn.Module):
    """Weights filled in the ways of torch, and by hand; a buffer, which is made as ever."""

    def __init__(self) -> None:
        super().__init__()
        self.line = torch.nn.Linear(4, 4)
        self.table = torch.nn.Embedding(4, 4)
        self.by_hand = torch.nn.Parameter(torch.empty(4))
        self.by_hand.data.normal_()
        self.register_buffer("window", torch.hann_window(4))


def test_no_random_number_is_drawn_and_all_else_is_made() -> None:
    torch.manual_seed(1)
    before = torch.get_rng_state()
    with Unfilled():
        layers = Layers()
    assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(layers.window, torch.hann_window(4))
    Layers()
    assert not torch.equal(torch.get_rng_state(), before)
