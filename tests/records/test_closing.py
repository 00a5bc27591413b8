"""The closing records say what happened, for every way in which a phase can end."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path

import pytest

from xtts_finetune.curves.judge import trend_of
from xtts_finetune.errors import UserError
from xtts_finetune.look.quantities import duration
from xtts_finetune.records.candidates.closing import (
    read_model_info,
    rewrite_judgement,
    write_closing,
    write_untrained_info,
)
from xtts_finetune.records.candidates.facts import Judgement, LimitCheck, PhaseFacts
from xtts_finetune.records.metrics import EvalRecord, MetricsWriter, QualityRecord, StepRecord, read_metrics
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.records.stopping_text import stopping_text

FACTS = PhaseFacts(
    trend=trend_of([], []).to_json(),
    steps_planned=3000,
    epochs_planned=30,
    batch_size=3,
    learning_rate=1e-6,
    hyperparameters={"learning_rate": 1e-6, "batch_size": 3, "schedule": {"kind": "cosine"}},
    started="2026-11-20T20:00:00+01:00",
    ended="2026-11-21T04:12:00+01:00",
    seconds=8 * 3600 + 12 * 60,
    judgement=Judgement("target", "success", (LimitCheck("target", "mel_ce below 2.5", "2.431", "met"),)),
    fingerprint="abc",
    command="run_pipeline phase2",
    log=Path("logs/phase2.log"),
)
STOP = Stop(Reason.NO_IMPROVEMENT, "mel_ce has not improved on 2.431 (step 1600) for 540 steps", {"waited": 540.0})


def ended(folder: CandidateFolder) -> PhaseFacts:
    """The facts of a phase with these evaluations."""
    evals = read_metrics(folder.metrics).evals
    trend = trend_of([each.step for each in evals], [each.mel_ce for each in evals])
    return replace(FACTS, trend=trend.to_json())


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
    reason = {"name": "no_improvement", "words": "no improvement", "message": STOP.message}
    assert info["reason"] == {**reason, "numbers": {"waited": 540}}
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
        "waited  540",
        "target  mel_ce below 2.5  2.431     met",
        "success: reached target",
        "logs",
    ):
        assert said in text


def test_the_json_holds_all_that_the_text_says(tmp_path: Path) -> None:
    """The text is made from the record alone, so nothing is in it that programs cannot read."""
    ran_with = {"batch_size": 1, "accumulate": 3, "from_step": 100, "why": "out of memory with batch_size 3"}
    folder = folder_with(tmp_path, [(0, 3.507), (160, 2.431)], 214)
    write_closing(folder, replace(FACTS, ran_with=ran_with), STOP)
    info = read_model_info(folder)
    assert info is not None
    assert stopping_text(info) == folder.stopping_reason.read_text(encoding="utf-8")
    assert info["hyperparameters"]["schedule"] == {"kind": "cosine"}
    assert (info["meaning"], info["command"]) == (Reason.NO_IMPROVEMENT.meaning, "run_pipeline phase2")
    assert info["ran_with"] == ran_with
    assert "from step 100 on it ran with batch_size 1 and accumulate 3: 3 clips a step, as before" in " ".join(
        stopping_text(info).split()
    )


def test_an_interrupted_or_failed_phase_does_not_look_successful(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, [(0, 3.507), (160, 2.431)], 214)
    text = stopping_text(write_closing(folder, FACTS, Stop(Reason.INTERRUPTED, "interrupted by the user")))
    assert "interrupted so far; target already reached" in text and "success" not in text
    text = stopping_text(write_closing(folder, FACTS, Stop(Reason.DISK_FULL, "disk full")))
    assert "failed: disk full; target already reached" in " ".join(text.split()) and "success" not in text


def test_a_phase_that_did_all_its_steps_is_not_said_to_have_stopped_early(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, [(0, 3.507), (160, 2.431)], 214)
    text = stopping_text(write_closing(folder, replace(FACTS, steps_planned=214), STOP))
    assert text.startswith("phase2 did all its 214 steps; at the last one mel_ce has not improved")
    done = Stop(Reason.ALL_STEPS_DONE, "all 214 steps are done")
    text = stopping_text(write_closing(folder, replace(FACTS, steps_planned=214), done))
    assert text.startswith("phase2 did all its 214 steps\n")


def test_other_levels_change_the_records_and_equal_ones_do_not(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, [(0, 3.507), (160, 2.431)], 214)
    info = write_closing(folder, FACTS, STOP)
    before = folder.model_info.stat().st_mtime_ns
    assert rewrite_judgement(folder, info, FACTS.judgement) == info
    assert folder.model_info.stat().st_mtime_ns == before
    rewrite_judgement(folder, info, Judgement(None, "marginal"))
    assert read_model_info(folder) == {**info, "level": None, "levels": [], "scenario": "marginal"}
    text = folder.stopping_reason.read_text(encoding="utf-8")
    assert "marginal: better than its start, but no goal is reached" in text


def test_damaged_metrics_do_not_keep_the_reason_back(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, [(0, 3.5)], 2)
    folder.metrics.write_bytes(b"garbage\n" + folder.metrics.read_bytes())
    info = write_closing(folder, FACTS, Stop(Reason.KILLED, "the system ended the process"))
    assert info["reason"]["name"] == "killed"
    assert "metrics.jsonl:1" in info["notes"][0]
    assert "metrics.jsonl:1" in folder.stopping_reason.read_text(encoding="utf-8")


def test_the_history_is_in_columns(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, [(0, 3.507), (2, 3.4)], 3)
    write_closing(folder, FACTS, STOP)
    history = json.loads(folder.training_history.read_text(encoding="utf-8"))
    assert history["steps"]["step"] == [1, 2, 3]
    assert history["evals"]["mel_ce"] == [3.507, 3.4]
    with MetricsWriter(folder.metrics) as writer:
        writer.write(QualityRecord(2, 10, 9, {"clipped": 1}, 30.0))
    info = write_closing(folder, FACTS, STOP)
    history = json.loads(folder.training_history.read_text(encoding="utf-8"))
    assert history["quality"]["passed"] == [9]
    assert info["quality"]["faults"] == {"clipped": 1}


@pytest.mark.parametrize("reason", list(Reason))
def test_a_phase_without_any_record_can_be_closed_for_every_reason(tmp_path: Path, reason: Reason) -> None:
    folder = CandidateFolder(tmp_path / "phase2")
    info = write_closing(folder, ended(folder), Stop(reason, "it ended"))
    assert info["best"] is None
    assert info["steps"] == 0
    assert info["status"] != "done"
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
    ("mel_ces", "said"),
    [
        (
            [3.5, 3.4, 3.3, 3.2, 3.1],
            "mel_ce was still falling by 0.1 per 100 steps over the last 4 evaluations.",
        ),
        ([3.5, 3.2, 3.3, 3.25, 3.31, 3.26], "The best model is from step 100, before the end."),
        ([3.5, 3.4], "Listen to its samples"),
        ([3.5], "Listen to its samples"),
    ],
)
@pytest.mark.parametrize("reason", [Reason.ALL_STEPS_DONE, Reason.TIME_LIMIT])
def test_a_phase_that_could_go_on_says_whether_it_was_still_improving(
    tmp_path: Path, mel_ces: list[float], said: str, reason: Reason
) -> None:
    folder = folder_with(tmp_path, [(100 * n, mel_ce) for n, mel_ce in enumerate(mel_ces)], 3)
    info = write_closing(folder, ended(folder), Stop(reason, "it ended"))
    if said.startswith("Listen"):
        assert info["advice"] == reason.advice
        assert info["trend"]["words"].startswith("too short to tell")
    else:
        assert info["advice"].startswith(said)


def test_without_a_best_model_a_phase_is_never_done(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, [(0, math.nan)], 0)
    stop = Stop(Reason.NOT_FINITE, "mel_ce is NaN at step 0")
    facts = replace(FACTS, judgement=Judgement(None, "none"))
    info = write_closing(folder, facts, stop)
    assert (info["status"], info["best"], info["level"]) == ("failed", None, None)
    text = folder.stopping_reason.read_text(encoding="utf-8")
    assert "mel_ce is NaN or infinite" in text
    assert "none: stopped by: NaN or infinite loss" in text
    json.loads(folder.model_info.read_text(encoding="utf-8"), parse_constant=pytest.fail)


def test_with_a_batch_of_one_nothing_can_be_halved(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, [(0, 3.5)], 0)
    stop = Stop(Reason.OUT_OF_MEMORY, "out of memory")
    assert "smaller batch_size" in write_closing(folder, FACTS, stop)["advice"]
    assert "batch_size is 1 already" in write_closing(folder, replace(FACTS, batch_size=1), stop)["advice"]
    smaller = {"batch_size": 2, "accumulate": 2, "from_step": 0, "why": "out of memory with batch_size 4"}
    advice = write_closing(folder, replace(FACTS, batch_size=2, ran_with=smaller), stop)["advice"]
    assert "still takes too much memory" in advice
    by_tokens = replace(FACTS, hyperparameters={**FACTS.hyperparameters, "max_tokens": 2000})
    advice = write_closing(folder, by_tokens, stop)["advice"]
    assert "max_tokens" in advice and "batch_size" not in advice


def test_the_base_has_one_evaluation_and_no_reason(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, [(0, 5.046)], 0)
    write_untrained_info(folder, FACTS.started, FACTS.ended, 12.5, "abc")
    info = read_model_info(folder)
    assert info is not None
    assert (info["status"], info["reason"], info["best"]["mel_ce"]) == ("done", None, 5.046)


def test_no_closing_record_is_none_and_a_broken_one_is_named(tmp_path: Path) -> None:
    folder = CandidateFolder(tmp_path)
    assert read_model_info(folder) is None
    folder.model_info.write_text("{", encoding="utf-8")
    with pytest.raises(UserError, match=r"model_info\.json"):
        read_model_info(folder)


@pytest.mark.parametrize("seconds, words", [(0.42, "0.4 s"), (59, "59 s"), (185, "3 min 5 s"), (29520, "8 h 12 min")])
def test_time_spans_for_people(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@pytest.mark.parametrize(("info", "status"), [({"best": {"mel_ce": 3.0}}, "done"), ({}, "failed")])
def test_a_record_without_a_status_says_what_it_shows(tmp_path: Path, info: dict[str, object], status: str) -> None:
    folder = CandidateFolder(tmp_path / "phase1")
    folder.path.mkdir()
    folder.model_info.write_text(json.dumps(info), encoding="utf-8")
    assert (read_model_info(folder) or {})["status"] == status
