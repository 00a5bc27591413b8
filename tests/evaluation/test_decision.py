"""The matrix decides as the table that it was written from, and says what it does not know."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from tests.child import heavy_after
from xtts_finetune.evaluation.decision import NOT_RUN, decide, decide_from, write_decision
from xtts_finetune.records.metrics import EvalRecord, MetricsWriter
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.decision import DecisionSpec, RowSpec
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.pipeline import PipelineSpec
from xtts_finetune.spec.utterances import UtterancesSpec

ROWS: list[dict[str, Any]] = [
    {"mel_ce": {"below": 2.5}, "quality": {"at_least": 9.0}, "ship": "phase2", "verdict": "excellent"},
    {
        "mel_ce": {"at_least": 2.5, "at_most": 3.0},
        "quality": {"at_least": 8.7, "at_most": 8.9},
        "ship": "phase2",
        "verdict": "improved",
        "then": "go on to phase 3",
    },
    {
        "mel_ce": {"at_least": 3.0, "at_most": 3.5},
        "quality": {"at_least": 8.5, "at_most": 8.6},
        "ship": "phase1",
        "verdict": "marginal gain",
    },
    {"mel_ce": {"above": 3.5}, "quality": {"below": 8.5}, "ship": "phase1", "verdict": "no improvement"},
]


def candidate(name: str, mel_ce: float | None, quality: float | None = None, **more: Any) -> dict[str, Any]:
    if mel_ce is None:
        return {"name": name, "status": NOT_RUN, "has_model": False, "quality": quality, **more}
    known = {
        "status": "done",
        "has_model": True,
        "mel_ce": mel_ce,
        "text_ce": 0.028,
        "stop_ce": 0.1,
        "step": 100,
    }
    return {"name": name, **known, "quality": quality, **more}


def inputs(*candidates: dict[str, Any], read: str | None = None, rows: Any = ROWS) -> dict[str, Any]:
    return {"read": read, "rows": rows, "candidates": list(candidates)}


BASE = candidate("base", 5.046, 7.5)
PHASE1 = candidate("phase1", 3.507, 8.5)


@pytest.mark.parametrize(
    "mel_ce, quality, row, ship, verdict",
    [
        (2.499, 9.0, 1, "phase2", "excellent"),
        (1.9, 9.8, 1, "phase2", "excellent"),
        (2.5, 8.7, 2, "phase2", "improved"),
        (2.5, 8.9, 2, "phase2", "improved"),
        (3.0, 8.8, 2, "phase2", "improved"),
        (3.0, 8.5, 3, "phase1", "marginal gain"),
        (3.001, 8.6, 3, "phase1", "marginal gain"),
        (3.5, 8.5, 3, "phase1", "marginal gain"),
        (3.501, 8.49, 4, "phase1", "no improvement"),
        (4.2, 7.0, 4, "phase1", "no improvement"),
    ],
)
def test_every_row_and_its_boundaries(mel_ce: float, quality: float, row: int, ship: str, verdict: str) -> None:
    decision = decide_from(inputs(BASE, PHASE1, candidate("phase2", mel_ce, quality)))
    assert (decision.row, decision.ship, decision.verdict) == (row, ship, verdict)
    assert not decision.provisional
    assert decision.candidates[2].row == row


@pytest.mark.parametrize(
    "mel_ce, quality", [(2.499, 8.99), (2.5, 9.0), (2.5, 8.69), (3.0, 8.65), (3.5, 8.4), (3.501, 8.5)]
)
def test_numbers_between_the_rows_fall_back_to_the_lowest_mel_ce(mel_ce: float, quality: float) -> None:
    decision = decide_from(inputs(BASE, candidate("phase1", 3.6, 8.5), candidate("phase2", mel_ce, quality)))
    assert (decision.row, decision.ship, decision.provisional) == (None, "phase2", True)
    assert "No row of the decision matrix fits the numbers of phase2." in decision.why


@pytest.mark.parametrize("mel_ce, row", [(2.4, 1), (2.5, 2), (3.2, 3), (3.6, 4)])
def test_without_a_mark_the_answer_is_provisional_and_no_mark_is_made_up(mel_ce: float, row: int) -> None:
    decision = decide_from(inputs(BASE, PHASE1, candidate("phase2", mel_ce)))
    assert (decision.row, decision.provisional) == (row, True)
    assert decision.says.by_numbers_only
    assert decision.candidates[2].quality is None
    assert any("a score" in reason and "is not known yet" in reason for reason in decision.why)


@pytest.mark.parametrize(
    "mel_ce, mark, row",
    [(2.4, None, 5), (2.8, None, 6), (2.4, 9.1, 1), (2.4, 8.0, 5), (3.7, None, 4), (3.2, None, 3)],
)
def test_a_row_that_holds_for_certain_goes_before_one_that_waits_for_a_mark(
    mel_ce: float, mark: float | None, row: int
) -> None:
    by_mel_ce = [
        {"mel_ce": {"below": 2.5}, "ship": "phase2", "verdict": "excellent by mel_ce"},
        {"mel_ce": {"at_least": 2.5, "below": 3.0}, "ship": "phase2", "verdict": "improved by mel_ce"},
    ]
    decision = decide_from(inputs(BASE, PHASE1, candidate("phase2", mel_ce, mark), rows=[*ROWS, *by_mel_ce]))
    assert decision.row == row
    assert decision.provisional is (mark is None)


def test_rows_without_a_mark_are_provisional_too_until_somebody_listened() -> None:
    rows = [{"mel_ce": {"below": 3}, "ship": "phase2", "verdict": "improved"}]
    assert decide_from(inputs(BASE, candidate("phase2", 2.4), rows=rows)).provisional
    assert not decide_from(inputs(BASE, candidate("phase2", 2.4, 9), rows=rows)).provisional


@pytest.mark.parametrize("share, row", [(0.49, 1), (0.5, 2), (0.9, 2), (0.91, None)])
def test_a_share_of_the_base(share: float, row: int | None) -> None:
    rows = [
        {"mel_ce_of_base": {"below": 0.5}, "ship": "phase1", "verdict": "much better"},
        {"mel_ce_of_base": {"at_most": 0.9}, "ship": "phase1", "verdict": "better"},
    ]
    decision = decide_from(inputs(candidate("base", 6.0), candidate("phase1", 6.0 * share, 9), rows=rows))
    assert decision.row == row


def test_a_share_of_a_base_that_was_not_evaluated_is_left_open() -> None:
    rows = [{"mel_ce_of_base": {"below": 0.5}, "ship": "phase1", "verdict": "much better"}]
    decision = decide_from(inputs(candidate("base", None), candidate("phase1", 3.0, 9), rows=rows))
    assert (decision.row, decision.ship, decision.provisional) == (1, "phase1", True)


@pytest.mark.parametrize("text_ce, row", [(0.0299, 1), (0.03, 2)])
def test_text_ce_decides_too(text_ce: float, row: int) -> None:
    rows = [
        {"text_ce": {"below": 0.03}, "ship": "phase1", "verdict": "good"},
        {"ship": "base", "verdict": "the rest"},
    ]
    assert decide_from(inputs(BASE, candidate("phase1", 3.0, 9, text_ce=text_ce), rows=rows)).row == row


def test_the_last_phase_that_has_run_is_read() -> None:
    decision = decide_from(inputs(BASE, candidate("phase1", 3.2, 8.5), candidate("phase2", None)))
    assert (decision.row, decision.ship) == (3, "phase1")
    assert decision.provisional
    assert decision.candidates[2].status == NOT_RUN


def test_a_declared_candidate_is_read_instead() -> None:
    marked = (BASE, candidate("phase1", 3.2, 8.5), candidate("phase2", 2.4, 9.5))
    assert decide_from(inputs(*marked, read="phase1")).row == 3
    assert decide_from(inputs(*marked)).row == 1


def test_a_declared_candidate_that_has_not_run_is_said() -> None:
    decision = decide_from(inputs(BASE, PHASE1, candidate("phase2", None), read="phase2"))
    assert decision.provisional
    assert "phase2 has not been trained yet." in decision.why
    assert "The decision matrix is read for phase1 until then." in decision.why


def test_it_is_said_when_another_candidate_has_the_lowest_mel_ce() -> None:
    decision = decide_from(inputs(BASE, PHASE1, candidate("phase2", 3.2, 8.5)))
    assert decision.ship == "phase1"
    assert any(
        reason.startswith("phase2 has the lowest mel_ce of all (3.200, compared with 3.507 of")
        for reason in decision.why
    )
    straight = decide_from(inputs(BASE, PHASE1, candidate("phase2", 2.4, 9.5)))
    assert "phase2 has the lowest mel_ce of all: 2.400." in straight.why


@pytest.mark.parametrize(
    "phase1, said",
    [
        (candidate("phase1", None), "But phase1 has not been trained yet."),
        (candidate("phase1", 3.507, has_model=False), "But phase1 has no model yet."),
    ],
)
def test_a_row_that_ships_what_has_no_model_falls_back(phase1: dict[str, Any], said: str) -> None:
    decision = decide_from(inputs(BASE, phase1, candidate("phase2", 3.2, 8.5)))
    assert (decision.ship, decision.provisional) == ("phase2", True)
    assert said in decision.why


def test_with_the_base_alone_the_base_ships_provisionally() -> None:
    decision = decide_from(inputs(BASE, candidate("phase1", None)))
    assert (decision.ship, decision.row, decision.provisional) == ("base", None, True)


def test_with_nothing_there_is_nothing_to_ship() -> None:
    decision = decide_from(inputs(candidate("base", None), candidate("phase1", None)))
    assert (decision.ship, decision.provisional) == (None, True)


@pytest.mark.parametrize(
    "status, said",
    [("failed", "failed"), ("interrupted", "was interrupted"), ("unfinished", "is not finished")],
)
def test_shipping_an_unfinished_phase_is_provisional_and_said(status: str, said: str) -> None:
    decision = decide_from(inputs(BASE, PHASE1, candidate("phase2", 2.4, 9.5, status=status)))
    assert (decision.ship, decision.provisional) == ("phase2", True)
    assert any(f"phase2 {said}: its best" in reason for reason in decision.why)


def test_a_phase_that_is_best_where_it_started_is_said() -> None:
    decision = decide_from(inputs(BASE, candidate("phase1", 5.0, 8, step=0)))
    assert any("training has not improved on where it started" in reason for reason in decision.why)


def declaration(folder: Path, **decision: Any) -> Declaration:
    pipeline = {
        "name": "demo",
        "base": "base",
        "language": "en",
        "datasets": [{"name": "a", "path": "data/a", "format": "ljspeech"}],
        "phases": ["phase1", "phase2"],
    }
    phase = PhaseSpec.model_validate({"learning_rate": 1e-6, "epochs": 10})
    return Declaration(
        file=folder / "pipeline.yaml",
        pipeline=PipelineSpec.model_validate(pipeline),
        phases={"phase1": phase, "phase2": phase},
        utterances=UtterancesSpec.model_validate({"sentences": [{"id": "one", "text": "One."}]}),
        decision=DecisionSpec(rows=tuple(RowSpec.model_validate(row) for row in ROWS), **decision),
        run_folder=folder / "run" / "demo",
    )


def evaluate(run: RunFolder, name: str, mel_ces: dict[int, float], text_ce: float = 0.028) -> None:
    with MetricsWriter(run.candidate(name).metrics) as writer:
        for step, mel_ce in mel_ces.items():
            writer.write(EvalRecord(step, mel_ce, text_ce, 2.8, 0.1, 9000, 1200, 4.0))


def test_a_run_is_decided_from_the_best_evaluation_of_each_candidate(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run" / "demo")
    evaluate(run, "base", {0: 5.046})
    evaluate(run, "phase1", {0: 5.046, 1339: 3.507, 1500: 3.511})
    run.candidate("phase1").best_model.touch()
    run.candidate("phase1").model_info.write_text('{"status": "done"}', encoding="utf-8")
    declared = declaration(tmp_path, quality={"phase1": 8.4})
    decision = decide(declared, run)
    assert [(c.name, c.status, c.mel_ce, c.step) for c in decision.candidates] == [
        ("base", "unfinished", 5.046, 0),
        ("phase1", "done", 3.507, 1339),
        ("phase2", NOT_RUN, None, None),
    ]
    assert (decision.ship, decision.row) == ("phase1", 4)


def test_deciding_again_from_the_file_gives_the_same_answer(tmp_path: Path) -> None:
    run = RunFolder(tmp_path / "run" / "demo")
    evaluate(run, "base", {0: 5.046})
    evaluate(run, "phase2", {0: 3.5, 100: 2.4}, text_ce=math.nan)
    decision = decide(declaration(tmp_path, read="phase2"), run)
    write_decision(run, decision)
    written = json.loads(run.decision.read_text(encoding="utf-8"))
    assert decide_from(written["inputs"]).to_json() == written == decision.to_json()


def test_deciding_is_planned_without_heavy_packages() -> None:
    assert heavy_after("import xtts_finetune.evaluation.decision") == set()
