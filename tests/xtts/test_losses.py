"""Targets, masks and cross-entropies, on a real GPT of Coqui's."""

from __future__ import annotations

import pytest
import torch

from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.losses import (
    IGNORE,
    GptBatch,
    GptLogits,
    cross_entropies,
    gpt_cross_entropies,
    mel_sequences,
    text_sequences,
)
from xtts_finetune.xtts.model import load_model

START, STOP = 1024, 1025


def made_batch(text_lengths: list[int], code_lengths: list[int], seed: int = 0) -> GptBatch:
    generator = torch.Generator().manual_seed(seed)
    clips = len(text_lengths)
    return GptBatch(
        text=torch.randint(6, 50, (clips, max(text_lengths)), generator=generator),
        text_lengths=torch.tensor(text_lengths),
        codes=torch.randint(0, 1024, (clips, max(code_lengths)), generator=generator),
        code_lengths=torch.tensor(code_lengths),
        conditioning=torch.randn(clips, 80, 60, generator=generator),
    )


def single(batch: GptBatch, clip: int) -> GptBatch:
    text, codes = int(batch.text_lengths[clip]), int(batch.code_lengths[clip])
    return GptBatch(
        batch.text[clip : clip + 1, :text],
        batch.text_lengths[clip : clip + 1],
        batch.codes[clip : clip + 1, :codes],
        batch.code_lengths[clip : clip + 1],
        batch.conditioning[clip : clip + 1],
    )


def test_text_is_scored_on_its_tokens_and_one_stop() -> None:
    sequences = text_sequences(torch.tensor([[7, 8, 9], [5, 0, 0]]), torch.tensor([3, 1]), start=3, stop=0)
    assert sequences.inputs.tolist() == [[3, 7, 8, 9], [3, 5, 0, 0]]
    assert sequences.targets.tolist() == [[7, 8, 9, 0], [5, 0, IGNORE, IGNORE]]


def test_sound_is_scored_on_its_codes_and_four_stops() -> None:
    sequences = mel_sequences(torch.tensor([[7, 8], [5, 99]]), torch.tensor([2, 1]), START, STOP, None)
    assert sequences.targets.tolist() == [[7, 8, STOP, STOP, STOP, STOP], [5, STOP, STOP, STOP, STOP, IGNORE]]
    assert sequences.inputs.tolist() == [[START, 7, 8, STOP, STOP, STOP], [START, 5, STOP, STOP, STOP, STOP]]


def test_the_prompt_of_every_item_is_masked_and_no_stop_token_is() -> None:
    codes = torch.arange(10, 22).view(2, 6)
    prompts = torch.tensor([[1, 3], [2, 9]])  # the second one reaches past the clip's own end
    targets = mel_sequences(codes, torch.tensor([6, 4]), START, STOP, prompts).targets
    assert targets[0, :6].tolist() == [10, IGNORE, IGNORE, 13, 14, 15]
    assert targets[1, :8].tolist() == [16, 17, IGNORE, IGNORE, STOP, STOP, STOP, STOP]


def test_sums_do_not_depend_on_how_clips_are_batched(tiny_base: BaseFiles) -> None:
    gpt = load_model(tiny_base).gpt.eval()
    batch = made_batch([5, 12, 1], [40, 7, 22])
    with torch.no_grad():
        together = gpt_cross_entropies(gpt, batch)
        alone = [gpt_cross_entropies(gpt, single(batch, clip)) for clip in range(batch.clips)]
    summed = alone[0] + alone[1] + alone[2]
    for name, value in vars(together).items():
        assert float(value) == pytest.approx(float(getattr(summed, name)), rel=1e-5), name
    assert int(together.mel_count) == 40 + 7 + 22 + 3 * 4
    assert int(together.text_count) == 5 + 12 + 1 + 3


def test_stop_ce_is_that_of_each_clips_first_stop_token() -> None:
    logits = torch.zeros(6, 1026)
    logits[2, STOP] = 50.0  # certain of the first stop, after two codes
    targets = torch.tensor([7, 8, STOP, STOP, STOP, STOP])
    text = torch.zeros(2, 10), torch.tensor([1, 0])
    first_stop = torch.tensor([2])
    in_time = cross_entropies(GptLogits(*text, logits, targets, first_stop))
    assert float(in_time.stop) == pytest.approx(0.0, abs=1e-6)
    late = cross_entropies(GptLogits(*text, logits.roll(1, dims=0), targets, first_stop))
    assert float(late.stop) == pytest.approx(torch.log(torch.tensor(1026.0)).item(), rel=1e-5)


def test_sums_are_in_float32_whatever_the_logits_are() -> None:
    generator = torch.Generator().manual_seed(1)
    logits = torch.randn(6, 1026, generator=generator).bfloat16()
    targets = torch.tensor([7, 8, STOP, STOP, STOP, STOP])
    made = GptLogits(torch.zeros(1, 10), torch.tensor([0]), logits, targets, torch.tensor([2]))
    ce = cross_entropies(made)
    expected = -torch.log_softmax(logits.double(), dim=-1)[torch.arange(6), targets].sum()
    assert ce.mel_sum.dtype == torch.float32
    assert float(ce.mel_sum) == pytest.approx(float(expected), rel=1e-5)


def test_gradients_reach_every_part_of_the_gpt(tiny_base: BaseFiles) -> None:
    gpt = load_model(tiny_base).gpt.eval()
    ce = gpt_cross_entropies(gpt, made_batch([5, 12], [40, 7]))
    (ce.mel + ce.text).backward()
    without = [name for name, parameter in gpt.named_parameters() if parameter.grad is None]
    assert without == []
