"""Which of the recordings' texts XTTS can read."""

from __future__ import annotations

from collections.abc import Sequence

from xtts_finetune.data.readers import RawClip
from xtts_finetune.xtts.text.cleaning import foreseen_problem, package_problem


def readable_clips(clips: Sequence[RawClip], language: str) -> list[RawClip]:
    """The clips whose texts XTTS can read, in their own language or else in `language`.

    Of a language whose packages are not installed, all of them: what it can read is not known yet.
    """
    return [clip for clip in clips if _problem(clip, language) is None]


def reading_note(clips: Sequence[RawClip], language: str) -> str:
    """How many texts XTTS cannot read, with the first of them; '' where it can read all."""
    faults = [(clip, problem) for clip in clips if (problem := _problem(clip, language)) is not None]
    if not faults:
        return ""
    first, problem = faults[0]
    if len(faults) == 1:
        return f"1 of {len(clips)} texts cannot be used and will be left out ({first.id}): {problem}"
    return f"{len(faults)} of {len(clips)} texts cannot be used and will be left out, first {first.id}: {problem}"


def _problem(clip: RawClip, language: str) -> str | None:
    own = clip.language or language
    return None if package_problem(own) else foreseen_problem(clip.text, own)
