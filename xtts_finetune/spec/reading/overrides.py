"""`--set KEY=VALUE`: one value of a declaration given on the command line."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xtts_finetune.errors import Problem
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.pipeline import PipelineSpec
from xtts_finetune.spec.reading.document import Document, Keys, Place, label
from xtts_finetune.spec.reading.words import did_you_mean, listed, shown
from xtts_finetune.spec.reading.yaml_file import parse_into

PARTS = ("pipeline", "utterances", "decision")
_TARGET = re.compile(r"[^\s.\[\]]+(?:\[[0-9]{1,6}\])*(?:\.[^\s.\[\]]+(?:\[[0-9]{1,6}\])*)*")


@dataclass(frozen=True)
class Override:
    """One parsed `--set`."""

    where: str
    """'--set phase2.learning_rate=2e-6', as messages name it."""
    keys: Keys
    value: Any
    written: dict[Keys, Place]
    """How each part of the value was written."""

    @property
    def is_of_pipeline(self) -> bool:
        """Whether `pipeline.yaml` holds the value: `pipeline.language`, and `language` alone."""
        return self.keys[0] == "pipeline" or len(self.keys) == 1

    @property
    def inner_keys(self) -> Keys:
        """The keys within the file."""
        return self.keys[1:] if len(self.keys) > 1 else self.keys


def parse_overrides(settings: Sequence[str]) -> tuple[list[Override], list[Problem]]:
    """Parse `--set` values. What cannot be parsed comes back as a problem."""
    overrides: list[Override] = []
    problems: list[Problem] = []
    for setting in settings:
        where = " ".join(f"--set {setting[:80]}".split())
        target, equals, text = setting.partition("=")
        if not equals:
            problems.append(Problem(where, "expected KEY=VALUE, such as phase2.learning_rate=2e-6"))
        elif not _TARGET.fullmatch(target.strip()):
            message = "is not a key; write it as phase2.learning_rate or phase1.stop_when[0].limit"
            problems.append(Problem(where, f"{shown(target)} {message}"))
        else:
            scratch = Document("value", Path())
            # Wrapped, so that any value is a mapping's value, as in a file.
            parse_into(scratch, "value:" + ("\n" if "\n" in text else " ") + text)
            problems += [Problem(where, problem.message) for problem in scratch.problems()]
            if scratch.data is not None and not scratch.found:
                if set(scratch.data) != {"value"}:
                    problems.append(Problem(where, "expected one value; quote text that contains a line break"))
                    continue
                written = {keys[1:]: place for keys, place in scratch.places.items() if keys[:1] == ("value",)}
                overrides.append(Override(where, _keys(target.strip()), scratch.data["value"], written))
    return overrides, problems


def _keys(target: str) -> Keys:
    parts = re.findall(r"\[([0-9]+)\]|([^.\[\]]+)", target)
    return tuple(int(index) if index else name for index, name in parts)


def apply_to_pipeline(overrides: Iterable[Override], pipeline: Document) -> list[Override]:
    """Put the values that are the pipeline's into it, and return the others.

    `eval_set.fraction` is the pipeline's too, unless a phase is named eval_set.
    """
    phases = pipeline.get("phases")
    names = set(filter(lambda name: isinstance(name, str), phases)) if isinstance(phases, list) else set()
    others = []
    for override in overrides:
        head = override.keys[0]
        of_a_phase = head in PhaseSpec.model_fields and head not in PipelineSpec.model_fields
        if override.is_of_pipeline and not of_a_phase:
            _put(override, override.inner_keys, pipeline)
        elif head in PipelineSpec.model_fields and head not in names and head not in PARTS:
            _put(override, override.keys, pipeline)
        else:
            others.append(override)
    return others


def apply_to_parts(overrides: Iterable[Override], parts: dict[str, Document]) -> list[Problem]:
    """Put values into the files that they name by a phase, 'utterances' or 'decision'.

    Values for anything else come back as problems.
    """
    problems = []
    for override in overrides:
        head = str(override.keys[0])
        if head in parts and len(override.keys) > 1:
            _put(override, override.inner_keys, parts[head])
        elif head in PhaseSpec.model_fields:
            # A phase's own key without its phase: the nearest word among other keys would mislead.
            phase = next((part for part in parts if part not in PARTS), "phase1")
            named = override.where.replace("--set ", f"--set {phase}.", 1)
            problems.append(Problem(override.where, f"'{head}' is a value of a phase; name the phase: {named}"))
        else:
            known = [*parts, "pipeline", *PipelineSpec.model_fields]
            hint = did_you_mean(head, known) or f"; known: {listed([*parts, 'pipeline'])}"
            problems.append(Problem(override.where, f"'{head}' is neither a phase nor a part of the config{hint}"))
    return problems


def _put(override: Override, keys: Keys, document: Document) -> None:
    if document.data is None:
        return
    holder: Any = document.data
    for position, key in enumerate(keys[:-1]):
        inner = _enter(override, holder, keys, position, document)
        if inner is None:
            return
        if inner is _MISSING:
            inner = holder[key] = {}
        holder = inner
    if _enter(override, holder, keys, len(keys) - 1, document) is None:
        return
    holder[keys[-1]] = override.value
    stale = [known for known in document.places if known[: len(keys)] == keys]
    for known in stale:
        del document.places[known]
    for inner_keys, place in override.written.items():
        document.places[(*keys, *inner_keys)] = Place(override.where, 0, place.text, place.quoted)


_MISSING = object()


def _enter(override: Override, holder: Any, keys: Keys, position: int, document: Document) -> Any:
    """What stands at a key on the way to the value: _MISSING if nothing does, None if the way is closed."""
    key = keys[position]
    outer = label(keys[:position]) or document.name
    message = ""
    if isinstance(key, int):
        if not isinstance(holder, list):
            message = f"{outer} is not a list here, so it has no [{key}]"
        elif key >= len(holder):
            count = len(holder)
            entries = "1 entry" if count == 1 else f"{count} entries"
            message = f"{outer} has {entries}, counted from 0: there is no [{key}]"
    elif not isinstance(holder, dict):
        message = f"{outer} is not a mapping here, so it has no key '{key}'"
    if message:
        document.complain_at(0, override.where, message)
        return None
    found = holder[key] if isinstance(key, int) else holder.get(key)
    return _MISSING if found is None else found
