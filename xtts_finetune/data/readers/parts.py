"""Lines that mean a part of a recording: never its whole sound with a part's text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from pathlib import Path

CURE = "cut the recording into one file per clip first: xtts-finetune import does that"
# By how much a length that is written down may differ from the file's: seconds, and their share.
TOLERANCE, SHARE = 0.1, 0.02


def part_problem(audio: Path, start: object, end: object = None, duration: object = None) -> str:
    """What is wrong with a line that means `start` to `end` of a sound, or `duration` from there; '' for all of it.

    The file is looked at only where a line says that it begins at 0 and where it ends.
    """
    if start in (None, ""):
        return ""
    first, last, length = _number(start), _number(end), _number(duration)
    if first is None:
        return f"the start '{start!s:.40}' is no number of seconds"
    if first > 0:
        return f"this is the part of {audio.name} from {first:g} s on; {CURE}"
    last = first + length if last is None and length is not None else last
    whole = _seconds(audio) if last is not None else None
    if last is not None and whole is not None and whole > last * (1 + SHARE) + TOLERANCE:
        return f"this is the part of {audio.name} up to {last:g} of {whole:.1f} s; {CURE}"
    return ""


def sounds_in_parts(lines: Iterable[tuple[str, str]]) -> frozenset[str]:
    """Names of sounds that have several texts, of names with their texts, where most lines are so: parts of recordings.

    A few such lines are slips: the first counts then.
    """
    texts: dict[str, set[int]] = {}
    count: Counter[str] = Counter()
    for name, text in lines:
        texts.setdefault(name, set()).add(hash(text))
        count[name] += 1
    several = frozenset(name for name, own in texts.items() if len(own) > 1)
    return several if 2 * sum(count[name] for name in several) > count.total() else frozenset()


def several_texts(audio: Path) -> str:
    """The finding for a line of such a sound."""
    return f"several lines have a text for {audio.name}, so that each is a part of it; {CURE}"


def _number(written: object) -> float | None:
    try:
        return float(str(written).replace(",", "."))
    except ValueError:
        return None


def _seconds(audio: Path) -> float | None:
    from xtts_finetune.data.sound.audio import AudioError, seconds_of  # noqa: PLC0415 - for lines with times alone

    try:
        return seconds_of(audio)
    except (AudioError, OSError):
        return None
