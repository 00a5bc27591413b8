"""What XTTS can read is known before: why not, in words, and the same without torch as from Coqui's cleaner itself."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.child import heavy_after
from xtts_finetune.spec.languages import LANGUAGES
from xtts_finetune.xtts import cleaning
from xtts_finetune.xtts.cleaning import (
    cleaning_problem,
    foreseen_problem,
    install_command,
    language_fault,
    package_problem,
    unread_digits,
)

NUMBERS = ["0", "5", "007", "1.000", "12,5", "0.0000001", "3.14159", "9" * 25, "1" * 70, "१२", "٣", "½", "Ⅳ"]
ENDINGS = [
    "st",
    "nd",
    "rd",
    "th",
    "º",
    "ª",
    "°",
    "e",
    "er",
    "ème",
    "de",
    "ste",
    "inci",
    "üncü",
    "İNCİ",
    "adik",
    "ik",
]
ENDINGS += ["번", "번째", "차", "째", "ون", "ث", "-й", "-го", *"$€£%.,/:-+"]
PIECES = st.one_of(
    st.sampled_from([*NUMBERS, *ENDINGS, " ", "\n", "\xa0", "a", '"']),
    st.text("0123456789", min_size=1, max_size=12),
    st.text(max_size=3),
)


@settings(max_examples=800, deadline=None, suppress_health_check=list(HealthCheck))
@given(st.sampled_from(list(LANGUAGES)), st.lists(PIECES, max_size=7).map("".join))
def test_without_torch_the_same_texts_fail_for_the_same_reason(language: str, text: str) -> None:
    assert foreseen_problem(text, language) == cleaning_problem(text, language)


def test_every_ending_of_a_number_is_foreseen_in_every_language() -> None:
    texts = [
        f"a {number}{ending}{after}" for number in ("0", "5", "9" * 25) for ending in ENDINGS for after in ("", "b")
    ]
    texts += [text.upper() for text in texts]
    differing = [
        (language, text)
        for language in LANGUAGES
        for text in texts
        if foreseen_problem(text, language) != cleaning_problem(text, language)
    ]
    assert differing == []


@pytest.mark.parametrize(
    ("language", "text", "named"),
    [
        ("hi", "मेरे पास 50 रुपये और 3 सेब हैं", '"50", "3" in Hindi; write those numbers out in words'),
        ("cs", "Dne 8. listopadu", '"8." in Czech; write that number out in words'),
        ("pl", "To jest 0st", '"0st" in Polish'),
        ("ko", "그것은 0번 입니다", '"0번" in Korean'),
        ("hu", "A pi 3.14159 körül", '"3.14159" in Hungarian'),
        ("en", f"That is {'9' * 400} pounds", f'"{"9" * 37}..." in English'),
        ("ru", f"a {'9' * 70} b {'8' * 70} c {'7' * 70} d {'6' * 70}", "and 1 more in Russian"),
    ],
)
def test_the_number_that_cannot_be_read_is_named(language: str, text: str, named: str) -> None:
    problem = cleaning_problem(text, language)
    assert problem is not None
    assert named in problem
    assert "Error" not in problem


@pytest.mark.parametrize(
    ("language", "text"),
    [
        ("en", "On May 3rd, 12.5% of £20."),
        ("de", "Am 8. Mai"),
        ("cs", "Dne 8 listopadu"),
        ("hi", "पचास"),
        ("ko", "5번"),
    ],
)
def test_what_can_be_read_has_no_problem(language: str, text: str) -> None:
    assert cleaning_problem(text, language) is None


def test_a_broken_character_and_a_language_that_xtts_lacks_are_named() -> None:
    assert "U+DCFF" in str(foreseen_problem("caf\udcff", "en"))
    assert "not a language of XTTS" in str(foreseen_problem("hello", "sv"))


def test_packages_that_are_missing_are_named_with_what_installs_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cleaning, "_PACKAGES", {"ja": (("no_such_cutlet",), ("no_such_unidic", "nor_this"))})
    for problem in (package_problem("ja"), foreseen_problem("5", "ja"), cleaning_problem("あ", "ja")):
        assert problem is not None
        assert "no_such_cutlet, no_such_unidic" in problem
        assert problem.endswith(f"Run: {install_command('ja')}")
    assert package_problem("en") is None


def test_packages_that_are_there_and_do_not_work_are_the_languages_fault(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(text: str) -> str:
        raise RuntimeError("no dictionary")

    monkeypatch.setattr(cleaning._coqui(), "preprocess_text", lambda text, code: fails(text))
    assert "RuntimeError: no dictionary" in str(language_fault("de"))
    monkeypatch.undo()
    assert language_fault("de") is None


def test_digits_of_other_scripts_are_seen() -> None:
    assert unread_digits("मेरे पास १२ सेब", "hi") == "१२"
    assert unread_digits("12 apples", "en") is None
    assert unread_digits("１２个", "zh-cn") is None


@pytest.mark.parametrize(("language", "text"), [("ja", "今日は5日です。"), ("zh-cn", "在12.5秒内，有50名士兵")])
def test_japanese_and_chinese_are_read_where_their_packages_are(language: str, text: str) -> None:
    if package_problem(language):
        pytest.skip(f"needs the extra {language[:2]}")
    assert cleaning_problem(text, language) is None


def test_foreseeing_imports_neither_torch_nor_coqui() -> None:
    code = "from xtts_finetune.xtts.cleaning import foreseen_problem\nassert foreseen_problem('Dne 8. 5. 2020', 'cs')"
    assert not heavy_after(code) & {"torch", "TTS"}
