"""The figures about imported recordings: what is counted as a cut in sound, as a word error, as found."""

from __future__ import annotations

import json
import random
from itertools import pairwise
from pathlib import Path

import numpy as np
import pytest
import soundfile

from benchmarks.recordings import figures, own_text, wrong_texts
from benchmarks.recordings.kills import differences
from benchmarks.recordings.peers import sentences_of
from benchmarks.recordings.truth import Truth
from xtts_finetune.records.stretches import Reason, Stretch, Word

RATE = 44_100
TEXTS = (
    "The first boat left.", "People had little bread.", "Nobody waited under the bridge.", "It was a cold morning.",
    "Her house was small.", "They never met again.", "The river was wide.", "Rain fell after dark.",
)  # fmt: skip


SENTENCES, EACH = 120, 1.2


@pytest.fixture(scope="module")
def truth(tmp_path_factory: pytest.TempPathFactory) -> Truth:
    """Sentences of 0.7 s whose words are equally long, with half a second of a quiet room between; music at the end."""
    folder, rng = tmp_path_factory.mktemp("made"), np.random.default_rng(1)
    seconds = SENTENCES * EACH + 2
    audio = rng.normal(size=int(seconds * RATE)) * 0.0005
    sentences = []
    for number in range(SENTENCES):
        start, said = EACH * number + 0.25, TEXTS[number % len(TEXTS)]
        first, size = int(start * RATE), int(0.7 * RATE)
        audio[first : first + size] += rng.normal(size=size) * 0.1
        words = [list(edges) for edges in pairwise(np.linspace(start, start + 0.7, len(said.split()) + 1).tolist())]
        times = {"start": start, "end": start + 0.7, "words": words, "paragraph": number // 5}
        sentences.append({"speaker": "joe", "text": said, "said": said, **times})
    soundfile.write(folder / "made.wav", np.stack([audio, audio], axis=1), RATE)
    events = [{"kind": "music", "start": seconds - 1.5, "end": seconds - 0.5}]
    content = {"seconds": seconds, "sentences": sentences, "events": events}
    (folder / "truth.json").write_text(json.dumps(content), encoding="utf-8")
    return Truth.read(folder)


def clip(start: float, end: float, text: str, state: str = "kept", *kinds: str) -> Stretch:
    return Stretch("wavs/x.flac", "made.wav", start, end, text, state, tuple(Reason(kind) for kind in kinds))  # type: ignore[arg-type]


def test_a_cut_in_a_pause_counts_as_right_and_one_in_a_word_or_next_to_sound_does_not(truth: Truth) -> None:
    found = figures.cuts_of(truth, [(0.1, 1.1), (1.3, 2.32), (2.73, 3.5)])
    assert found.in_sound == [2.73]
    assert found.in_word == [(2.73, "Nobody")]


def test_texts_are_compared_with_what_is_said_between_the_ends_of_a_clip(truth: Truth) -> None:
    right, wrong = clip(0.1, 1.1, TEXTS[0]), clip(1.3, 2.3, "People had little.")
    found = figures.word_errors(truth, [right, wrong, clip(2.5, 3.5, "nothing at all", "doubtful")])
    assert (found["errors"], found["words"]) == (1, 8)
    assert figures.share_of_speech(truth, [right, wrong])["kept"] == pytest.approx(2 / SENTENCES, abs=1e-4)


@pytest.mark.parametrize(
    "stretch, flagged",
    [
        (clip(144.4, 145.6, "", "left out", "music"), True),
        (clip(144.4, 145.6, "", "left out", "silence"), False),
        (clip(144.4, 144.8, "", "doubtful", "music"), False),
        (clip(144.4, 145.6, "", "kept", "music"), False),
    ],
)
def test_music_is_flagged_where_half_of_it_is_not_kept_and_the_reason_says_so(
    truth: Truth, stretch: Stretch, flagged: bool
) -> None:
    assert figures.planted(truth, [stretch])[0]["flagged"] is flagged


def test_twenty_faults_are_planted_and_none_is_found_where_clips_keep_wrong_words(truth: Truth, tmp_path: Path) -> None:
    faults = own_text.plant(truth, tmp_path / "faulty.txt")
    assert len(faults) == 20
    lines = (tmp_path / "faulty.txt").read_text(encoding="utf-8")
    assert lines.count(".") == SENTENCES - own_text.MISSING
    wrong = [clip(s["start"], s["end"], "other words") for s in truth.main]
    doubtful = [clip(s["start"], s["end"], "other words", "doubtful") for s in truth.main]
    assert not any(fault["found"] for fault in own_text.found(faults, wrong, truth))
    assert all(fault["strict"] for fault in own_text.found(faults, doubtful, truth))


def test_words_that_are_not_the_users_are_told(truth: Truth, tmp_path: Path) -> None:
    (tmp_path / "text.txt").write_text(" ".join(s["text"] for s in truth.main), encoding="utf-8")
    clips = [clip(0.1, 1.1, TEXTS[0]), clip(1.3, 2.3, "people had little bread")]
    found = own_text.exact(truth, clips, tmp_path / "text.txt")
    assert found == {"kept": 2, "not the user's words": ["people had little bread"], "not what is said": []}


def test_wrong_texts_are_planted_in_three_kinds() -> None:
    texts = [f"{TEXTS[number % 8][:-1]} {number} days after the storm." for number in range(200)]
    seconds = [1 + number % 7 / 10 for number in range(200)]
    planted, wrong = wrong_texts.plant(texts, seconds, 0.05, random.Random(1))
    assert {number for number in range(200) if planted[number] != texts[number]} == wrong.keys()
    assert sorted(wrong.values()) == ["a word changed"] * 3 + ["cut short"] * 3 + ["swapped"] * 4


def test_the_peers_way_cuts_after_marks_with_a_fifth_of_a_second_on_both_sides() -> None:
    words = [Word("Hello", 1.0, 1.4), Word("there.", 1.4, 2.0), Word("Again.", 2.2, 3.0)]
    cuts = [(round(s.start, 3), round(s.end, 3)) for s in sentences_of(words, 10.0)]
    assert cuts == [(0.8, 2.1), (2.1, 3.2)]


def test_data_sets_differ_where_a_byte_does_but_not_in_what_the_import_keeps_for_itself(tmp_path: Path) -> None:
    for name, content in (("one", b"a"), ("other", b"b")):
        (tmp_path / name / ".import").mkdir(parents=True)
        (tmp_path / name / ".import" / "work").write_bytes(content)
        (tmp_path / name / "same").write_bytes(b"same")
    assert differences(tmp_path / "one", tmp_path / "other") == []
    (tmp_path / "one" / "same").write_bytes(b"sama")
    assert differences(tmp_path / "one", tmp_path / "other") == ["same"]
