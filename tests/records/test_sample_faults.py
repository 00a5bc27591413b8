"""Faults in plain words, with numbers and limits apart from them, from what any version has recorded."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from xtts_finetune.evaluation.gate import FAULT_NAMES
from xtts_finetune.evaluation.instruments import INSTRUMENTS
from xtts_finetune.evaluation.instruments.instrument import Fault
from xtts_finetune.records.heard.sample_faults import (
    FAULT_WORDS,
    MOST_MISHEARD,
    NEARER_TO_ANOTHER,
    SampleFault,
    counted_faults,
    read_fault,
)

DOCS = Path(__file__).parents[2] / "docs"
FOUND = {*FAULT_NAMES, *(one.fault for one in INSTRUMENTS if one.fault)}


def test_every_fault_that_can_be_found_has_words_of_its_own() -> None:
    assert set(FAULT_WORDS) == FOUND
    assert len(set(FAULT_WORDS.values())) == len(FOUND)
    assert all(re.fullmatch(r"[a-z][a-z ]+", words) for words in FAULT_WORDS.values())


def test_words_that_are_nearer_to_another_sentence_are_told_in_words() -> None:
    fault = read_fault(str(Fault("wrong words", -0.0577, 0.0, NEARER_TO_ANOTHER)))
    assert fault.detail == "what was heard is nearer to another sentence, by 6 % of the letters"


@pytest.mark.parametrize("name", sorted(FOUND))
@pytest.mark.parametrize("found, limit", [(-5.12, -12.0), (1e-7, 0.3), (float("inf"), 1.0), (float("nan"), 1.0)])
def test_the_numbers_of_a_finding_come_after_its_words(name: str, found: float, limit: float) -> None:
    fault = read_fault(str(Fault(name, found, limit, "of the letters")))
    assert fault.words == FAULT_WORDS[name]
    assert fault.detail.startswith("measured ") and f"limit {limit:.3g}".replace("-", "−") in fault.detail
    assert not re.search(r"\d", fault.words)


def test_a_name_alone_has_no_numbers_and_one_of_somebody_elses_instrument_stays() -> None:
    assert read_fault("cut end") == SampleFault("sounds cut off")
    assert read_fault("hoarse: 3 of 5, limit 2").words == "hoarse"
    assert read_fault("hoarse") == SampleFault("hoarse")
    assert read_fault("odd: what a hand wrote") == SampleFault("odd", "what a hand wrote")
    assert read_fault("") == SampleFault("")


def test_faults_are_counted_in_the_given_order() -> None:
    assert counted_faults({"cut end": 7, "hoarse": 1}) == "sounds cut off (7), hoarse (1)"
    assert counted_faults({}) == ""


def test_the_docs_explain_every_problem_in_the_same_words() -> None:
    table = (DOCS / "reading-the-numbers.md").read_text(encoding="utf-8")
    for name, words in FAULT_WORDS.items():
        assert words in table and f"`{name}`" in table
    assert f"up to {100 * MOST_MISHEARD:.0f} %" in table
