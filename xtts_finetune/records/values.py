"""Plain values of records: from and to JSON that every reader can read, as one level of keys, and fingerprints."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

CHUNK_BYTES = 1 << 20


def parse_object(content: str | bytes) -> dict[str, Any]:
    """The JSON object in a text, or in bytes of UTF-8. Raises ValueError that says what is wrong with it."""
    try:
        found = json.loads(content if isinstance(content, str) else content.decode("utf-8"))
    except json.JSONDecodeError as error:
        raise ValueError(f"not JSON: {error.msg} at character {error.pos + 1}") from None
    except (RecursionError, ValueError) as error:
        raise ValueError(f"not JSON: {error}") from None
    if not isinstance(found, dict):
        raise ValueError("expected a JSON object, as {...}, but got another value")
    return found


def strict_json(value: object) -> Any:
    """The same value with null for NaN and infinity and text for paths: what every JSON reader can read."""
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, Mapping):
        return {str(key): strict_json(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [strict_json(item) for item in value]
    return value


def flat(value: Mapping[str, Any], prefix: str = "", *, lists: bool = False) -> dict[str, Any]:
    """Nested mappings as one level of dotted keys, in their order: {'schedule.kind': 'cosine'}.

    Lists stay values, unless `lists` makes their places parts of the keys too: {'stop_when.0.rule': ...}.
    """
    return dict(_leaves(value, prefix, lists))


def _leaves(value: Mapping[str, Any], prefix: str, lists: bool) -> Iterator[tuple[str, Any]]:
    for key, item in value.items():
        if lists and isinstance(item, list | tuple):
            item = {str(place): each for place, each in enumerate(item)}
        if isinstance(item, Mapping):
            yield from _leaves(item, f"{prefix}{key}.", lists)
        else:
            yield f"{prefix}{key}", item


def canonical(value: object) -> bytes:
    """JSON of a value whatever the order of its keys. Raises TypeError for what JSON does not know."""
    return json.dumps(value, sort_keys=True).encode()


def digest_of(value: object) -> str:
    """Fingerprint of a plain value, independent of the order of its keys: 64 hexadecimal digits."""
    return hashlib.sha256(canonical(value)).hexdigest()


def hash_of(value: object) -> str:
    """Fingerprint of what a stage was made from, 16 hexadecimal digits; text stands for what JSON does not know.

    It has a form of its own, as the stages of all runs are recorded with it: letters beyond ASCII are not escaped.
    """
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return text_digest(text)[:16]


def text_digest(text: str) -> str:
    """Sha256 of a text in UTF-8: 64 hexadecimal digits."""
    return hashlib.sha256(text.encode("utf-8")).hexdigest()


def file_digest(path: Path) -> str:
    """Sha256 of a file's content: 64 hexadecimal digits. Raises OSError."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(CHUNK_BYTES):
            digest.update(chunk)
    return digest.hexdigest()
