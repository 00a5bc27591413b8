"""Conditioning as Coqui computes it, with silence computed once."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from testbed.random_base import BaseSize, make_random_base
from xtts_finetune.xtts.forward import conditioning_latents
from xtts_finetune.xtts.model import load_model


@pytest.fixture(scope="module")
def gpt(tmp_path_factory: pytest.TempPathFactory) -> torch.nn.Module:
    folder: Path = tmp_path_factory.mktemp("base")
    model = load_model(make_random_base(folder, BaseSize(layers=1, width=128, heads=4))).gpt.eval()
    with torch.no_grad():  # Coqui sets the last layer of each block to zero, which would hide what comes before
        for block in model.conditioning_encoder.attn:
            torch.nn.init.normal_(block.proj_out.weight, std=0.3)
            torch.nn.init.normal_(block.norm.weight)
            torch.nn.init.normal_(block.norm.bias)
    return model


@pytest.mark.parametrize("counts", [1, 2, 7, 300])
def test_the_latents_are_coquis_on_mels_written_out(gpt: torch.nn.Module, counts: int) -> None:
    mels = torch.randn(3, 80, 40, generator=torch.Generator().manual_seed(counts))
    whole = torch.cat([mels, mels[:, :, -1:].expand(-1, -1, counts - 1)], dim=2)
    with torch.no_grad():
        theirs = gpt.get_style_emb(whole).transpose(1, 2)
        ours = conditioning_latents(gpt, mels, counts)
    assert ours.shape == (3, 32, 128)
    torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-4)


def test_the_count_matters(gpt: torch.nn.Module) -> None:
    mels = torch.randn(1, 80, 40, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        once, often = (conditioning_latents(gpt, mels, counts) for counts in (1, 300))
    assert float((once - often).abs().max()) > 0.1


def test_gradients_are_coquis(gpt: torch.nn.Module) -> None:
    mels = torch.randn(2, 80, 30, generator=torch.Generator().manual_seed(5))
    whole = torch.cat([mels, mels[:, :, -1:].expand(-1, -1, 99)], dim=2)
    parts = [*gpt.conditioning_encoder.parameters(), *gpt.conditioning_perceiver.parameters()]
    weigh = torch.randn(2, 32, 128, generator=torch.Generator().manual_seed(6))
    theirs = torch.autograd.grad((gpt.get_style_emb(whole).transpose(1, 2) * weigh).sum(), parts)
    ours = torch.autograd.grad((conditioning_latents(gpt, mels, 100) * weigh).sum(), parts)
    for mine, yours in zip(ours, theirs, strict=True):
        scale = float(yours.abs().max())
        torch.testing.assert_close(mine, yours, rtol=1e-3, atol=1e-4 * max(1.0, scale))
