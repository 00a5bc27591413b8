"""The forward pass of a step against Coqui's own, on real blocks of GPT-2."""

from __future__ import annotations

import pytest
import torch

from tests.xtts.test_losses import made_batch
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.dropout import attention
from xtts_finetune.xtts.forward import layout_of, run_again_later, run_block
from xtts_finetune.xtts.losses import gpt_cross_entropies
from xtts_finetune.xtts.model import load_model

TEXTS, CODES = [5, 12, 1], [40, 7, 22]


def test_sound_follows_text_and_padding_is_behind() -> None:
    layout = layout_of(torch.tensor([2, 1]), torch.tensor([1, 3]), 2, 3)
    assert layout.length == 16  # the second clip: 1 + 1 of text, 3 + 4 of sound; rounded up
    assert layout.text_rows.tolist() == [0, 1, 2, 3, 4]
    assert layout.text_places.tolist() == [0, 1, 2, 16, 17]
    assert layout.mel_rows.tolist() == [0, 1, 2, 3, 4, 7, 8, 9, 10, 11, 12, 13]
    assert layout.mel_places.tolist() == [3, 4, 5, 6, 7, 18, 19, 20, 21, 22, 23, 24]
    assert layout.first_stops.tolist() == [1, 8]


def test_cross_entropies_and_gradients_are_those_of_coquis_forward(tiny_base: BaseFiles) -> None:
    gpt = load_model(tiny_base).gpt.eval()
    batch = made_batch(TEXTS, CODES)
    for row, length in zip(batch.text, TEXTS, strict=True):
        row[length:] = gpt.stop_text_token  # Coqui takes what pads a text for its stop token
    text_loss, mel_loss, _ = gpt(
        batch.text.clone(),
        batch.text_lengths,
        batch.codes.clone(),
        batch.code_lengths * 1024,
        cond_mels=batch.conditioning[:, None],
    )
    ce = gpt_cross_entropies(gpt, batch)
    assert ce.text.item() == pytest.approx(text_loss.item(), abs=1e-5)
    assert ce.mel.item() == pytest.approx(mel_loss.item(), abs=1e-5)
    weights = [weight for weight in gpt.parameters() if weight.requires_grad]
    theirs = torch.autograd.grad(mel_loss + text_loss, weights, allow_unused=True)
    ours = torch.autograd.grad(ce.mel + ce.text, weights, allow_unused=True)
    for mine, yours in zip(ours, theirs, strict=True):
        if yours is not None:
            torch.testing.assert_close(mine, yours, rtol=1e-3, atol=1e-6)


def test_no_token_sees_a_later_one(tiny_base: BaseFiles) -> None:
    gpt = load_model(tiny_base).gpt.eval()
    batch = made_batch([4], [20])
    changed = made_batch([4], [20])
    changed.codes[0, 15:] = 3
    seen = []

    def noted(block: object, hidden: torch.Tensor) -> torch.Tensor:
        seen.append(run_block(block, hidden))
        return seen[-1]

    with torch.no_grad():
        gpt_cross_entropies(gpt, batch, noted)
        gpt_cross_entropies(gpt, changed, noted)
    before, after = seen[len(seen) // 2 - 1], seen[-1]
    same = (before == after).all(-1)[0]
    first_changed = 32 + 5 + 1 + 15  # conditioning, text, the start of the sound, the codes that stayed
    assert same[:first_changed].all() and not same[first_changed : first_changed + 5].any()


def test_computing_blocks_twice_changes_no_gradient(tiny_base: BaseFiles) -> None:
    gpt = load_model(tiny_base).gpt.train()

    def gradients(run: object) -> list[torch.Tensor]:
        torch.manual_seed(3)  # dropout must come out the same the second time
        ce = gpt_cross_entropies(gpt, made_batch(TEXTS, CODES), run)  # type: ignore[arg-type]
        return list(torch.autograd.grad(ce.mel, list(gpt.gpt.parameters())))

    kept = gradients(run_block)
    again = gradients(lambda block, hidden: run_again_later(run_block, block, hidden))
    assert all(torch.equal(one, other) for one, other in zip(kept, again, strict=True))


@pytest.mark.parametrize("causal", [False, True])
def test_attention_written_out_is_torchs(causal: bool) -> None:
    generator = torch.Generator().manual_seed(2)
    query, key, value = torch.randn(3, 2, 4, 30, 16, generator=generator)
    bias = None if causal else torch.randn(1, 30, generator=generator)
    exact = attention(query, key, value, bias, causal)  # float32 on the CPU is torch's kernel
    halves = (None if part is None else part.bfloat16() for part in (query, key, value, bias))
    written_out = attention(*halves, causal)  # type: ignore[arg-type]
    torch.testing.assert_close(written_out.float(), exact, rtol=0.05, atol=0.05)


def test_padding_is_never_scored() -> None:
    layout = made_batch(TEXTS, CODES).laid_out().layout
    assert layout is not None
    assert len(layout.text_rows) == sum(TEXTS) + 3 and len(layout.mel_rows) == sum(CODES) + 12
