"""The JSON Schemas of the models, followed key by key: what may stand at a place, and how to say it."""

from __future__ import annotations

from typing import Any

from xtts_finetune.numbers.fixed import DEVICE_PATTERN, DEVICES
from xtts_finetune.spec.model import NAME_PATTERN
from xtts_finetune.spec.reading.document import Keys

Shape = dict[str, Any]


def shape_at(root: Shape, data: Any, keys: Keys) -> Shape | None:
    """The schema of the value at `keys` in `data`, which `root` describes; None where it has none."""
    shape: Shape | None = resolved(root, root, data)
    for key in keys:
        inner = None if shape is None else below(shape, key)
        if inner is None:
            return None
        data = child(data, key)
        shape = resolved(root, inner, data)
    return shape


def child(data: Any, key: str | int) -> Any:
    """The value at `key`, or None."""
    if isinstance(data, dict):
        return data.get(key)
    if isinstance(data, list) and isinstance(key, int) and 0 <= key < len(data):
        return data[key]
    return None


def below(shape: Shape, key: str | int) -> Shape | None:
    """The schema that `shape` declares for an entry or key, references unresolved."""
    inner: Any = None
    if isinstance(key, int):
        inner = shape.get("items")
    elif key in shape.get("properties", {}):
        inner = shape["properties"][key]
    elif shape.get("patternProperties"):
        inner = next(iter(shape["patternProperties"].values()))
    elif isinstance(shape.get("additionalProperties"), dict):
        inner = shape["additionalProperties"]
    return inner if isinstance(inner, dict) else None


def resolved(root: Shape, shape: Shape, data: Any) -> Shape:
    """`shape` without references, 'or null' and unions: a union is decided by its discriminator in `data`."""
    if "$ref" in shape:
        named: Shape = root["$defs"][shape["$ref"].rpartition("/")[2]]
        return resolved(root, {**named, **{k: v for k, v in shape.items() if k not in ("$ref", "title")}}, data)
    if "anyOf" in shape and "type" not in shape:
        kinds = [kind for kind in shape["anyOf"] if kind.get("type") != "null"]
        outer = {k: v for k, v in shape.items() if k not in ("anyOf", "title")}
        return resolved(root, {**kinds[0], **outer, "nullable": len(kinds) < len(shape["anyOf"])}, data)
    if "discriminator" in shape:
        tag = child(data, shape["discriminator"]["propertyName"])
        reference = shape["discriminator"]["mapping"].get(tag) if isinstance(tag, str) else None
        return shape if reference is None else resolved(root, {"$ref": reference}, data)
    if "oneOf" in shape and "type" not in shape:
        kinds = [resolved(root, kind, data) for kind in shape["oneOf"]]
        wanted = "object" if isinstance(data, dict) else "array" if isinstance(data, list) else None
        fitting = [kind for kind in kinds if kind.get("type") == wanted]
        return fitting[0] if fitting else {**shape, "oneOf": kinds}
    return shape


def expected(shape: Shape) -> str:
    """What may stand where `shape` applies, in words: 'a positive number', 'one of 'best', 'last''."""
    if "discriminator" in shape:
        return "a rule: " + _choice(list(shape["discriminator"]["mapping"]))
    if "const" in shape or "enum" in shape:
        return _choice(choices(shape))
    if "oneOf" in shape and "type" not in shape:
        *others, last = map(expected, shape["oneOf"])
        return f"{', '.join(others)}, or {last}"
    kind = shape.get("type")
    if kind in ("integer", "number"):
        words = _numbers("a whole number" if kind == "integer" else "a number", shape)
    elif kind == "string":
        words = "text that is not empty" if shape.get("minLength") else "text"
        if shape.get("pattern") == NAME_PATTERN:
            words = "a name (at most 64 letters, digits, '-' and '_', the first a letter or digit)"
        if shape.get("pattern") == DEVICE_PATTERN:
            words = DEVICES
    elif kind == "array":
        words = "a list with at least one entry" if shape.get("minItems") else "a list"
        among = ", ".join(f"'{word}'" for word in choices(shape.get("items", {})))
        words += f" of {among}" if among else ""
    elif kind == "boolean":
        words = "true or false"
    else:
        keys = list(shape.get("properties", {}))
        words = "a mapping with " + ", ".join(keys) if keys else "a mapping"
    # Where leaving a key out does not mean 'none', null does, and must be named.
    return words if shape.get("default") is None or not shape.get("nullable") else f"{words}, or null"


def choices(shape: Shape) -> list[str]:
    """The words that may stand where `shape` applies; empty if it is no choice."""
    return [str(word) for word in shape.get("enum", [shape["const"]] if "const" in shape else [])]


def _choice(words: list[str]) -> str:
    quoted = ", ".join(f"'{word}'" for word in words)
    return quoted if len(words) == 1 else f"one of {quoted}"


def _numbers(words: str, shape: Shape) -> str:
    bounds = []
    low, high = shape.get("minimum"), shape.get("maximum")
    if shape.get("exclusiveMinimum") == 0 and high is None and "exclusiveMaximum" not in shape:
        return words.replace("a ", "a positive ", 1)
    if "exclusiveMinimum" in shape:
        bounds.append(f"above {shape['exclusiveMinimum']:g}")
    if low is not None:
        bounds.append(f"of at least {low:g}")
    # Bounds that only keep slips out are not worth naming to those who are nowhere near them.
    if high is not None and high < 1_000_000:
        bounds.append(f"of at most {high:g}")
    if "exclusiveMaximum" in shape and shape["exclusiveMaximum"] < 1_000_000:
        bounds.append(f"below {shape['exclusiveMaximum']:g}")
    return " ".join([words, " and ".join(bounds)]) if bounds else words
