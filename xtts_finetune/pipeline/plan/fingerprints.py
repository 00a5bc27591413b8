"""Fingerprints of what a stage reads, and in words what is different since it was last done."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

# A part of a stage's inputs: a plain value for what people declare, a short hash for files.
Inputs = dict[str, Any]
# What a phase starts from, in words, and the fingerprints that have nothing to do with it.
START, OF_ANY_START = "starts from", ("files base", "files clips")


def hash_of(value: object) -> str:
    """Fingerprint of a plain value, independent of the order of its keys."""
    text = json.dumps(value, ensure_ascii=False, sort_keys=True, default=str)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()[:16]


def flat(value: Mapping[str, Any], prefix: str = "") -> Inputs:
    """Nested mappings as one level of dotted keys: {'schedule.kind': 'cosine'}. Lists stay values."""
    result: Inputs = {}
    for key, item in value.items():
        name = f"{prefix}{key}"
        if isinstance(item, Mapping):
            result.update(flat(item, f"{name}."))
        else:
            result[name] = item
    return result


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """In words, key by key, what changed: 'learning_rate: 1e-06 -> 2e-06'; empty when nothing did."""
    found = []
    elsewhere = before.get(START) != now.get(START)
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if old == new:
            continue
        if elsewhere and key.startswith("files ") and key not in OF_ANY_START:
            continue  # it starts from something else; that this did not change
        # Hashes say nothing to people; the key's name does.
        if key.startswith("files "):
            found.append(f"{key.removeprefix('files ')} changed")
        else:
            found.append(f"{key}: {_shown(old)} -> {_shown(new)}")
    return found


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, list | tuple | dict):
        text = json.dumps(value, ensure_ascii=False, default=str)
        return text if len(text) <= 60 else text[:57] + "..."
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)
