"""How long speech is beside what the voice's recordings let expect."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from xtts_finetune.evaluation.instruments.frames import HOP_SECONDS, Frames

# Seconds that no character pays for: onset, and the last syllable, which is drawn out. Not fitted: recordings
# that are all of about one length say nothing of it.
START_SECONDS = 0.3
# Fewer recordings do not tell a voice's usual pace.
FEWEST_RECORDINGS = 8


def speech_seconds(frames: Frames) -> float:
    """Seconds from the first audible frame to the last: silence at the ends is not spoken. 0 for silence."""
    audible = np.flatnonzero(frames.audible)
    return float(audible[-1] - audible[0] + 1) * HOP_SECONDS if len(audible) else 0.0


@dataclass(frozen=True)
class UsualDuration:
    """The voice's durations: seconds = 0.3 + `per_character` x characters of the text.

    It knows nothing of pauses and stress: single sentences of one reader differ from it by a tenth or two.
    """

    per_character: float

    @classmethod
    def of(cls, recordings: Sequence[tuple[int, float]]) -> UsualDuration | None:
        """The median over (characters, seconds of speech); None for fewer than eight."""
        rates = [
            (seconds - START_SECONDS) / characters
            for characters, seconds in recordings
            if characters and seconds > START_SECONDS
        ]
        return cls(float(np.median(rates))) if len(rates) >= FEWEST_RECORDINGS else None

    def seconds(self, characters: int) -> float:
        """Seconds to expect of so many characters."""
        return START_SECONDS + self.per_character * characters

    def ratio(self, characters: int, seconds: float) -> float:
        """Seconds of speech over those expected of so many characters; 1 is as the recordings."""
        return seconds / self.seconds(characters)
