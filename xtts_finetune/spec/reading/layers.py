"""One set of values laid over another, each value keeping the place where it was written."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from typing import Any

from xtts_finetune.spec.reading.document import Document, Keys, Place, label

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
    stay = [
        index
        for index, entry in under.entries(key)
        if not (isinstance(entry, dict) and entry.get(name) in named)
    ]
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
