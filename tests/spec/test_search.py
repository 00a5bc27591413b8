"""`search` in a phase's file: what is wrong is said before any trial begins."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.spec.wrong_declarations import RIGHT, write_files
from xtts_finetune.errors import DeclarationError
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.spec.search import RangeSpec

PHASE = "phases/phase1.yaml"


def load(folder: Path, search: str):  # type: ignore[no-untyped-def]
    write_files({**RIGHT, PHASE: RIGHT[PHASE] + f"search:\n{search}".encode()}, folder)
    return load_declaration(folder / "pipeline.yaml").phases["phase1"]


def test_a_space_is_read(tmp_path: Path) -> None:
    phase = load(
        tmp_path,
        "  learning_rate: {low: 1.0e-7, high: 1.0e-5, log: true}\n"
        "  schedule.kind: [constant, cosine]\n"
        "  batch_size: {low: 2, high: 4}\n"
        "  train: [all, {lora: {rank: 4}}]\n"
        "  train.lora.rank: [4, 8]\n",
    )
    assert phase.search["learning_rate"] == RangeSpec(low=1e-7, high=1e-5, log=True)
    assert phase.search["schedule.kind"] == ("constant", "cosine")
    assert phase.search["train"] == ("all", {"lora": {"rank": 4}})


@pytest.mark.parametrize(
    ("search", "message"),
    [
        ("  lerning_rate: [1.0e-6]", "search.lerning_rate: a phase has no such key; did you mean 'learning_rate'?"),
        ("  schedule.colour: [red]", "search.schedule.colour: a phase has no such key"),
        ("  steps: [10, 20]", "search.steps: is not the search's to choose"),
        ("  success.x: [1]", "search.success.x: is not the search's to choose"),
        ("  learning_rate: {low: 1.0e-5, high: 1.0e-6}", "'low' 1e-05 is not below 'high' 1e-06"),
        ("  weight_decay: {low: 0, high: 1, log: true}", "with 'log', 'low' must be above 0"),
        ("  learning_rate: {low: -1, high: 1}", "search.learning_rate: learning_rate: expected a positive number"),
        ("  batch_size: {low: 0.5, high: 4}", "search.batch_size: batch_size: expected a whole number"),
        ("  schedule.kind: [constant, square]", "search.schedule.kind: schedule.kind: expected one of"),
        ("  schedule.kind: [constant, cosine_restarts]", "'cosine_restarts' needs to know how long"),
        ("  batch_size: [2, 2]", "2 is there twice"),
        ("  batch_size: []", "search.batch_size: expected a list with at least one entry"),
        ("  batch_size: 3", "search.batch_size: expected"),
        ("  batch_size: {low: 2}", "search.batch_size.high: missing"),
        ("  batch_size: {low: 2, high: 4, step: 2}", "unknown key 'step'"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_line(search: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(DeclarationError) as error:
        load(tmp_path, search + "\n")
    assert message in str(error.value)
    assert f"{PHASE}:" in str(error.value)
