"""How long speech is, compared with what the voice's recordings lead one to expect."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from xtts_finetune.evaluation.instruments.frames import spoken_characters, tells_its_length
from xtts_finetune.evaluation.instruments.instrument import Instrument, Take, deviation
from xtts_finetune.records.heard.scores import Reading, UtteranceScores

# Seconds that no character pays for: onset, and the last syllable, which is drawn out. Not fitted: recordings
# that are all of about one length say nothing of it.
START_SECONDS = 0.3
# Fewer recordings do not tell a voice's usual pace.
FEWEST_RECORDINGS = 8
# As factors: as many deviations of the recordings as lie within these.
DEVIATIONS, FACTOR = 3.0, (1.3, 1.7)
# Seconds of speech to expect; a word or two may be drawn out or be hasty.
SHORTEST = 1.5


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


@dataclass(frozen=True)
class Length:
    """One recording's: `seconds` of speech for the `characters` of its text."""

    language: str
    characters: int
    seconds: float


def _length(take: Take) -> Length:
    return Length(take.language, spoken_characters(take.text), take.sound.frames.speech_seconds)


def _read(take: Take) -> Mapping[str, Reading]:
    """Compared with the line's own recording, or else with the voice's usual duration."""
    spoken = take.sound.frames.speech_seconds
    if take.recording is not None and (own := take.recording.frames.speech_seconds):
        return {"duration_ratio": spoken * take.speed / own}
    usual = take.voice.usual.get("durations", {}).get(take.language)
    if not usual or not tells_its_length(take.text):
        return {}
    ratio = UsualDuration(**usual).ratio(spoken_characters(take.text), spoken)
    return {"duration_ratio": ratio * take.speed}


def _usual(lengths: Sequence[Length]) -> Mapping[str, Any]:
    """The usual duration in each language, and how much recordings differ from it, as a natural logarithm."""
    found = {
        language: UsualDuration.of([(one.characters, one.seconds) for one in lengths if one.language == language])
        for language in sorted({one.language for one in lengths})
    }
    known = {language: usual for language, usual in found.items() if usual is not None}
    ratios = [
        known[one.language].ratio(one.characters, one.seconds)
        for one in lengths
        if one.language in known and one.seconds > 0
    ]
    return {
        "durations": {language: asdict(usual) for language, usual in known.items()},
        "length_deviation": deviation(list(np.log(ratios))) if ratios else None,
    }


def _judge(take: Take, scores: UtteranceScores) -> tuple[float, float, str] | None:
    ratio, own = scores.number("duration_ratio"), take.voice.number("length_deviation")
    if not ratio or own is None or take.sound.frames.speech_seconds / ratio < SHORTEST:
        return None
    limit = float(np.clip(np.exp(DEVIATIONS * own), *FACTOR))
    if ratio > limit:
        return ratio, limit, "of the voice's usual length"
    return (ratio, 1.0 / limit, "of the voice's usual length") if ratio * limit < 1 else None


DURATION = Instrument(
    name="duration_ratio",
    unit="of the recordings' length",
    source="median over the characters of the text",
    better="near the voice's own",
    read=_read,
    note=_length,
    usual=_usual,
    fault="odd length",
    judge=_judge,
    version=0,
)
