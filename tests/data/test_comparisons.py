"""What shows only beside the other clips."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest

from tests.data.data_samples import clip
from xtts_finetune.data import comparisons
from xtts_finetune.data.comparisons import CLIPS_FOR_A_MEDIAN
from xtts_finetune.data.findings import Measures
from xtts_finetune.data.outlines import Outline, Outlines, outline
from xtts_finetune.records.clips import ClipWarning, WarningKind

SENTENCE = "this is quite an ordinary sentence of number"


def read(number: int, seconds: float = 3.5, level: float = -25.0, **changes: object) -> Outline:
    """A clip with a sentence of 45 characters or so, read at about 13 of them a second."""
    normalised = str(changes.pop("normalised", f"{SENTENCE} {number}"))
    record = clip(
        number,
        normalised=normalised,
        seconds=seconds,
        file=Path("d/metadata.csv"),
        line=number + 1,
        **changes,
    )
    return outline(record, Measures(level, 0.0, 0.0, 0.0, 0.0, 0.0))


def ordinary(count: int = 100) -> list[Outline]:
    spread = np.random.default_rng(3)
    return [
        read(number, 3.5 * float(np.exp(spread.normal(0, 0.15))), float(spread.normal(-25, 1.5)))
        for number in range(count)
    ]


def compare(clips: Sequence[Outline], held_out: Sequence[str]) -> dict[int, list[ClipWarning]]:
    outlines = Outlines()
    for kept in clips:
        outlines.append(kept)
    return comparisons.compare(outlines, frozenset(held_out))


def kinds(outlines: Sequence[Outline], held_out: Sequence[str] = ()) -> dict[int, list[WarningKind]]:
    warned = compare(outlines, held_out)
    return {place: [warning.kind for warning in warnings] for place, warnings in warned.items()}


def one(outlines: Sequence[Outline], held_out: Sequence[str] = ()) -> tuple[int, ClipWarning]:
    """The only warning there is, with its place."""
    ((place, (warning,)),) = compare(outlines, held_out).items()
    return place, warning


def test_ordinary_clips_are_not_odd():
    assert compare(ordinary(1000), ()) == {}


@pytest.mark.parametrize("count", [100, CLIPS_FOR_A_MEDIAN])
@pytest.mark.parametrize(
    "changes",
    [
        {"normalised": "this is quite an ordi"},  # half of the text is missing
        {"normalised": f"{SENTENCE} and {SENTENCE}"},  # or half of the sound
    ],
)
def test_a_text_that_was_cut_stands_out(count: int, changes: dict[str, object]):
    place, warning = one([*ordinary(count - 1), read(999, **changes)])
    assert (place, warning.kind) == (count - 1, WarningKind.PACE)
    assert "characters in 3.5 s of speech" in warning.detail and "the data set's median is" in warning.detail


def test_every_data_set_and_language_has_its_own_pace():
    slow = [read(200 + n, 8.0, dataset="slow") for n in range(40)]
    other = [read(300 + n, 8.0, language="de") for n in range(40)]
    assert compare([*ordinary(), *slow, *other], ()) == {}


def test_a_few_clips_are_judged_by_what_any_voice_can_do():
    few = [read(n) for n in range(3)]
    assert compare([*few, read(4, 1.9)], ()) == {}
    assert one([*few, read(4, 0.9)])[1].kind is WarningKind.PACE
    assert one([*few, read(4, 30.0)])[1].kind is WarningKind.PACE


def test_short_texts_may_take_their_time():
    short = [read(500 + n, seconds, normalised="igen") for n, seconds in enumerate((0.5, 0.8, 1.0))]
    assert compare([*ordinary(), *short], ()) == {}


def test_silence_at_the_ends_is_not_speech():
    record = clip(999, normalised=f"{SENTENCE} 999", seconds=9.0)
    surrounded = outline(record, Measures(-25.0, 3.0, 2.5, 0.0, 0.0, 0.0))
    assert compare([*ordinary(), surrounded], ()) == {}


@pytest.mark.parametrize("level, how", [(-40.0, "15.0 dB quieter"), (-12.0, "13.0 dB louder")])
def test_another_loudness_stands_out(level: float, how: str):
    usual = [read(n, level=-25.0 + 0.02 * n - 1) for n in range(99)]
    place, warning = one([*usual, read(999, level=level)])
    assert (place, warning.kind) == (99, WarningKind.LOUDNESS)
    assert how in warning.detail


def test_every_data_set_has_its_own_loudness():
    quiet = [read(200 + n, level=-40.0, dataset="quiet") for n in range(40)]
    assert compare([*ordinary(), *quiet], ()) == {}


@pytest.mark.parametrize(
    "normalised, which", [(f"{SENTENCE} 7", "the same text"), ("another text altogether", "another text")]
)
def test_a_copied_sound_is_named_with_the_first(normalised: str, which: str):
    clips = [read(n) for n in range(10)]
    place, warning = one([*clips, read(10, sha256=clips[7].sha256, normalised=normalised)])
    assert (place, warning.kind) == (10, WarningKind.SAME_SOUND)
    assert warning.detail == f"as a/c7 (metadata.csv:8), with {which}"


def test_a_text_said_twice_by_one_speaker_is_named_with_the_first():
    clips = [read(n) for n in range(10)]
    place, warning = one([*clips, read(10, normalised=f"{SENTENCE} 3")])
    assert (place, warning.kind) == (10, WarningKind.SAME_TEXT)
    assert "a/c3 (metadata.csv:4)" in warning.detail


@pytest.mark.parametrize("changes", [{"speaker": "another"}, {"language": "de"}, {"dataset": "b", "speaker": "b"}])
def test_two_speakers_may_read_one_text(changes: dict[str, object]):
    clips = [read(n) for n in range(10)]
    assert compare([*clips, read(10, normalised=f"{SENTENCE} 3", **changes)], ()) == {}


def test_short_texts_are_said_again_and_again():
    assert compare([read(n, 0.8, normalised="jó estét") for n in range(5)], ()) == {}


def test_a_text_on_both_sides_of_the_split_is_named_on_the_training_side():
    clips = [read(n) for n in range(10)]
    other = read(10, normalised=f"{SENTENCE} 3", speaker="another")
    place, warning = one([*clips, other], [clips[3].sha256])
    assert (place, warning.kind) == (10, WarningKind.IN_TRAIN_AND_EVAL)
    assert "a/c3 (metadata.csv:4)" in warning.detail
    assert one([*clips, other], [other.sha256])[0] == 3
    assert compare([*clips, other], [clips[3].sha256, other.sha256]) == {}


def test_one_clip_may_have_several_warnings():
    clips = ordinary()
    assert kinds([*clips, read(999, 9.0, -45.0, normalised=f"{SENTENCE} 3")], [clips[3].sha256])[100] == [
        WarningKind.PACE,
        WarningKind.LOUDNESS,
        WarningKind.SAME_TEXT,
        WarningKind.IN_TRAIN_AND_EVAL,
    ]
