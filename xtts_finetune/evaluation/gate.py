"""The gate in front of every judgement of speech: is an utterance sound enough to be judged at all?

Simple instruments, each with its unit and limit. They come before any model, because models rate silence and
noise plausibly. They hear whether there is a steady voice at a sane pace that ends and does not repeat itself, not
whether its words are right: codes drawn at random, decoded, pass most of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from xtts_finetune.evaluation.instruments.frames import (
    HOP_SECONDS,
    Frames,
    Pace,
    Wave,
    frames_of,
    spoken_characters,
    tells_its_length,
)
from xtts_finetune.evaluation.instruments.instrument import Fault
from xtts_finetune.evaluation.instruments.repeats import repeated_in_text, strongest_repeat
from xtts_finetune.spec.utterances import has_words

# What it can find; the instruments find further faults, next to the voice's recordings.
FAULT_NAMES = (
    "no words",
    "not finite",
    "near silent",
    "clipping",
    "noise",
    "long pause",
    "unvoiced tail",
    "cut end",
    "repeat",
    "too fast",
    "too slow",
    "cut",
)

# dBFS. Speech is kept near -26 (ITU-T P.56's nominal level); 19 dB beneath it hardly anything is heard.
QUIETEST_SPEECH = -45.0
# Share of samples. Recordings have 0.00005 at their peak, raised by 6 dB and clipped 0.002 to 0.04.
MOST_CLIPPED = 0.001
# Samples within this of the highest count as clipped: HiFi-GAN's tanh bends before it is flat.
CLIPPED_FROM_PEAK = 0.995
# Beneath this peak the steps of 16 bits would pass for flat tops.
QUIETEST_CLIPPING = 0.05
# Share of audible time. 'Six.' has 0.14 in a slow voice, sentences 0.3 to 0.9, noise 0.00.
LEAST_VOICED = 0.1
# Recordings 0.00 to 0.04, the preview vocoder to 0.08; with white noise as loud as the speech 0.35, alone 0.56.
MOST_FLAT = 0.3
# Seconds without voice. Longer pauses than 1 s occur in spontaneous speech only, never in read speech (Campione and
# Véronis 2002); unvoiced consonants and creak around one are added here: recordings of a natural voice reach 0.99.
LONGEST_PAUSE = 1.25
# Seconds. A slow 'Sixth.' ends with 0.47 of them, sentences of a voice that creaks with up to 0.54.
LONGEST_TAIL = 0.7
# dB beside the speech. Recordings end 35 dB beneath it and more, clipped closely 15; a cut vowel at -5 to 5.
LOUDEST_END = -12.0
# The last samples that are heard as the end; longer than a period of the lowest voice.
END_SECONDS = 0.02
# dB s, see `repeats`. Sentences of six synthetic voices reach 0.9; a phrase of three words said twice has 1 to 4
# in 85 of 100, two words in 40 to 80, a single word in 5 to 50.
STRONGEST_REPEAT = 1.0
# Seconds that are not a matter of pace: silence at both ends, and the long last syllable of a short text.
SLOW_ALLOWANCE = 0.7


@dataclass(frozen=True)
class Measures:
    """What the instruments read from one utterance.

    seconds         its whole length
    level           RMS of its audible part, dBFS
    clipped         share of samples at the wave's own ceiling
    voiced          share of the audible time
    flatness        mean spectral flatness of the audible time, 0 to 1
    longest_pause   seconds without voice between voiced frames, be it silence or noise
    unvoiced_tail   seconds of sound after the last voiced frame
    end             level of the last 20 ms beside that of the speech, dB
    repeated        how strongly it repeats itself beyond what the text does, dB s
    characters      of the text, as spoken; 0 where they do not tell how long it takes
    """

    seconds: float
    level: float
    clipped: float
    voiced: float
    flatness: float
    longest_pause: float
    unvoiced_tail: float
    end: float
    repeated: float
    characters: int

    @property
    def pace(self) -> float:
        """Characters a second."""
        return self.characters / self.seconds if self.seconds else 0.0


def faults_of(
    wave: Wave, sample_rate: int, text: str, cut: bool, pace: Pace, spelled: str | None = None
) -> list[Fault]:
    """Everything wrong with an utterance (samples,) of `text`; nothing if it is sound.

    cut      whether generation ended at the model's limit and not by itself
    pace     of the voice that should be heard
    spelled  the text with its numbers in words, where that is known

    A text without a word cannot be said rightly: that is a fault of every sound. Of a text that is mostly digits,
    neither pace nor, unless it is spelled out, repetitions are judged.
    """
    found = [Fault("cut", len(wave) / sample_rate, len(wave) / sample_rate, "s")] if cut else []
    if not has_words(text):
        found.append(Fault("no words", 0, 1, "letters or digits to say"))
    if wrong := int(np.count_nonzero(~np.isfinite(wave))):
        return [Fault("not finite", wrong, 0, "samples"), *found]
    return [*faults_in(measure(wave, sample_rate, text, spelled), pace), *found]


def measure(wave: Wave, sample_rate: int, text: str, spelled: str | None = None) -> Measures:
    """Readings of all instruments for (samples,) within -1 and 1, all of them finite; `spelled` as in `faults_of`."""
    frames = frames_of(wave, sample_rate)
    plain = tells_its_length(text)
    said = text if plain else spelled
    return Measures(
        seconds=len(wave) / sample_rate,
        level=speech_level(frames),
        clipped=clipped_share(wave),
        voiced=voiced_share(frames),
        flatness=speech_flatness(frames),
        longest_pause=longest_pause(frames),
        unvoiced_tail=unvoiced_tail(frames),
        end=end_level(wave, sample_rate) - speech_level(frames),
        repeated=0.0 if said is None else repeated(wave, sample_rate, said, frames),
        characters=spoken_characters(text) if plain else 0,
    )


def faults_in(measures: Measures, pace: Pace) -> list[Fault]:
    """The instruments beyond their limits. Silence has no other fault, and noise no words that could have one."""
    if measures.level < QUIETEST_SPEECH:
        return [Fault("near silent", measures.level, QUIETEST_SPEECH, "dBFS")]
    found = []
    if measures.clipped > MOST_CLIPPED:
        found.append(Fault("clipping", measures.clipped, MOST_CLIPPED, "of the samples"))
    if measures.voiced < LEAST_VOICED:
        return [*found, Fault("noise", measures.voiced, LEAST_VOICED, "of the time voiced")]
    if measures.flatness > MOST_FLAT:
        return [*found, Fault("noise", measures.flatness, MOST_FLAT, "spectral flatness")]
    if measures.longest_pause > LONGEST_PAUSE:
        found.append(Fault("long pause", measures.longest_pause, LONGEST_PAUSE, "s"))
    if measures.unvoiced_tail > LONGEST_TAIL:
        found.append(Fault("unvoiced tail", measures.unvoiced_tail, LONGEST_TAIL, "s"))
    elif measures.end > LOUDEST_END:
        found.append(Fault("cut end", measures.end, LOUDEST_END, "dB beside the speech"))
    if measures.repeated > STRONGEST_REPEAT:
        found.append(Fault("repeat", measures.repeated, STRONGEST_REPEAT, "dB s"))
    return [*found, *_pace_faults(measures, pace)] if measures.characters else found


def speech_level(frames: Frames) -> float:
    """RMS of the audible frames in dBFS; minus infinity if there are none."""
    if not frames.audible.any():
        return -np.inf
    return float(10.0 * np.log10(np.mean(10.0 ** (frames.level[frames.audible] / 10.0))))


def clipped_share(wave: Wave) -> float:
    """Share of (samples,) at the wave's own ceiling, 0 to 1: what was clipped and then lowered counts too."""
    size = np.abs(wave)
    peak = float(size.max(initial=0.0))
    return float(np.mean(size >= CLIPPED_FROM_PEAK * peak)) if peak >= QUIETEST_CLIPPING else 0.0


