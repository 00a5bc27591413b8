"""Rows of JSON: a whole document (trainer_state.json, a history of Keras, an export), or an object a line."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from xtts_finetune.curves.readers.csv_table import row_of_cells
from xtts_finetune.curves.readers.names import EVALUATION, is_loss, role_of, words_in
from xtts_finetune.curves.readers.numbers import ENDLESS, number_in
from xtts_finetune.curves.readers.rows import Row

FORMAT = "JSON"
# JSON has no such numbers; programs write them all the same, each in its own way.
_BARE = re.compile(rf"(?<![\w\"'#.+-])({ENDLESS})(?![\w\"'(])", re.IGNORECASE)
# 'train_losses = [2.71, 2.65, ...]', as a program prints it
_LISTS = re.compile(r"([A-Za-z]\w*)[\"']?\s*[:=]\s*\[([^\[\]]+)\]")
DEEPEST = 6  # objects within objects


def rows_of_json(text: str, lines: Sequence[str], source: str) -> list[Row]:
    """The rows of a document, or of lines that are objects; none where it is neither."""
    if text.lstrip()[:1] not in ("{", "["):
        return _of_columns({name: _loaded(f"[{values.strip().rstrip(',')}]") for name, values in _LISTS.findall(text)})
    document = _loaded(text)
    if document is not None:
        return max(_rows_in(document, source), key=_losses, default=[])
    found = (_loaded(line.strip().rstrip(",")) for line in lines if line.lstrip()[:1] == "{")
    return [row_of_cells(dict(_flat(content))) for content in found if isinstance(content, dict)]


def _loaded(text: str) -> Any:
    """What a text holds; None where it is no JSON, nor a dictionary as Python prints it."""
    quoted = _BARE.sub(r'"\1"', text)
    for one in (quoted, quoted.replace("'", '"').replace("None", "null").replace("True", "true")):
        try:
            return json.loads(one)
        except (ValueError, RecursionError):
            continue
    return None


def _rows_in(content: Any, source: str, depth: int = 0) -> Iterable[list[Row]]:
    """All that may be rows: lists of objects, objects by epoch, objects of lists, points that TensorBoard exported."""
    if depth > DEEPEST:
        return
    if isinstance(content, list):
        if any(isinstance(item, dict) for item in content):
            yield [row_of_cells(dict(_flat(item))) for item in content if isinstance(item, dict)]
        elif content and all(isinstance(item, list) and len(item) == 3 for item in content):
            name = "validation loss" if EVALUATION & set(words_in(Path(source).name)) else "loss"
            yield [row_of_cells({"step": step, name: value}) for _, step, value in content]
        elif depth == 0:
            yield _of_columns({"loss": content})
    if isinstance(content, dict):
        yield _of_columns(content)
        numbered = [(key, item) for key, item in content.items() if key.isdigit() and isinstance(item, dict)]
        yield [row_of_cells({"epoch": key, **dict(_flat(item))}) for key, item in numbered]
    for item in content.values() if isinstance(content, dict) else content if isinstance(content, list) else ():
        yield from _rows_in(item, source, depth + 1)


def _of_columns(content: dict[str, Any]) -> list[Row]:
    """Lists by name, each value at its place; of lists of other lengths than the longest the places are spread."""
    lists = {name: values for name, values in _flat(content) if role_of(name) is not None and isinstance(values, list)}
    columns = {name: values for name, values in lists.items() if not any(isinstance(v, dict | list) for v in values)}
    pairs = {name: values for name, values in lists.items() if values and all(_is_pair(value) for value in values)}
    if any(map(is_loss, pairs)):
        return [row_of_cells({"step": step, name: value}) for name, found in pairs.items() for step, value in found]
    if not any(map(is_loss, columns)):
        return []
    longest = max(len(values) for values in columns.values())
    rows: list[dict[str, float]] = [{} for _ in range(longest)]
    for name, values in columns.items():
        for number, value in enumerate(values, 1):
            found = number_in(str(value), role_of(name) in ("step", "epoch"))
            if found is not None:
                rows[number * longest // len(values) - 1][name] = found
    return [row for row in rows if row]


def _is_pair(value: Any) -> bool:
    return isinstance(value, list) and len(value) == 2


def _flat(content: dict[str, Any], before: str = "") -> Iterable[tuple[str, Any]]:
    """Names and values of an object; those of an object within it have its name before theirs: 'train/loss'."""
    for name, value in content.items():
        if isinstance(value, dict):
            yield from _flat(value, f"{before}{name}/")
        elif value is not None:
            yield f"{before}{name}", value


def _losses(rows: Sequence[Row]) -> int:
    return sum(is_loss(name) for row in rows for name in row)
