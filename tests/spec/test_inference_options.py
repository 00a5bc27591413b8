"""Settings of inference on the command line: the declaration's limits, and its words."""

from __future__ import annotations

import pytest

from xtts_finetune.errors import DeclarationError
from xtts_finetune.speaking.say import settings_with
from xtts_finetune.spec.utterances import InferenceSpec

JUDGED = {"temperature": 0.6, "top_k": 30, "top_p": 0.8, "repetition_penalty": 1.3, "speed": 1.0}


def test_what_is_not_given_is_as_judged() -> None:
    assert settings_with(JUDGED, {}) == InferenceSpec(**JUDGED)
    settings = settings_with(JUDGED, {"temperature": "0.3", "top_k": "5"})
    assert settings == InferenceSpec(**{**JUDGED, "temperature": 0.3, "top_k": 5})


def test_every_setting_has_its_option() -> None:
    given = {"temperature": "1", "top_k": "1026", "top_p": "1", "repetition_penalty": "10.0", "speed": "2"}
    assert given.keys() == InferenceSpec.model_fields.keys()
    assert settings_with(JUDGED, given).top_k == 1026


@pytest.mark.parametrize(
    ("key", "written", "said"),
    [
        ("temperature", "0", "--temperature 0: temperature: expected a number above 0 and of at most 2 but got 0"),
        ("temperature", "hot", "but got 'hot'"),
        ("temperature", "0,5", "write a decimal point, not a comma"),
        ("temperature", ".nan", "expected a number above 0"),
        ("temperature", "nan", "expected a number above 0 and of at most 2 but got 'nan'\n"),
        ("temperature", "-inf", "expected a number above 0 and of at most 2 but got '-inf'\n"),
        ("speed", "1e999", "expected a number above 0.2 and below 5 but got"),
        ("temperature", "", "expected a number above 0"),
        ("top_k", "5.0", "--top-k 5.0: top_k: expected a whole number of at least 1"),
        ("top_k", "1027", "of at most 1026 but got 1027"),
        ("top_p", "1.01", "expected a number above 0 and of at most 1 but got 1.01"),
        ("repetition_penalty", "0.9", "--repetition-penalty 0.9: repetition_penalty: expected a number of at least 1"),
        ("speed", "5", "expected a number above 0.2 and below 5 but got 5"),
        ("speed", "[1", "--speed [1"),
        ("speed", "1\n2: 3", "--speed 1"),
    ],
)  # fmt: skip
def test_a_wrong_value_is_said_as_in_a_declaration(key: str, written: str, said: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        settings_with(JUDGED, {key: written})
    assert said in str(caught.value), str(caught.value)
    assert str(caught.value).endswith("1 error; nothing was started.")


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(DeclarationError, match="2 errors"):
        settings_with(JUDGED, {"top_p": "2", "speed": "fast", "top_k": "9"})
