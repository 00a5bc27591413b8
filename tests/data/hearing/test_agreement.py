"""A recogniser tells a wrong text from one that it only mishears. The clips are the demo's, the model is tiny.en."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soxr
from numpy.typing import NDArray

from xtts_finetune.data.hearing.agreement import Agreement, agreement
from xtts_finetune.data.hearing.models import find_model, installed_models
from xtts_finetune.data.hearing.recogniser import RATE, Recogniser
from xtts_finetune.data.sound.audio import load_audio
from xtts_finetune.numbers.fixed import SAMPLE_RATE

if not any(model.name == "tiny.en" for model in installed_models()):
    pytest.skip("needs a recogniser with its weights", allow_module_level=True)

CLIPS = Path(__file__).parents[3] / "samples" / "demo" / "data" / "set_a" / "wavs"
TEXTS = {
    "demo_a_006": "Then they bought our good box. Her road is in the forest.",
    "demo_a_009": "Our box is in the garden. My golden bread is down the road.",
    "demo_a_012": "The mother is young and good. She sold a road over the bridge.",
    "demo_a_018": "Your road and this long door. His letter and that blue river.",
}


@pytest.fixture(scope="module")
def recogniser() -> Recogniser:
    return Recogniser(find_model("tiny.en"), threads=1)


def wave_of(name: str) -> NDArray[np.float32]:
    return soxr.resample(load_audio(CLIPS / f"{name}.flac").wave, SAMPLE_RATE, RATE).astype(np.float32)


def asked(recogniser: Recogniser, name: str, text: str) -> Agreement:
    return agreement(recogniser, wave_of(name), text, "en")


def test_right_texts_agree_even_where_a_word_is_misheard(recogniser: Recogniser) -> None:
    found = {name: asked(recogniser, name, text) for name, text in TEXTS.items()}
    assert all(each.agrees for each in found.values()), found
    assert "road in this" in found["demo_a_018"].heard, "a word is misheard; else choose another clip"


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("demo_a_006", TEXTS["demo_a_012"], 'text and sound differ: something else is heard: "Then they boug'),
        (
            "demo_a_006",
            "Then they bought our good fox. Her road is in the forest.",
            'text and sound differ: "fox" is written, "box" is heard',
        ),
        (
            "demo_a_006",
            "Then they bought our good box. Her road",
            'word at the edge: "is in the forest" is heard, but not written',
        ),
        (
            "demo_a_006",
            "Then they bought our good box. Her road is in the forest yesterday.",
            'word at the edge: "yesterday" is written, but not heard',
        ),
        ("demo_a_012", "The mother is young and good.", 'word at the edge: "She sold a road over the bridge" is heard'),
    ],
)
def test_a_wrong_text_is_found_with_its_words(recogniser: Recogniser, name: str, text: str, says: str) -> None:
    found = asked(recogniser, name, text)
    assert not found.agrees and str(found.reasons[0]).startswith(says), found
    assert found.badness > asked(recogniser, name, TEXTS[name]).badness + 2


def test_case_and_marks_of_a_text_do_not_count(recogniser: Recogniser) -> None:
    for text in (TEXTS["demo_a_009"].upper(), TEXTS["demo_a_009"].lower().replace(".", "")):
        found = asked(recogniser, "demo_a_009", text)
        assert found.agrees and found.badness == 0.0, found


def test_a_text_that_nobody_can_say_in_that_time_is_named(recogniser: Recogniser) -> None:
    found = asked(recogniser, "demo_a_006", " ".join([TEXTS["demo_a_006"]] * 4))
    assert "unusual pace" in {reason.kind for reason in found.reasons}


def test_silence_has_no_words(recogniser: Recogniser) -> None:
    silence = np.zeros(2 * RATE, dtype=np.float32)
    assert not agreement(recogniser, silence, "The box is over the bridge.", "en").agrees
