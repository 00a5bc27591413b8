"""Whether a file is the published one."""

from __future__ import annotations

import hashlib
import json
from enum import Enum
from pathlib import Path

from xtts_finetune.xtts.releases import PublishedFile
from xtts_finetune.xtts.rewritten import rewritten

READ_AT_ONCE = 1 << 22
CONFIG = "config.json"


class Found(str, Enum):
    """What lies under a published file's name."""

    MISSING = "missing"
    RIGHT = "right"
    REWRITTEN = "rewritten"
    OTHER = "other"


def sha256_of(path: Path) -> str:
    """The sha256 of a file's content, in hex."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(READ_AT_ONCE):
            digest.update(block)
    return digest.hexdigest()


def look_at(path: Path, published: PublishedFile) -> Found:
    """Whether `path` is the published file; the whole file is read where its size is right.

    A config.json or model.pth with other bytes may still be of the same release: Coqui's programs write paths into
    the one, and the other anew. They count as rewritten if the one is the configuration of an XTTS model and the
    other holds the published weights (`xtts.rewritten`).
    """
    if not path.is_file():
        return Found.MISSING
    if path.stat().st_size == published.size and sha256_of(path) == published.sha256:
        return Found.RIGHT
    if published.name == CONFIG and _is_xtts_config(path):
        return Found.REWRITTEN
    return Found.REWRITTEN if rewritten(path, published) else Found.OTHER


def _is_xtts_config(path: Path) -> bool:
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False
    return isinstance(config, dict) and isinstance(config.get("model_args"), dict)
