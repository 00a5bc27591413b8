"""The closing records say what happened, for every way in which a phase can end."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from xtts_finetune.errors import UserError
from xtts_finetune.records.closing import (
    PhaseFacts,
    duration,
    read_model_info,
    write_base_info,
    write_closing,
)
from xtts_finetune.records.metrics import EvalRecord, MetricsWriter, StepRecord
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.records.stopping import Reason, Stop

FACTS = PhaseFacts(
    steps_planned=3000,
    epochs_planned=30,
    batch_size=3,
    learning_rate=1e-6,
    hyperparameters={"learning_rate": 1e-6, "batch_size": 3, "schedule": {"kind": "cosine"}},
    started="2026-11-20T20:00:00+01:00",
    ended="2026-11-21T04:12:00+01:00",
    seconds=8 * 3600 + 12 * 60,
    level="target",
    fingerprint="abc",
    command="run_pipeline phase2",
)
STOP = Stop(Reason.NO_IMPROVEMENT, "mel_ce has not improved on 2.431 (step 1600) for 540 steps")


def folder_with(tmp_path: Path, evals: list[tuple[int, float]], steps: int) -> CandidateFolder:
    folder = CandidateFolder(tmp_path / "phase2")
    with MetricsWriter(folder.metrics) as writer:
        for step in range(1, steps + 1):
            writer.write(StepRecord(step, step / 100, 1e-6, 3.0, 3.0, 2.8, 0.7, 3, 0.5, 0.01))
        for step, mel_ce in evals:
            writer.write(EvalRecord(step, mel_ce, 0.0276, 2.76, 0.1, 9000, 1200, 4.0))
    return folder


def test_model_info_has_start_best_and_end(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, [(0, 3.507), (160, 2.431), (214, 2.45)], 214)
    assert write_closing(folder, FACTS, STOP) == read_model_info(folder)
    info = json.loads(folder.model_info.read_text(encoding="utf-8"))
    assert (info["candidate"], info["status"], info["level"]) == ("phase2", "done", "target")
    assert info["reason"] == {"name": "no_improvement", "message": STOP.message, "numbers": {}}
    assert [info[name]["step"] for name in ("initial", "best", "final")] == [0, 160, 214]
    assert info["best"]["mel_ce"] == 2.431
    assert (info["steps"], info["steps_planned"], info["epochs"]) == (214, 3000, 2.14)


def test_the_text_for_people_has_what_they_need(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, [(0, 3.507), (160, 2.431), (214, 2.45)], 214)
    write_closing(folder, FACTS, STOP)
    text = folder.stopping_reason.read_text(encoding="utf-8")
    assert text.startswith("phase2 stopped at step 214 of 3000: mel_ce has not improved on 2.431")
    for said in (
        "no improvement",
        "mel_ce 2.431, text_ce 0.0276",
        "214 of 3000",
        "2.1 of 30",
        "8 h 12 min",
        "learning_rate  1e-06",
        "schedule.kind  cosine",
        "What it means",
        "run_pipeline phase2",
    ):
        assert said in text


def test_the_history_is_in_columns(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, [(0, 3.507), (2, 3.4)], 3)
    write_closing(folder, FACTS, STOP)
    history = json.loads(folder.training_history.read_text(encoding="utf-8"))
    assert history["steps"]["step"] == [1, 2, 3]
    assert history["evals"]["mel_ce"] == [3.507, 3.4]


@pytest.mark.parametrize("reason", list(Reason))
def test_a_phase_without_any_record_can_be_closed_for_every_reason(tmp_path: Path, reason: Reason) -> None:
    folder = CandidateFolder(tmp_path / "phase2")
    info = write_closing(folder, FACTS, Stop(reason, "it ended"))
    assert info["best"] is None
    assert info["steps"] == 0
    text = folder.stopping_reason.read_text(encoding="utf-8")
    assert reason.words in text
    assert " ".join(reason.advice.split()) in " ".join(text.split())


@pytest.mark.parametrize(
    "reason, status",
    [
        (Reason.ALL_STEPS_DONE, "done"),
        (Reason.TEXT_CE_ABOVE, "done"),
        (Reason.NO_IMPROVEMENT, "done"),
        (Reason.OVERFITTING, "done"),
        (Reason.INTERRUPTED, "interrupted"),
        (Reason.KILLED, "failed"),
        (Reason.ERROR, "failed"),
    ],
)
def test_a_rule_that_fired_is_done(reason: Reason, status: str) -> None:
    assert reason.status == status


@pytest.mark.parametrize(
    "evals, still_falling",
    [([(0, 3.5), (100, 3.4)], True), ([(0, 3.5), (50, 3.3), (100, 3.4)], False), ([(0, 3.5)], False)],
)
def test_a_completed_phase_says_whether_it_was_still_improving(
    tmp_path: Path, evals: list[tuple[int, float]], still_falling: bool
) -> None:
    folder = folder_with(tmp_path, evals, 100)
    write_closing(folder, FACTS, Stop(Reason.ALL_STEPS_DONE, "all 100 steps are done"))
    text = folder.stopping_reason.read_text(encoding="utf-8")
    assert ("was still falling" in " ".join(text.split())) is still_falling


def test_the_base_has_one_evaluation_and_no_reason(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, [(0, 5.046)], 0)
    write_base_info(folder, FACTS.started, FACTS.ended, 12.5, "abc")
    info = read_model_info(folder)
    assert info is not None
    assert (info["status"], info["reason"], info["best"]["mel_ce"]) == ("done", None, 5.046)


def test_no_closing_record_is_none_and_a_broken_one_is_named(tmp_path: Path) -> None:
    folder = CandidateFolder(tmp_path)
    assert read_model_info(folder) is None
    folder.model_info.write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"model_info\.json"):
        read_model_info(folder)


@pytest.mark.parametrize(
    "seconds, words", [(0.42, "0.4 s"), (59, "59 s"), (185, "3 min 5 s"), (29520, "8 h 12 min")]
)
def test_time_spans_for_people(seconds: float, words: str) -> None:
    assert duration(seconds) == words
