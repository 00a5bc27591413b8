"""Checks one file against its model: pydantic finds what is wrong, this says it in words, at its line."""

from __future__ import annotations

import json
import math
from typing import Any, TypeVar

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from xtts_finetune.spec.model import Spec
from xtts_finetune.spec.reading.document import Document, Keys, label
from xtts_finetune.spec.reading.shapes import Shape, below, child, choices, expected, resolved, shape_at
from xtts_finetune.spec.reading.words import did_you_mean, listed, shown
from xtts_finetune.spec.train import LIST, MAPPING, WORD

Model = TypeVar("Model", bound=Spec)


def check(model: type[Model], document: Document) -> Model | None:
    """The document's data as a model, or None with every problem noted in the document."""
    if document.data is None:
        return None
    try:
        # As JSON and strict: no text becomes a number and no truth value a 1, while lists and paths pass.
        return model.model_validate_json(json.dumps(document.data), strict=True)
    except ValidationError as errors:
        root = model.model_json_schema()
        for error in errors.errors(include_url=False):
            _report(error, root, document)
        _contradictions(root, root, document, document.data, ())
        if not document.found:
            raise
        return None


def _report(error: ErrorDetails, root: Shape, document: Document) -> None:
    kind = error["type"]
    if kind == "value_error":
        return  # ours: `_contradictions` reports these even where other values are wrong
    if kind == "json_invalid":
        document.complain((), "a key or a text has half a character in it (a lone surrogate); write it again")
        return
    keys = _keys(error["loc"], document.data)
    if any(keys[:length] in document.faulty for length in range(len(keys) + 1)):
        return
    if kind == "union_tag_not_found" or kind == "union_tag_invalid":
        _report_tag(keys, root, document)
    elif kind == "missing":
        shape = shape_at(root, document.data, keys) or {}
        purpose = str(shape.get("description", "")).rstrip(".") or expected(shape)
        document.complain(keys, f"{label(keys)}: missing, but required: {purpose}")
    elif kind == "extra_forbidden":
        allowed = _allowed_keys(root, document, keys[:-1])
        hint = did_you_mean(keys[-1], allowed) or f"; allowed: {', '.join(allowed)}"
        inside = f"{label(keys[:-1])}: " if len(keys) > 1 else ""
        document.complain(keys, f"{inside}unknown key '{keys[-1]}'{hint}")
    elif error["loc"][-1] == "[key]":
        wanted = "letters, digits, '-' and '_', the first a letter or digit"
        document.complain(keys, f"{label(keys[:-1])}: {shown(keys[-1])} is not a name; use {wanted}")
    elif kind != "too_short" or not document.get(*keys):
        _report_value(keys, root, document)


def _report_tag(keys: Keys, root: Shape, document: Document) -> None:
    shape = shape_at(root, document.data, keys) or {}
    tag = str(shape["discriminator"]["propertyName"])
    value, rules = document.get(*keys), list(shape["discriminator"]["mapping"])
    if not isinstance(value, dict):
        document.complain(keys, f"{label(keys)}: expected a mapping with '{tag}' but got {shown(value)}")
    elif value.get(tag) is None:
        document.complain((*keys, tag), f"{label((*keys, tag))}: missing, but required: one of {listed(rules)}")
    else:
        found = value[tag]
        message = f"expected one of {listed(rules)} but got {shown(found, document.place((*keys, tag)))}"
        document.complain((*keys, tag), f"{label((*keys, tag))}: {message}{did_you_mean(found, rules)}")


def _report_value(keys: Keys, root: Shape, document: Document) -> None:
    value, place = document.get(*keys), document.place(keys)
    shape = shape_at(root, document.data, keys) or {}
    hint = _cure(value, shape, place.text) or did_you_mean(value, choices(shape))
    document.complain(keys, f"{label(keys)}: expected {expected(shape)} but got {shown(value, place)}{hint}")


def _cure(value: Any, shape: Shape, written: str) -> str:
    kind = shape.get("type")
    if isinstance(value, str) and kind in ("number", "integer"):
        if _is_number(value):
            return " in quotes; write it without quotes"
        if _is_number(value.replace(",", ".")):
            return "; write a decimal point, not a comma"
    if kind == "string" and isinstance(value, bool):
        return f", which YAML reads as {str(value).lower()}; put it in quotes: '{written}'"
    if kind == "string" and isinstance(value, int | float):
        return f", a number; put it in quotes: '{written}'"
    if kind == "integer" and isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return f"; write {int(value)}"
    if kind == "boolean" and isinstance(value, str):
        return "; write it without quotes" if value.lower() in ("true", "false", "yes", "no") else ""
    if kind == "array" and value is not None and not isinstance(value, list | dict):
        return f"; put it in brackets: [{written}]"
    if any(value in choices(other.get("items", {})) for other in shape.get("oneOf", ())):
        return f"; put it in brackets: [{written}]"
    return ""


def _is_number(text: str) -> bool:
    """Whether it would be a number without its quotes: 'nan', 'inf' and '1e999' would be none that may stand."""
    try:
        return math.isfinite(float(text))
    except ValueError:
        return False


def _keys(loc: tuple[int | str, ...], data: Any) -> Keys:
    """pydantic's location without the names of union members and of dict keys, which are not in the file."""
    keys: list[int | str] = []
    for position, part in enumerate(loc):
        if part == "[key]" or part in (WORD, LIST, MAPPING):
            continue
        last = position == len(loc) - 1
        if isinstance(data, dict) and part not in data and not last and data.get("rule") == part:
            continue
        keys.append(part)
        data = child(data, part)
    return tuple(keys)


def _allowed_keys(root: Shape, document: Document, keys: Keys) -> list[str]:
    shape = shape_at(root, document.data, keys) or {}
    return list(shape.get("properties", {}))


def _contradictions(root: Shape, shape: Shape, document: Document, data: Any, keys: Keys) -> None:
    """Ask the model of every mapping in the file what contradicts itself, whatever else is wrong."""
    shape = resolved(root, shape, data)
    if isinstance(data, dict):
        model = _models().get(str(shape.get("title")))
        for between, message in model.contradictions(model.with_defaults(data)) if model else []:
            if not between and _may_be_meant(document, keys, data, model):
                continue
            given = [document.place((*keys, key)) for key in between if key in data]
            # The command line's value is the one to change, else the one further down.
            place = min(given, key=lambda place: (place.line > 0, -place.line), default=document.place(keys))
            document.complain_at(place.line, place.where, f"{label(keys)}: {message}" if keys else message)
    children = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in children:
        inner = below(shape, key)
        if inner is not None:
            _contradictions(root, inner, document, value, (*keys, key))


def _may_be_meant(document: Document, keys: Keys, data: dict[str, Any], model: type[Spec] | None) -> bool:
    """Whether what seems to be missing may stand there, as a misspelt key or a value that was refused."""
    fields = model.model_fields if model else {}
    return any((*keys, key) in document.faulty and (key not in fields or data[key] is None) for key in data)


def _models() -> dict[str, type[Spec]]:
    return {model.__name__: model for model in Spec.__subclasses__()}
