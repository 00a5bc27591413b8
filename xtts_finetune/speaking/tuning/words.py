"""What a tuning came to, in words, and what to write so that listeners decide."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from xtts_finetune.evaluation.candidates import candidate_names
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.speaking.tuning.points import AS_NOW, REFERENCE, Point
from xtts_finetune.speaking.tuning.tune import Tried, Tuned, in_words
from xtts_finetune.spec.decision import MadeCandidate
from xtts_finetune.spec.declaration import Declaration

TOLD = {"temperature": "temperature", "top_k": "top_k", "top_p": "top_p", "repetition_penalty": "penalty",
        "speed": "speed", REFERENCE: "voice from"}  # fmt: skip


def summary(tuned: Tuned) -> Iterator[str]:
    """What is used now, what was tried beside it, and whether anything is better."""
    yield f"on {tuned.texts} texts that nothing was chosen by:"
    yield f"  as now: {in_words(tuned.now.means, tuned.now.means)}{_spread(tuned.now)}"
    for one in tuned.finalists:
        sure = f"{100 * one.gain:+.1f} points of worth, give or take {100 * one.error:.1f}"
        yield f"  {_point(one.point, tuned.now.point)}: {in_words(one.means, tuned.now.means)}{_spread(one)}; {sure}"
    if not tuned.proposals:
        yield "none of it is clearly better than what is used now: keep that"


def _spread(one: Tried) -> str:
    return "" if one.means.spread is None else f", pitch moves by {one.means.spread:.1f} semitones"


def _point(point: Point, now: Point) -> str:
    """'temperature 0.45, voice from clips 4 to 6': in what it differs."""
    return ", ".join(f"{TOLD[key]} {_number(point[key])}" for key in TOLD if point[key] != now[key])


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, int | float) else str(value)


def candidates_yaml(declaration: Declaration, tuned: Tuned) -> list[str]:
    """The lines of the decision matrix that make candidates of the proposals."""
    declared = declaration.decision.candidates or tuple(name for name in candidate_names(declaration))
    lines = ["candidates:"]
    for entry in declared:
        if isinstance(entry, MadeCandidate):
            lines.append(f"  - {_flow(entry.model_dump(mode='json', exclude_defaults=True))}")
        elif entry != BASE:
            lines.append(f"  - {entry}")
    folder = declaration.pipeline.decision.parent
    taken = set(candidate_names(declaration))
    for number, one in enumerate(tuned.proposals, start=1):
        name = next(each for each in _names(tuned.candidate, number) if each not in taken)
        taken.add(name)
        proposed: dict[str, Any] = {"name": name, "model": tuned.candidate}
        changed = {key: one.point[key] for key in TOLD if key != REFERENCE and one.point[key] != tuned.now.point[key]}
        if changed:
            proposed["inference"] = changed
        if one.point[REFERENCE] != AS_NOW:
            proposed["reference"] = [_relative(file, folder) for file in tuned.references[one.point[REFERENCE]]]
        lines.append(f"  - {_flow(proposed)}")
    return lines


def _names(candidate: str, number: int) -> Iterator[str]:
    yield f"{candidate}-tuned{number}"
    yield from (f"{candidate}-tuned{number}-{again}" for again in range(2, 1000))


def _relative(file: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(file, folder)).as_posix()
    except ValueError:  # on another drive of Windows
        return str(file)


def _flow(value: Any) -> str:
    """A YAML flow mapping on one line."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_flow, value)) + "]"
    return json.dumps(value, ensure_ascii=False)
