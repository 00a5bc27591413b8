"""What the instruments read from the voice's own recordings: utterances are compared with it."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np

from xtts_finetune.data.in_threads import in_order, one_core_a_thread
from xtts_finetune.evaluation.instruments.cepstral import mel_cepstral_distance
from xtts_finetune.evaluation.instruments.characters import character_error_rate
from xtts_finetune.evaluation.instruments.duration import UsualDuration, speech_seconds
from xtts_finetune.evaluation.instruments.frames import spoken_characters
from xtts_finetune.evaluation.instruments.loudness import loudness_of
from xtts_finetune.evaluation.instruments.panel import Panel
from xtts_finetune.evaluation.instruments.pitch import pitch_of, semitones_between
from xtts_finetune.evaluation.instruments.similarity import mean_voice, own_similarity
from xtts_finetune.evaluation.instruments.sound import Sound
from xtts_finetune.evaluation.instruments.treble import treble_of
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.clips import ClipRecord

VERSION = 2
# Enough to know a voice by; more take longer and change little.
RECORDINGS = 24
# Noise and recognition take half a second a recording.
SLOW_RECORDINGS = 8
# Fewer pairs of different texts do not tell how far apart such are.
FEWEST_PAIRS = 5
MAD_TO_DEVIATION = 1.4826  # of a normal distribution


@dataclass(frozen=True)
class Voice:
    """Medians over recordings of the voice, None where an instrument is not there.

    durations         by language, how long speech usually is
    length_deviation  how much single recordings differ from that, as a natural logarithm
    f0_deviation      of single recordings' medians, semitones
    embedding         (256,) of all recordings together; `own_similarity` is theirs with each other
    unlike_db         the least mel-cepstral distance between two recordings of different texts
    texts             what the recordings say: what else a recogniser might have heard
    """

    fingerprint: str
    recordings: int = 0
    durations: Mapping[str, UsualDuration] = field(default_factory=dict)
    length_deviation: float | None = None
    level_lufs: float | None = None
    f0_median_hz: float | None = None
    f0_deviation: float | None = None
    treble_db: float | None = None
    embedding: tuple[float, ...] | None = None
    own_similarity: float | None = None
    noise_mos: float | None = None
    cer: float | None = None
    unlike_db: float | None = None
    texts: tuple[str, ...] = ()

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Voice:
        """Read back what voice.json holds. Raises KeyError, TypeError or ValueError if it is no such record."""
        durations = {
            str(language): UsualDuration(float(line["per_character"]))
            for language, line in dict(record["durations"]).items()
        }
        embedding = record["embedding"]
        return cls(
            **{
                **record,
                "durations": durations,
                "embedding": None if embedding is None else tuple(map(float, embedding)),
                "texts": tuple(map(str, record["texts"])),
            }
        )


def fingerprint_of(clips: Iterable[ClipRecord], depends_on: Mapping[str, Any]) -> str:
    """One hash of the clips that are measured and of `depends_on`, such as versions."""
    measured = [(clip.sha256, clip.text, clip.language) for clip in chosen_clips(clips)]
    whole = {"version": VERSION, "clips": measured, **depends_on}
    return hashlib.sha256(json.dumps(whole, sort_keys=True).encode()).hexdigest()


def chosen_clips(clips: Iterable[ClipRecord]) -> list[ClipRecord]:
    """Which recordings of the voice are measured: some, by the hash of their sound."""
    own = {clip.sha256: clip for clip in clips}
    return [own[sha256] for sha256 in sorted(own)[:RECORDINGS]]


def read_voice(path: Path, fingerprint: str) -> Voice | None:
    """The voice in voice.json, if it is of this fingerprint and whole."""
    try:
        voice = Voice.from_json(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None
    return voice if voice.fingerprint == fingerprint else None


def write_voice(path: Path, voice: Voice) -> None:
    """Write voice.json, whole or not at all."""
    write_json_atomic(path, asdict(voice))


def measure_voice(
    clips: Sequence[ClipRecord], fingerprint: str, panel: Panel, progress: Callable[[int, int], None]
) -> Voice:
    """Measure recordings of the voice; one that cannot be read is passed over.

    progress   is told how many are done, of how many
    """
    chosen = chosen_clips(clips)
    heard: list[tuple[ClipRecord, Sound]] = []
    readings: list[dict[str, Any]] = []
    read = in_order(lambda each: _read(each[1], panel, slow=each[0] < SLOW_RECORDINGS), enumerate(chosen))
    with one_core_a_thread(), closing(read) as results:
        for number, (clip, found) in enumerate(zip(chosen, results, strict=True)):
            progress(number, len(chosen))
            if found is not None:
                heard.append((clip, found[0]))
                readings.append(found[1])
    embeddings = _known(readings, "embedding")
    pitches = _known(readings, "f0")
    durations = _durations(readings)
    pitch = float(np.median(pitches)) if pitches else None
    return Voice(
        fingerprint=fingerprint,
        recordings=len(readings),
        durations=durations,
        length_deviation=_length_deviation(readings, durations),
        level_lufs=_median(readings, "level"),
        f0_median_hz=pitch,
        f0_deviation=_deviation([semitones_between(one, pitch) for one in pitches]) if pitch else None,
        treble_db=_median(readings, "treble"),
        embedding=tuple(map(float, mean_voice(embeddings))) if len(embeddings) > 1 else None,
        own_similarity=float(np.mean(own_similarity(embeddings))) if len(embeddings) > 1 else None,
        noise_mos=_median(readings, "noise"),
        cer=_median(readings, "cer"),
        unlike_db=_unlike(heard),
        texts=tuple(clip.text for clip, _ in heard),
    )


def _read(clip: ClipRecord, panel: Panel, slow: bool) -> tuple[Sound, dict[str, Any]] | None:
    """A recording and what the instruments read from it; None for one that cannot be read."""
    try:
        sound = Sound.of(clip.audio)
    except (OSError, ValueError):
        return None
    return sound, _readings(clip, sound, panel, slow)


def _readings(clip: ClipRecord, sound: Sound, panel: Panel, slow: bool) -> dict[str, Any]:
    pitch = pitch_of(sound.wave, sound.sample_rate, sound.frames)
    heard = panel.heard(sound, clip.language) if slow else None
    return {
        "language": clip.language,
        "characters": spoken_characters(clip.text),
        "seconds": speech_seconds(sound.frames),
        "level": loudness_of(sound.wave, sound.sample_rate),
        "f0": None if pitch is None else pitch.median,
        "treble": treble_of(sound.wave, sound.sample_rate, sound.frames),
        "embedding": panel.embedding(sound),
        "noise": panel.background(sound) if slow else None,
        "cer": None if heard is None else character_error_rate(clip.normalised or clip.text, heard),
    }


def _durations(readings: Sequence[Mapping[str, Any]]) -> dict[str, UsualDuration]:
    lines = {
        language: UsualDuration.of(
            [(one["characters"], one["seconds"]) for one in readings if one["language"] == language]
        )
        for language in {one["language"] for one in readings}
    }
    return {language: line for language, line in sorted(lines.items()) if line is not None}


def _length_deviation(
    readings: Sequence[Mapping[str, Any]], durations: Mapping[str, UsualDuration]
) -> float | None:
    ratios = [
        durations[one["language"]].ratio(one["characters"], one["seconds"])
        for one in readings
        if one["language"] in durations and one["seconds"] > 0
    ]
    return _deviation(list(np.log(ratios))) if ratios else None


def _unlike(heard: Sequence[tuple[ClipRecord, Sound]]) -> float | None:
    """How near two recordings of different texts come at most."""
    distances = [
        mel_cepstral_distance(own.wave, own.sample_rate, other.wave, other.sample_rate)
        for (clip, own), (next_clip, other) in pairwise(heard)
        if clip.text != next_clip.text
    ]
    known = [distance for distance in distances if distance is not None]
    return min(known) if len(known) >= FEWEST_PAIRS else None


def _known(readings: Sequence[Mapping[str, Any]], name: str) -> list[Any]:
    return [one[name] for one in readings if one[name] is not None]


def _median(readings: Sequence[Mapping[str, Any]], name: str) -> float | None:
    known = _known(readings, name)
    return float(np.median(known)) if known else None


def _deviation(values: Sequence[float]) -> float:
    """Robust standard deviation."""
    return float(MAD_TO_DEVIATION * np.median(np.abs(np.array(values) - np.median(values))))
