"""Names that may be declared, and that files may have, made of names of folders and recordings."""

from __future__ import annotations

import re
import unicodedata


def slug(text: str) -> str:
    """A name that may be declared, of a folder's: 'Kovács Ági' becomes 'kovacs_agi'."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9-]+", "_", plain.lower()).strip("_-")[:40].strip("_-") or "voice"


def unused_name(name: str, names: set[str]) -> str:
    """`name`, or with a number behind it where it is taken."""
    number, free = 1, name
    while free in names:
        number += 1
        free = f"{name}_{number}"
    return free
