"""What is kept of every clip until all are compared."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.data.data_samples import clip
from xtts_finetune.data.findings import Measures
from xtts_finetune.data.outlines import Outline, Outlines, first_alike, outline

MEASURES = Measures(-25.0, 0.1, 0.2, 0.0, 0.0, 0.0)
NAMES = st.sampled_from(["a", "őz", "long and with spaces"])
OUTLINES = st.builds(
    Outline,
    id=st.text(max_size=12),
    dataset=NAMES,
    sha256=st.binary(min_size=32, max_size=32).map(bytes.hex),
    file=st.text(max_size=12),
    line=st.integers(0, 2**40),
    language=NAMES,
    text=st.binary(min_size=16, max_size=16),
    voice=st.binary(min_size=16, max_size=16),
    characters=st.integers(0, 2**20),
    seconds=st.floats(0, 1e6),
    level=st.floats(-120, 0),
)


def kept(clips: Sequence[Outline]) -> Outlines:
    outlines = Outlines()
    for one in clips:
        outlines.append(one)
    return outlines


@given(clips=st.lists(OUTLINES, max_size=8))
def test_what_is_kept_comes_back(clips: list[Outline]):
    outlines = kept(clips)
    assert list(outlines) == clips
    assert [str(one) for one in outlines[1:]] == [str(one) for one in clips[1:]]
    assert outlines.levels.tolist() == [one.level for one in clips]
    if clips:
        assert outlines[-1] == clips[-1]
    with pytest.raises(IndexError):
        outlines[len(clips)]


# Few different ones, and many that end in zeros, which numpy cuts off.
KEYS = st.integers(0, 5).map(lambda number: number.to_bytes(1, "big") + bytes(31))


@given(sounds=st.lists(KEYS, max_size=20), wanted=st.frozensets(KEYS))
def test_clips_are_found_by_their_sounds(sounds: list[bytes], wanted: frozenset[bytes]):
    outlines = kept([outline(clip(n, sha256=sound.hex()), MEASURES) for n, sound in enumerate(sounds)])
    assert outlines.among(frozenset(sound.hex() for sound in wanted)).tolist() == [s in wanted for s in sounds]
    assert first_alike(outlines.sounds).tolist() == [sounds.index(sound) for sound in sounds]


def test_a_clip_takes_less_than_200_bytes():
    clips = 5_000
    tracemalloc.start()
    try:
        outlines = Outlines()
        for number in range(clips):
            record = clip(number, file=Path("voice/metadata.csv"), normalised=f"the sentence of number {number}")
            outlines.append(outline(record, MEASURES))
        # Other threads of this process may allocate meanwhile: what earlier tests have started, say.
        ours = [tracemalloc.Filter(True, "*xtts_finetune*data*"), tracemalloc.Filter(True, __file__)]
        size = sum(trace.size for trace in tracemalloc.take_snapshot().filter_traces(ours).traces)
    finally:
        tracemalloc.stop()
    assert len(outlines) == clips
    assert size < 200 * clips
    assert np.isfinite(outlines.seconds).all()
