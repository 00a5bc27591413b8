"""What instruments and listeners found is in the report: the worst sentences first, notes as text, how sure it is."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.made_up_run import SENTENCES, whole_run
from tests.pipeline.reports.test_page import read
from xtts_finetune.pipeline.reports.players import badness, readings
from xtts_finetune.pipeline.reports.report import write_report
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.heard.scores import InstrumentState, Reading, Scores, UtteranceScores, write_scores
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration


def scored(sentence: str, *faults: str, **more: Reading) -> UtteranceScores:
    findings = tuple(f"{fault}: 1.2 s, limit 0.6" for fault in faults)
    return UtteranceScores(sentence, 1, f"{sentence}_s1.wav", "x", faults, findings, 2.0, 14.2, more)


@pytest.fixture
def judged(tmp_path: Path) -> tuple[Declaration, RunFolder]:
    """The last sentence is the worst: two candidates have faults there."""
    declaration, run = whole_run(tmp_path)
    worst = list(SENTENCES)[-1]
    states = {
        "similarity": InstrumentState(
            "1 = as the recordings", "GE2E", "not measured", "pip install --no-deps resemblyzer"
        ),
    }
    for name in ("base", "phase1", "phase2"):
        faults = ("unvoiced tail",) if name != "phase2" else ()
        each = [scored(s, *(faults if s == worst else ()), f0_median_hz=121.0, cer=0.05, wer=0.1) for s in SENTENCES]
        write_scores(run.candidate(name).scores_json, Scores(name, "f", states, tuple(each)))
    write_json_atomic(run.voice_json, {"wer": 0.043})
    return declaration, run


def test_words_misheard_stand_beside_those_of_the_real_recordings(judged: tuple[Declaration, RunFolder]) -> None:
    page = read(write_report(*judged)).words
    assert "got wrong: real recordings 4 %, base 10 %, phase1 10 %, phase2 10 %." in page
    judged[1].voice_json.unlink()
    assert "got wrong: base 10 %" in read(write_report(*judged)).words


def test_the_worst_sentence_comes_first_with_its_faults_and_numbers(
    judged: tuple[Declaration, RunFolder],
) -> None:
    page = read(write_report(*judged))
    below = page.words[page.words.index("All samples", page.words.index("What next")) :]
    *others, worst = SENTENCES.values()
    assert all(below.index(worst) < below.index(text) for text in others)
    fault = next(each for tag, each in page.elements if tag == "li" and each.get("class") == "fault")
    assert fault["title"] == "measured 1.2 s, limit 0.6"
    assert "1 problem noise after the last word: measured 1.2 s, limit 0.6" in below
    assert "pitch 121 Hz" in below and "pace 14.2 characters/s" in below and "misheard 5 %" in below


def test_what_was_not_measured_is_said_with_the_cure(judged: tuple[Declaration, RunFolder]) -> None:
    page = read(write_report(*judged)).words
    assert "What was not measured" in page and "pip install --no-deps resemblyzer" in page


def test_numbers_that_are_missing_are_left_out() -> None:
    assert readings(scored("one")) == (("pace", "14.2 characters/s"),)


@pytest.mark.parametrize("cer, shown", [(0.0, True), (0.3, True), (0.31, False), (1.0, False), (None, False)])
def test_what_a_recogniser_heard_is_shown_only_where_it_is_near_the_text(cer: float | None, shown: bool) -> None:
    found = dict(readings(scored("one", heard="hello there", cer=cer, noise_mos=3.84)))
    assert found.get("heard") == ("“hello there”" if shown else None)
    assert found["cleanness"] == "3.8 of 5"


def test_faults_count_more_than_characters_and_those_more_than_distances() -> None:
    clean, faulty = scored("a", cer=0.9, mcd_db=9.0), scored("b", "noise")
    assert badness([faulty]) > badness([clean]) > badness([scored("c", cer=0.1, mcd_db=12.0)])
    assert badness([]) == (0, 0.0, 0.0)
