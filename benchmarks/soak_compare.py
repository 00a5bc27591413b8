"""What benchmarks/soak.py holds to be the same: weights, moments, best models and metrics, to the bit."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch

from benchmarks.soak_kills import phase_folder
from xtts_finetune.errors import UserError
from xtts_finetune.records.checkpoints import check_whole, read_checkpoint_records
from xtts_finetune.records.run_folder import CandidateFolder

TIMES = {"seconds", "load_seconds"}
# Files that tell of the run's own history: names and times differ.
OF_ITS_OWN = ("events.out.tfevents.", "trainer_0_log.txt")


def differences(untouched: Path, life: Path) -> list[str]:
    """In words, what is not as in the untouched run; empty when all is."""
    ours, theirs = phase_folder(life), phase_folder(untouched)
    found = []
    if _names(ours) != _names(theirs):
        found.append(f"{life.name}: files: {sorted(_names(ours) ^ _names(theirs))}")
    if _lines(ours) != _lines(theirs):
        found.append(f"{life.name}: metrics.jsonl: {_first_difference(_lines(ours), _lines(theirs))}")
    for path in sorted(theirs.path.glob("*.pth")):
        here = ours.path / path.name
        if here.is_file() and (where := _unequal(_loaded(here), _loaded(path))):
            found.append(f"{life.name}: {path.name}: {where} differs")
    for record in read_checkpoint_records(ours):
        try:
            check_whole(ours, record)
        except UserError as error:
            found.append(f"{life.name}: {error}")
    return found


def leftovers(life: Path) -> list[str]:
    """Files that something half-written would leave."""
    left = [path for path in (life / "run").rglob("*") if path.name.endswith((".tmp", ".damaged"))]
    return [f"{life.name}: left over: {path.name}" for path in left]


def _names(folder: CandidateFolder) -> set[str]:
    return {path.name for path in folder.path.iterdir() if not path.name.startswith(OF_ITS_OWN)}


def _lines(folder: CandidateFolder) -> list[dict[str, Any]]:
    """Every line, in its order: a gap or a double one shows."""
    records = [json.loads(line) for line in folder.metrics.read_text(encoding="utf-8").splitlines()]
    return [{key: value for key, value in record.items() if key not in TIMES} for record in records]


def _first_difference(ours: list[dict[str, Any]], theirs: list[dict[str, Any]]) -> str:
    for number, (mine, other) in enumerate(zip(ours, theirs, strict=False), 1):
        if mine != other:
            return f"line {number}: {mine} instead of {other}"
    return f"{len(ours)} lines instead of {len(theirs)}"


def _loaded(path: Path) -> Any:
    return torch.load(path, map_location="cpu", weights_only=True)


def _unequal(ours: Any, theirs: Any, where: str = "") -> str:
    """Where two checkpoints differ, '' for nowhere."""
    if isinstance(theirs, torch.Tensor):
        return "" if isinstance(ours, torch.Tensor) and torch.equal(ours, theirs) else where
    if isinstance(theirs, dict):
        if not isinstance(ours, dict) or ours.keys() != theirs.keys():
            return where or "its keys"
        pairs = [
            (ours[key], theirs[key], f"{where}.{key}") for key in theirs if key not in ("date", "config")
        ]
    elif isinstance(theirs, list | tuple):
        if not isinstance(ours, list | tuple) or len(ours) != len(theirs):
            return where
        pairs = [
            (mine, other, f"{where}[{i}]") for i, (mine, other) in enumerate(zip(ours, theirs, strict=True))
        ]
    else:
        return "" if ours == theirs else where
    return next((found for pair in pairs if (found := _unequal(*pair))), "")
