"""What is measured of a clip's sound, once, and what is found wrong with it, with the limits."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from dataclasses import astuple, dataclass

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.data.sound.audio import Audio
from xtts_finetune.numbers.fixed import SAMPLE_RATE
from xtts_finetune.records.clips import ClipWarning, DropReason, WarningKind

FRAME = 220  # samples, 10 ms
FRAME_SECONDS = FRAME / SAMPLE_RATE
# Frames this far beneath the loud ones are silence: speech itself spans about 30 dB (ANSI S3.5).
AUDIBLE_BELOW_LOUD_DB = 30.0
# Nothing is heard below this, however quiet the rest is.
AUDIBLE_DBFS = -60.0
SILENCE_DBFS = -120.0


@dataclass(frozen=True, slots=True)
class Measures:
    """Readings of one sound, rounded to what they are good for.

    level          RMS of the audible frames, dBFS (a square wave at full scale is 0); -120 for silence
    before, after  seconds of silence before the first audible frame and after the last
    pause          seconds of the longest silence between two audible frames
    clipped        share of the samples in flat tops, and `longest_top` the longest of them in milliseconds
    """

    level: float
    before: float
    after: float
    pause: float
    clipped: float
    longest_top: float

    def as_list(self) -> list[float]:
        """The readings in the order of the fields."""
        return list(astuple(self))


def measure(audio: Audio) -> Measures:
    """Measure a sound; one without an audible frame is silent from beginning to end."""
    levels = _levels(audio.wave)
    loud = float(np.percentile(levels, 95)) if len(levels) else SILENCE_DBFS
    audible = np.flatnonzero(levels > max(loud - AUDIBLE_BELOW_LOUD_DB, AUDIBLE_DBFS))
    clipped, longest_top = round(audio.clipping.share, 6), round(audio.clipping.longest, 2)
    if not len(audible):
        seconds = round(len(audio.wave) / SAMPLE_RATE, 2)
        level = _rms(levels) if len(levels) else SILENCE_DBFS
        return Measures(level, seconds, 0.0, 0.0, clipped, longest_top)
    pause = int(np.diff(audible).max(initial=1)) - 1
    before, after = int(audible[0]), len(levels) - 1 - int(audible[-1])
    start, end, inside = (round(frames * FRAME_SECONDS, 2) for frames in (before, after, pause))
    return Measures(_rms(levels[audible]), start, end, inside, clipped, longest_top)


def _levels(wave: NDArray[np.float32]) -> NDArray[np.float64]:
    """(frames,) RMS in dBFS of (samples,), without its mean: an offset is no sound."""
    count = len(wave) // FRAME
    if not count:
        return np.zeros(0)
    frames = (wave[: count * FRAME] - wave.mean()).reshape(count, FRAME)
    power = np.mean(np.square(frames, dtype=np.float64), axis=1)
    return np.asarray(10.0 * np.log10(np.maximum(power, 10.0 ** (SILENCE_DBFS / 10.0))), dtype=np.float64)


def _rms(levels: NDArray[np.float64]) -> float:
    return round(float(10.0 * np.log10(np.mean(10.0 ** (levels / 10.0)))), 1)


# dBFS. Speech is kept near -26 (ITU-T P.56's nominal level); 24 dB beneath it lies the noise of a quiet room.
QUIETEST = -50.0
# Share of the samples in flat tops. Clean recordings have none or a few; 6 dB too loud gives 0.002 to 0.04.
MOST_CLIPPED = 0.0005
# Milliseconds of one flat top: 2 are half a period of a deep voice, which is heard as a crack.
LONGEST_TOP = 2.0
# Seconds. A reader leaves 0.1 to 0.5; a model that has learnt more from its clips goes on after the last word.
LONGEST_SILENCE_AT_AN_END = 1.0
# Seconds. Pauses of read speech are shorter than 1, those of free speech seldom longer (Campione, Véronis 2002).
LONGEST_PAUSE = 1.5

# What to do about each kind, for people.
ADVICE = {
    WarningKind.OTHER_WORDS: (
        "listen, and write down what is said; a recogniser mishears names and unusual words, so some texts are right"
    ),
    WarningKind.CLIPPING: "record it again more quietly, or leave it out: the model learns the crackle too",
    WarningKind.SILENCE_AT_AN_END: "cut off the silence: the model learns to make noise after the last word",
    WarningKind.PAUSE: "cut the pause or split the clip there, and check that the text has all the words",
    WarningKind.PACE: "check by listening that the text fits: it is often cut off, or belongs to another clip",
    WarningKind.LOUDNESS: "make the clip as loud as the others",
    WarningKind.SAME_SOUND: "leave one of the two out; with two texts, at least one is wrong",
    WarningKind.SAME_TEXT: "check that it is not a second copy, and that the text fits the sound",
    WarningKind.IN_TRAIN_AND_EVAL: (
        "leave the training clip out, or reword it: a sentence that was trained on makes the evaluation look too good"
    ),
    WarningKind.OTHER_LANGUAGE: "give the line or its data set the right language, or leave it out",
}

# What to do about each reason to leave a clip out.
CURE = {
    DropReason.BAD_LINE: "correct the line, or the 'format' of the data set in pipeline.yaml",
    DropReason.DUPLICATE_ID: "give one of the two another id, or remove it",
    DropReason.EMPTY_TEXT: "write down the words that are spoken, or remove the line",
    DropReason.MISSING_FILE: "put the file there, or correct its name or the data set's 'path'",
    DropReason.UNREADABLE: "get the whole file again, or export it as WAV or FLAC; else remove the line",
    DropReason.TOO_SHORT: "join it with the clip before or after it, or lower clips.min_seconds in pipeline.yaml",
    DropReason.TOO_LONG: (
        "split it at a pause; clips.max_seconds in pipeline.yaml can be raised only where it is below what the base "
        "holds, which is 11.6 s for XTTS v2"
    ),
    DropReason.UNKNOWN_CHARACTERS: "spell the characters out, or check that 'language' is right",
    DropReason.TOO_MANY_TOKENS: "split the clip, or raise clips.max_text_tokens as far as the base allows",
    DropReason.UNREADABLE_TEXT: "write the numbers in the text out in words",
    DropReason.NEAR_SILENT: "make it louder if it holds speech, otherwise remove the line",
    DropReason.UNKNOWN_LANGUAGE: "correct the line's language, or remove the line: this base cannot learn to read it",
}


def sound_warnings(measures: Measures) -> Iterator[ClipWarning]:
    """What is suspicious about a sound, whatever the others are like."""
    if measures.clipped > MOST_CLIPPED or measures.longest_top > LONGEST_TOP:
        found = f"{_percent(measures.clipped)} of the samples are in flat tops, the longest {measures.longest_top:g} ms"
        limits = f"at most {_percent(MOST_CLIPPED)} and {LONGEST_TOP:g} ms"
        times = max(measures.clipped / MOST_CLIPPED, measures.longest_top / LONGEST_TOP)
        yield ClipWarning(WarningKind.CLIPPING, f"{found}; {limits}", round(times, 2))
    ends = [
        f"{seconds:.1f} s of silence at the {end}"
        for end, seconds in (("beginning", measures.before), ("end", measures.after))
        if seconds > LONGEST_SILENCE_AT_AN_END
    ]
    if ends:
        detail = f"{' and '.join(ends)}, at most {LONGEST_SILENCE_AT_AN_END:g} s"
        times = max(measures.before, measures.after) / LONGEST_SILENCE_AT_AN_END
        yield ClipWarning(WarningKind.SILENCE_AT_AN_END, detail, round(times, 2))
    if measures.pause > LONGEST_PAUSE:
        yield ClipWarning(WarningKind.PAUSE, f"{measures.pause:.1f} s of silence, at most {LONGEST_PAUSE:g} s")


def spoken_characters(normalised: str) -> int:
    """Letters with their marks, digits and spaces of a text whose numbers are spelled out; no punctuation."""
    return sum(unicodedata.category(character)[0] in "LMNZ" for character in normalised.strip())


def speaking_seconds(seconds: float, measures: Measures) -> float:
    """The length of a clip without the silence at its ends."""
    return max(seconds - measures.before - measures.after, 0.0)


def _percent(share: float) -> str:
    return f"{100 * share:.2g} %"
