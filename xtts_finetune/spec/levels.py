"""`optimization_level`: values of a phase that stand in a file of their own, laid under the phase's own values.

From the least to the most: the level that a phase's file names, the file itself, the level that the command line names,
other values of the command line. Each value keeps the place where it was written.
"""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xtts_finetune.spec.files import is_file
from xtts_finetune.spec.names import is_name
from xtts_finetune.spec.reading.document import Document, Keys, Place, label
from xtts_finetune.spec.reading.overrides import Override
from xtts_finetune.spec.reading.words import did_you_mean, listed

# Ways to say the same thing: who gives one of them wants none of the others.
EXCLUSIVE = (("epochs", "steps"), ("batch_size", "max_tokens"))
# Told apart by a key: another one is taken as a whole.
KINDS = {"schedule": ("kind", "constant")}
# Lists whose entries have names.
NAMED_ENTRIES = {"stop_when": "rule"}


def lay(under: Document, over: Document, into: Document) -> None:
    """Let `into`, which may be one of them, say what `over` says and for the rest what `under` says.

    Mappings are laid over each other key by key, but a schedule of another kind counts as a whole. A rule of
    `stop_when` takes the place of the one of its name; an empty list takes the place of all.
    """
    made = Document(into.name, into.file, {})
    made.places[()] = over.place(())
    for key in [*(under.data or {}), *(key for key in over.data or {} if key not in (under.data or {}))]:
        _lay_key(key, under, over, made)
    into.data, into.places = made.data, made.places


def leaves(document: Document, key: str) -> Iterator[tuple[str, Any, Place]]:
    """The single values below a top-level key, each with its label and place; named entries of lists as well."""
    value = (document.data or {}).get(key, _MISSING)
    if isinstance(value, dict) and value:
        for inner in value:
            yield from _leaves_below(document, (key, inner), value[inner])
    elif isinstance(value, list) and key in NAMED_ENTRIES:
        for index, entry in enumerate(value):
            name = entry.get(NAMED_ENTRIES[key]) if isinstance(entry, dict) else entry
            yield f"{key}.{name}", _rest(entry, NAMED_ENTRIES[key]), document.place((key, index))
    elif value is not _MISSING:
        yield key, value, document.place((key,))


_MISSING = object()


def _lay_key(key: str, under: Document, over: Document, made: Document) -> None:
    below, above = (under.data or {}).get(key, _MISSING), (over.data or {}).get(key, _MISSING)
    if above is _MISSING:
        others = [other for group in EXCLUSIVE if key in group for other in group if other != key]
        # Given as null, it asks for nothing.
        if any((over.data or {}).get(other) is not None for other in others):
            return
        _take(under, (key,), made, (key,))
    elif isinstance(above, dict) and isinstance(below, dict) and _same_kind(key, below, above):
        made.data[key] = {}  # type: ignore[index]  # made has data
        made.places[(key,)] = over.place((key,))
        for inner in [*below, *(inner for inner in above if inner not in below)]:
            _take(over if inner in above else under, (key, inner), made, (key, inner))
    elif key in NAMED_ENTRIES and isinstance(above, list) and above and isinstance(below, list):
        _lay_entries(key, under, over, made)
    else:
        _take(over, (key,), made, (key,))


def _lay_entries(key: str, under: Document, over: Document, made: Document) -> None:
    """The entries of `over`, after those of `under` whose names it does not have."""
    name = NAMED_ENTRIES[key]
    named = {entry.get(name) for _, entry in over.entries(key) if isinstance(entry, dict)}
    stay = [index for index, entry in under.entries(key) if not (isinstance(entry, dict) and entry.get(name) in named)]
    made.data[key] = []  # type: ignore[index]  # made has data
    made.places[(key,)] = over.place((key,))
    for source, index in [
        *((under, index) for index in stay),
        *((over, index) for index, _ in over.entries(key)),
    ]:
        _take(source, (key, index), made, (key, len(made.get(key))))


def _take(source: Document, keys: Keys, made: Document, to: Keys) -> None:
    """Copy a value and the places of all that is in it."""
    holder: Any = made.get(*to[:-1])
    value = copy.deepcopy(source.get(*keys))
    if isinstance(holder, list):
        holder.append(value)
    else:
        holder[to[-1]] = value
    for known, place in source.places.items():
        if known[: len(keys)] == keys:
            made.places[(*to, *known[len(keys) :])] = place


def _same_kind(key: str, below: dict[str, Any], above: dict[str, Any]) -> bool:
    if key not in KINDS:
        return True
    tag, default = KINDS[key]
    return tag not in above or above[tag] == below.get(tag, default)


def _leaves_below(document: Document, keys: Keys, value: Any) -> Iterator[tuple[str, Any, Place]]:
    if isinstance(value, dict) and value:
        for inner in value:
            yield from _leaves_below(document, (*keys, inner), value[inner])
    else:
        yield label(keys), value, document.place(keys)


def _rest(entry: Any, name: str) -> Any:
    return {key: value for key, value in entry.items() if key != name} if isinstance(entry, dict) else entry


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
    """'preset stable', 'phases/phase2.yaml:4' or 'command line'"""


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
    names = {level.name: f"preset {level.file.stem}" for level in levels}
    found: dict[str, Resolved] = {}
    of_levels = [key for level in levels for key in level.data or {}]
    typed = [key for key in phase.data or {} if phase.place((key,)).line == 0 and phase.get(key) is not None]
    for key in dict.fromkeys([*of_levels, *(key for key in typed if key != KEY)]):
        for key_label, value, place in leaves(phase, key):
            file = place.where.rpartition(":")[0]
            origin = names.get(file) or ("command line" if place.line == 0 else place.where)
            found.setdefault(key_label, Resolved(key_label, value, origin))
    return tuple(found.values())


def _read(name: Any, phase: Document, where: str = "") -> Document | None:
    """The named level, the project's own before the shipped one; None where there is none, which is then reported."""
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
            hint = did_you_mean(name, known) or f"; presets: {listed(known)}, or write {shown}"
            place = phase.place((KEY,))
            message = f"{KEY}: there is no preset '{name}'{hint}"
            phase.complain_at(0 if where else place.line, where or place.where, message)
            return None
        file, shown = shipped[name], f"preset {name}"
    level = read_document(file, re.sub(r"\s", " ", shown))
    for key in NOT_IN_A_LEVEL:
        if level.data is not None and key in level.data:
            level.complain((key,), f"{key}: belongs in a phase's file, not in a preset's")
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
