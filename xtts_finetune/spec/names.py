"""Checks of names: what no folder may be called, and what may stand only once."""

from __future__ import annotations

import re
from collections.abc import Iterable

from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.spec.model import NAME_PATTERN
from xtts_finetune.spec.reading.document import Document, Keys, label
from xtts_finetune.spec.utterances import HELD_OUT

# Folders and parts that a phase's name would collide with.
TAKEN = {
    BASE: "it is the model that the first phase starts from",
    "cache": "the run's folder has one of that name",
    "logs": "the run's folder has one of that name",
    "listening": "the run's folder has one of that name",
    "earlier": "the run's folder has one of that name",
    "remedies": "the run's folder has one of that name",
    "search": "the run's folder has one of that name",
    "shipped": "the run's folder has one of that name",
    "pipeline": "--set uses it for pipeline.yaml",
    "utterances": "--set uses it for the samples",
    "decision": "--set uses it for the decision matrix",
}
_OF_WINDOWS = re.compile(r"con|prn|aux|nul|com[0-9]|lpt[0-9]", re.IGNORECASE)


def is_name(text: object) -> bool:
    """Whether `text` may be a name at all; what may not is reported where it is declared."""
    return isinstance(text, str) and len(text) <= 64 and re.fullmatch(NAME_PATTERN.rstrip("$"), text) is not None


def check_names(pipeline: Document, utterances: Document | None) -> None:
    """Reserved and repeated names of the run, phases, data sets and sentences."""
    name = pipeline.text("name")
    if name is not None:
        _refuse_reserved(pipeline, ("name",), name)
    shipped = pipeline.text("ship", "name")
    if shipped is not None:
        _refuse_reserved(pipeline, ("ship", "name"), shipped)
    phases = [(("phases", index), entry) for index, entry in pipeline.entries("phases")]
    _check(pipeline, phases, "phase")
    for keys, entry in phases:
        reason = TAKEN.get(str(entry).casefold())
        if reason:
            pipeline.complain(keys, f"{label(keys)}: a phase cannot be named '{entry}': {reason}")
    _check(pipeline, _named(pipeline, "datasets", "name"), "data set")
    if utterances is not None:
        sentences = _named(utterances, "sentences", "id")
        _check(utterances, sentences, "sentence")
        for place, sentence in sentences:
            if str(sentence).casefold().startswith(HELD_OUT):
                reason = "lines of the eval set are (see held_out)"
                utterances.complain(place, f"{label(place)}: no name may begin with '{HELD_OUT}': {reason}")


def _named(document: Document, part: str, key: str) -> list[tuple[Keys, object]]:
    return [((part, index, key), document.get(part, index, key)) for index, _ in document.entries(part)]


def _check(document: Document, names: Iterable[tuple[Keys, object]], what: str) -> None:
    seen: dict[str, Keys] = {}
    for keys, name in names:
        if not isinstance(name, str):
            continue
        _refuse_reserved(document, keys, name)
        # Some file systems take 'Phase1' and 'phase1' for one folder.
        first = seen.setdefault(name.casefold(), keys)
        if first != keys:
            where = document.place(first).where
            document.complain(keys, f"{label(keys)}: there are two {what}s named '{name}'; the first is at {where}")


def _refuse_reserved(document: Document, keys: Keys, name: str) -> None:
    if _OF_WINDOWS.fullmatch(name):
        document.complain(keys, f"{label(keys)}: Windows cannot have a file or folder named '{name}'; choose another")
