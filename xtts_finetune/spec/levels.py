"""`optimization_level`: values of a phase that stand in a file of their own, and where they count.

From the least to the most: the level that a phase's file names, the file itself, the level that the command line names,
other values of the command line.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xtts_finetune.spec.checks.files import is_file
from xtts_finetune.spec.checks.names import is_name
from xtts_finetune.spec.reading.document import Document
from xtts_finetune.spec.reading.layers import lay, leaves
from xtts_finetune.spec.reading.overrides import Override
from xtts_finetune.spec.reading.words import did_you_mean, listed

PACKAGE = Path(__file__).parent
# Inside an installed package, or in a checkout.
SHIPPED = (PACKAGE / "level_files", PACKAGE.parents[1] / "phases" / "levels")
KEY = "optimization_level"
# What says which phase it is, rather than how it is trained.
NOT_IN_A_LEVEL = ("goal", "resume_from", KEY, "success", "search")


@dataclass(frozen=True)
class Resolved:
    """A value that a level is about, and who gave it."""

    key: str
    """'schedule.kind'"""
    value: Any
    origin: str
    """'level stable', 'phases/phase2.yaml:4' or 'command line'"""


def shipped_levels() -> dict[str, Path]:
    """The levels that come with the package, by name; empty when it was installed without its data."""
    return {file.stem: file for folder in reversed(SHIPPED) for file in sorted(folder.glob("*.yaml"))}


def apply_levels(phases: Mapping[str, Document], overrides: Sequence[Override]) -> dict[str, list[Document]]:
    """Put every phase's levels where they belong among its values; other overrides come later.

    Returns the levels of each phase, for `resolved_values`. What is wrong with a level is a problem of its phase, too.
    """
    used: dict[str, list[Document]] = {}
    for name, phase in phases.items():
        if phase.data is None:
            continue
        asked = [override for override in overrides if override.keys == (name, KEY)]
        # Switched off, or no name: then neither counts, and the check says what is wrong with the latter.
        off = bool(asked) and asked[-1].value is None
        own = None if off else _read(phase.get(KEY), phase)
        if own is not None and own.data is not None:
            lay(under=own, over=phase, into=phase)
        elif not off and phase.get(KEY) is not None:
            _forgive(phase)
        switched = _read(asked[-1].value, phase, asked[-1].where) if asked else None
        if switched is not None and switched.data is not None:
            lay(under=phase, over=switched, into=phase)
        used[name] = [level for level in (own, switched) if level is not None]
    return used


def resolved_values(phase: Document, levels: Sequence[Document]) -> tuple[Resolved, ...]:
    """The values that the levels or the command line are about as they count now, those of the levels first."""
    names = {level.name: f"level {level.file.stem}" for level in levels}
    found: dict[str, Resolved] = {}
    of_levels = [key for level in levels for key in level.data or {}]
    typed = [key for key in phase.data or {} if phase.place((key,)).line == 0 and phase.get(key) is not None]
    for key in dict.fromkeys([*of_levels, *(key for key in typed if key != KEY)]):
        for label, value, place in leaves(phase, key):
            file = place.where.rpartition(":")[0]
            origin = names.get(file) or ("command line" if place.line == 0 else place.where)
            found.setdefault(label, Resolved(label, value, origin))
    return tuple(found.values())


def _read(name: Any, phase: Document, where: str = "") -> Document | None:
    """The named level, the project's own before the shipped one; None where there is none, as is said then."""
    from xtts_finetune.spec.reading.yaml_file import read_document  # noqa: PLC0415  (most phases have no level)

    if not isinstance(name, str) or not is_name(name):
        return None  # no level, or no name, which the phase's own check says
    shipped = shipped_levels()
    project = phase.folder / "levels"
    file = project / f"{name}.yaml"
    shown = f"phases/levels/{name}.yaml"
    if not is_file(file):
        if name not in shipped:
            known = sorted({*shipped, *(path.stem for path in project.glob("*.yaml"))})
            hint = did_you_mean(name, known) or f"; levels: {listed(known)}, or write {shown}"
            place = phase.place((KEY,))
            message = f"{KEY}: there is no level '{name}'{hint}"
            phase.complain_at(0 if where else place.line, where or place.where, message)
            return None
        file, shown = shipped[name], f"level {name}"
    level = read_document(file, re.sub(r"\s", " ", shown))
    for key in NOT_IN_A_LEVEL:
        if level.data is not None and key in level.data:
            level.complain((key,), f"{key}: belongs into the file of a phase, not into a level's")
            del level.data[key]
    for problem in level.problems():
        phase.complain_at(0, problem.where, problem.message)
    return level


def _forgive(phase: Document) -> None:
    """Ask for nothing that a level would have given which cannot be read."""
    assert phase.data is not None
    if isinstance(phase.data[KEY], str) and is_name(phase.data[KEY]):
        phase.data[KEY] = None
        phase.faulty |= {(KEY,), ("learning_rate",)}
