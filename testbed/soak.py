"""Kill phases again and again, go on, and compare with a run that was left alone.

What must be the same is the same to the bit: weights, moments, best models and metrics.
"""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch

from testbed.killing import Kill, Moment, kill_once, phase_folder, run_to_the_end
from xtts_finetune.errors import UserError
from xtts_finetune.records.candidates.checkpoints import check_whole, read_checkpoint_records
from xtts_finetune.records.run_folder import CandidateFolder

MOST_KILLS_A_LIFE = 8
TIMES = {"seconds", "load_seconds"}
# Files that tell of the run's own history: names and times differ.
OF_ITS_OWN = ("events.out.tfevents.", "trainer_0_log.txt")


def soak(project: Path, untouched: Path, work: Path, kills: int, saves: int, seed: int) -> dict[str, object]:
    """Kill phases of copies of `project` `kills` times, at least `saves` of them in the middle of a save.

    `project` is a folder with a declaration whose data and base are ready and whose phase is to come,
    `untouched` the same after a run that was left alone.
    """
    chance = random.Random(seed)
    done: list[Kill] = []
    found: dict[str, list[str]] = {}
    lives = 0
    while len(done) < kills:
        lives += 1
        if lives > 5 + 2 * kills:
            raise RuntimeError(f"only {len(done)} kills in {lives} lives: the phase ends before they come")
        life = Path(shutil.copytree(project, work / f"life_{lives}"))
        for _ in range(min(chance.randint(3, MOST_KILLS_A_LIFE), kills - len(done))):
            moment = _moment(chance, kills - len(done), saves - sum(kill.in_save for kill in done))
            kill = kill_once(life, moment, chance)
            if kill is None:
                break  # the phase ended before its moment came
            done.append(kill)
            print(f"{len(done):3} life {lives:2}  {kill}", flush=True)
        run_to_the_end(life)
        if wrong := differences(untouched, life) + leftovers(life):
            found[life.name] = wrong
            print("\n".join(wrong), flush=True)
        else:
            shutil.rmtree(life)
    return {
        "kills": len(done),
        "in_a_save": sum(kill.in_save for kill in done),
        "lives": lives,
        "went_on_and_ended_the_same": lives - len(found),
        "by_kind": {kind: sum(kill.kind == kind for kill in done) for kind in sorted({k.kind for k in done})},
        "most_seconds_to_end_when_asked": max((k.seconds for k in done if k.asked), default=0.0),
        "differences": found,
        "each": [asdict(kill) for kill in done],
    }


def _moment(chance: random.Random, kills_left: int, saves_left: int) -> Moment:
    """When to kill next: in a save while these are owed, else anywhere."""
    if saves_left > 0 and chance.random() < max(0.4, saves_left / kills_left):
        return Moment("save", chance.uniform(0.0, 5.0))
    if chance.random() < 0.25:
        return Moment("start", chance.uniform(0.0, 8.0))
    return Moment("step", chance.random())


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
        pairs = [(ours[key], theirs[key], f"{where}.{key}") for key in theirs if key not in ("date", "config")]
    elif isinstance(theirs, list | tuple):
        if not isinstance(ours, list | tuple) or len(ours) != len(theirs):
            return where
        pairs = [(mine, other, f"{where}[{i}]") for i, (mine, other) in enumerate(zip(ours, theirs, strict=True))]
    else:
        return "" if ours == theirs else where
    return next((found for pair in pairs if (found := _unequal(*pair))), "")
