"""Words of messages that several checks need: what was found, and what was probably meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from typing import Any

from xtts_finetune.spec.reading.document import Place

_LONGEST = 60


def shown(value: Any, place: Place | None = None) -> str:
    """A value as a message shows it: text in quotes, numbers as they were written."""
    if value is None:
        return "nothing"
    if isinstance(value, list):
        return "a list" if value else "an empty list"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, str):
        text = value if len(value) <= _LONGEST else value[:_LONGEST] + "..."
        return f"'{text}'".replace("\n", "\\n")
    written = place.text if place is not None and place.text else str(value)
    return written.lower() if isinstance(value, bool) else written


def did_you_mean(word: object, allowed: Iterable[str]) -> str:
    """'; did you mean 'X'?' for the nearest allowed word, or nothing if none is near.

    Letter case, '-', '_' and spaces do not count; initials do: lr means learning_rate.
    """
    plain = {_plain(candidate): candidate for candidate in allowed}
    wanted = _plain(str(word))
    near = difflib.get_close_matches(wanted, plain, n=1, cutoff=0.6)
    initials = [candidate for candidate in plain.values() if _initials(candidate) == wanted and len(wanted) > 1]
    contained = [candidate for key, candidate in plain.items() if len(wanted) > 3 and (wanted in key or key in wanted)]
    for best in (initials, [plain[key] for key in near], contained):
        if best:
            return f"; did you mean '{best[0]}'?"
    return ""


def listed(words: Iterable[str]) -> str:
    """'a', 'b', 'c'."""
    return ", ".join(f"'{word}'" for word in words)


def _plain(word: str) -> str:
    return "".join(character for character in word.casefold() if character.isalnum())[:100]


def _initials(word: str) -> str:
    return "".join(part[:1] for part in word.casefold().split("_"))
