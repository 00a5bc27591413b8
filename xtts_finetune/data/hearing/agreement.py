"""Whether a text is what is said in a clip: it is read alone, and the recogniser asked about the words that differ.

A recogniser mishears, so that other words alone prove nothing. But it also says how likely each word is that it is
given: a word that was misheard is nearly as likely as what it wrote, one that is not said is many times less likely.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.data.hearing.differences import Difference, Sound, differences_of
from xtts_finetune.data.hearing.normalised import bare, split
from xtts_finetune.data.hearing.recogniser import RATE
from xtts_finetune.data.hearing.short_sound import WITHOUT_SPACES
from xtts_finetune.records.stretches import Reason

DIFFERENT = "text and sound differ"
AT_THE_EDGE = "word at the edge"
UNSURE = "low confidence"
UNUSUAL_PACE = "unusual pace"

# Natural logarithm of how much likelier what is heard must be than what is written: e^6.5 is 665 times.
MOST_UNLIKELY = 6.5
# Mean probability of the text's words beneath which nobody can say anything.
LEAST_SURE = 0.2
# Letters a second of the whole clip; in languages without spaces, characters.
SLOWEST, FASTEST = 3.0, 28.0
SLOWEST_CHARACTERS, FASTEST_CHARACTERS = 1.0, 13.0
NAMED_DIFFERENCES = 3
# Share of the text's words beneath which another text is heard, and single words need not be named.
LEAST_SHARED = 0.4
LONGEST_NAMED = 80


class Listener(Protocol):
    """What reads sounds: hearing.recogniser.Recogniser."""

    def short_sound(self, wave: NDArray[np.float32], language: str, whole: bool = False) -> Sound: ...


@dataclass(frozen=True)
class Agreement:
    """What a second reading of a clip says of its text.

    reasons   why they do not agree, with the very words; none where they do
    heard     what was heard
    badness   0 where every word is the same; what more it is, the natural logarithm of how many times likelier
              something else is than what is written
    """

    agrees: bool
    reasons: tuple[Reason, ...]
    heard: str
    badness: float


def agreement(listener: Listener, wave: NDArray[np.float32], text: str, language: str) -> Agreement:
    """Read (samples,) at 16 kHz once more, and compare with what its text says; where they differ, twice."""
    found = _judged(listener.short_sound(wave, language), wave, text, language)
    if found.agrees:
        return found
    # A right text is misheard in the same way by chance alone.
    again = _judged(listener.short_sound(wave, language, whole=True), wave, text, language)
    return min(found, again, key=lambda each: (not each.agrees, each.badness))


def _judged(sound: Sound, wave: NDArray[np.float32], text: str, language: str) -> Agreement:
    heard, written = sound.read(), split(text, language)
    differences, sure = differences_of(sound, split(heard, language), written, language)
    told = sorted((each for each in differences if each.unlikely >= MOST_UNLIKELY), key=lambda each: -each.unlikely)
    reasons = [Reason(kind, ", ".join(map(str, those[:NAMED_DIFFERENCES]))) for kind, those in _by_kind(told) if those]
    shared = len(written) - sum(len(each.written) for each in differences)
    if told and shared < LEAST_SHARED * len(written):
        reasons = [Reason(DIFFERENT, f'something else is heard: "{_short(heard)}"')]
    elif written and sure < LEAST_SURE:
        reasons = [*reasons, Reason(UNSURE, f"the words of the text are {100 * sure:.0f} % sure")]
    reasons += pace_reasons(written, len(wave) / RATE, language)
    worst = max([0.0, *(each.unlikely for each in differences), *([MOST_UNLIKELY] if reasons else [])])
    return Agreement(not reasons, tuple(reasons), heard, round(worst, 3))


def _by_kind(differences: Sequence[Difference]) -> tuple[tuple[str, list[Difference]], ...]:
    """Words that only one of them has, at an end, are those of a clip that was cut wrongly."""
    edge = [each for each in differences if (each.at_start or each.at_end) and not (each.written and each.heard)]
    return (DIFFERENT, [each for each in differences if each not in edge]), (AT_THE_EDGE, edge)


def pace_reasons(written: Sequence[str], seconds: float, language: str) -> list[Reason]:
    """Whether so many letters can be said in that time at all."""
    slowest, fastest = (SLOWEST_CHARACTERS, FASTEST_CHARACTERS) if language in WITHOUT_SPACES else (SLOWEST, FASTEST)
    pace = sum(len(bare(word)) for word in written) / max(seconds, 0.01)
    if slowest <= pace <= fastest:
        return []
    return [Reason(UNUSUAL_PACE, f"{pace:.1f} letters a second; speech has {slowest:g} to {fastest:g}")]


def _short(text: str) -> str:
    return text if len(text) <= LONGEST_NAMED else f"{text[:LONGEST_NAMED].rsplit(' ', 1)[0]} …"