def voiced_share(frames: Frames) -> float:
    """Share of the audible time that is voiced; 0 if nothing is audible."""
    return float(frames.voiced.sum() / max(int(frames.audible.sum()), 1))


def speech_flatness(frames: Frames) -> float:
    """Mean spectral flatness of the audible frames; 0 if there are none."""
    return float(frames.flatness[frames.audible].mean()) if frames.audible.any() else 0.0


def longest_pause(frames: Frames) -> float:
    """Seconds of the longest stretch without voice between two voiced frames."""
    voiced = np.flatnonzero(frames.voiced)
    return float(np.diff(voiced).max() - 1) * HOP_SECONDS if len(voiced) > 1 else 0.0


def unvoiced_tail(frames: Frames) -> float:
    """Seconds from the last voiced frame to the last audible one; 0 if nothing is voiced."""
    voiced, audible = np.flatnonzero(frames.voiced), np.flatnonzero(frames.audible)
    return float(audible[-1] - voiced[-1]) * HOP_SECONDS if len(voiced) else 0.0


def end_level(wave: Wave, sample_rate: int) -> float:
    """RMS of the last 20 ms of (samples,) in dBFS; minus infinity for silence."""
    end = wave[-round(END_SECONDS * sample_rate) :]
    power = float(np.mean(np.square(end, dtype=np.float64))) if len(end) else 0.0
    return 10.0 * np.log10(power) if power else -np.inf


def repeated(wave: Wave, sample_rate: int, text: str, frames: Frames) -> float:
    """How strongly (samples,) repeats itself, less what `text` does, dB s; 0 for silence."""
    audible = np.flatnonzero(frames.audible)
    if not len(audible):
        return 0.0
    found = strongest_repeat(wave, sample_rate, frames)
    spoken = (float(audible[0]) * HOP_SECONDS, float(audible[-1] + 1) * HOP_SECONDS)
    return max(found.strength - repeated_in_text(text, found, spoken), 0.0)


def _pace_faults(measures: Measures, pace: Pace) -> list[Fault]:
    unit = "characters a second"
    if measures.pace > pace.fastest:
        return [Fault("too fast", measures.pace, pace.fastest, unit)]
    longest = measures.characters / pace.slowest + SLOW_ALLOWANCE
    if measures.seconds > longest:
        return [Fault("too slow", measures.pace, measures.characters / longest, unit)]
    return []
