from __future__ import annotations

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from xtts_finetune.data.batching.batches import step_generator
from xtts_finetune.data.batching.collate import collate_eval, collate_training, draw_prompt_slice
from xtts_finetune.data.cache import Item
from xtts_finetune.xtts.base import ConditioningLengths
from xtts_finetune.xtts.losses import GptBatch

LENGTHS = ConditioningLengths(66_150, 132_300)
FRAMES = 132_300 // 256 + 1
SILENCE = np.linspace(-3, -2, 80).astype(np.float32)


def item(samples: int, tokens: int = 4, evaluation: bool = False) -> Item:
    """A clip whose mel tells the number of each frame, exact in float16."""
    frames = samples // 256 + 1
    numbers = np.arange(frames) % 1024
    return Item(
        samples=samples,
        codes=(np.arange(-(-samples // 1024)) % 1024).astype(np.int16),
        text=np.arange(1, tokens + 1, dtype=np.int32),
        conditioning=np.broadcast_to(numbers, (80, frames)).astype(np.float16),
        eval_conditioning=np.full((80, FRAMES), samples, dtype=np.float32) if evaluation else None,
    )


def written_out(batch: GptBatch) -> torch.Tensor:
    """The mels with the last frame as often as it counts."""
    last = batch.conditioning[:, :, -1:].expand(-1, -1, batch.last_frame_counts - 1)
    return torch.cat([batch.conditioning, last], dim=2)


@given(samples=st.integers(11_025, 255_995), step=st.integers(0, 10_000))
def test_a_slice_is_drawn_as_coqui_draws_it(samples: int, step: int):
    part = draw_prompt_slice(samples, LENGTHS, step_generator(1, step))
    if samples < LENGTHS.minimum:
        assert part.length == samples // 2
    else:
        assert part.length == samples // 2 or LENGTHS.minimum <= part.length <= min(samples, LENGTHS.maximum)
    assert part.start % 256 == 0
    assert 0 <= part.start <= part.start + part.length <= samples
    assert part.frames.stop <= samples // 256 + 1
    assert part.frames.stop - part.frames.start <= FRAMES
    start, end = part.codes
    assert 0 <= start <= end <= -(-samples // 1024)
    assert start * 1024 <= part.start and end * 1024 <= part.start + part.length < (end + 1) * 1024


def test_slices_reach_everywhere():
    parts = [draw_prompt_slice(200_000, LENGTHS, step_generator(1, step)) for step in range(400)]
    lengths = [part.length for part in parts]
    assert min(lengths) < 70_000 and max(lengths) > 128_000
    assert min(part.start for part in parts) < 3_000
    assert max(part.start + part.length for part in parts) > 197_000


def test_the_slice_of_the_mel_is_where_the_mask_says(tmp_path: object):
    items = [item(150_000), item(200_000), item(30_000)]
    batch = collate_training(items, step_generator(3, 7), LENGTHS, SILENCE)
    whole = written_out(batch)
    assert whole.shape == (3, 80, FRAMES) and whole.dtype == torch.float32
    assert batch.prompt_slices is not None and batch.prompt_slices.dtype == torch.int64
    generator = step_generator(3, 7)
    for row, one, codes in zip(whole, items, batch.prompt_slices.tolist(), strict=True):
        part = draw_prompt_slice(one.samples, LENGTHS, generator)
        frames = part.length // 256 + 1
        first = int(row[0, 0])
        assert first == part.start // 256 and codes == [first // 4, (part.start + part.length) // 1024]
        assert row[5, :frames].tolist() == list(range(first, first + frames))
        assert torch.equal(row[:, frames:], torch.from_numpy(SILENCE)[:, None].expand(-1, FRAMES - frames))


def test_texts_and_codes_are_padded_with_their_lengths():
    batch = collate_training([item(30_000, 3), item(100_000, 5)], step_generator(1, 1), LENGTHS, SILENCE)
    assert batch.clips == 2
    assert batch.text.dtype == batch.codes.dtype == torch.int64
    assert batch.text.tolist() == [[1, 2, 3, 0, 0], [1, 2, 3, 4, 5]]
    assert batch.text_lengths.tolist() == [3, 5]
    assert batch.code_lengths.tolist() == [30, 98]
    assert batch.codes.shape == (2, 98)
    assert batch.codes[0, :30].tolist() == list(range(30)) and not batch.codes[0, 30:].any()


def test_all_chance_comes_from_the_generator():
    items = [item(150_000), item(200_000)]
    first, again = (collate_training(items, step_generator(1, 5), LENGTHS, SILENCE) for _ in range(2))
    other = collate_training(items, step_generator(1, 6), LENGTHS, SILENCE)
    assert torch.equal(first.conditioning, again.conditioning)
    assert not torch.equal(first.conditioning, other.conditioning)


def test_evaluation_takes_stock_s_conditioning_and_masks_nothing():
    batch = collate_eval([item(30_000, evaluation=True), item(100_000, evaluation=True)])
    assert batch.prompt_slices is None
    assert batch.conditioning[:, 0, 0].tolist() == [30_000, 100_000]


def test_silence_at_the_end_is_kept_once_and_counted():
    short, long = item(30_000, evaluation=True), item(100_000, evaluation=True)
    for one, heard in ((short, 50), (long, 200)):
        assert one.eval_conditioning is not None
        one.eval_conditioning[:] = SILENCE[:, None]
        one.eval_conditioning[:, :heard] = np.arange(heard)
    for items, frames in (([short], 64), ([short, long], 224), ([long], 224)):
        batch = collate_eval(items)
        assert batch.conditioning.shape[2] == frames
        expected = np.stack([one.eval_conditioning for one in items])
        assert torch.equal(written_out(batch), torch.from_numpy(expected))
    training = collate_training([item(30_000)], step_generator(1, 1), LENGTHS, SILENCE)
    assert training.conditioning.shape[2] == 64  # 15 000 // 256 + 1 frames and one of silence, rounded up
    assert written_out(training).shape[2] == FRAMES


def test_evaluation_refuses_a_training_clip():
    with pytest.raises(ValueError, match="eval set"):
        collate_eval([item(30_000, evaluation=True), item(30_000)])


def test_a_batch_moves_as_a_whole():
    batch = collate_training([item(100_000)], step_generator(1, 1), LENGTHS, SILENCE).to("meta")
    assert batch.layout is not None
    tensors = [value for part in (batch, batch.layout) for value in vars(part).values()]
    assert {value.device.type for value in tensors if isinstance(value, torch.Tensor)} == {"meta"}
    assert collate_eval([item(30_000, evaluation=True)]).to("meta").prompt_slices is None
