"""Oddities that show only beside the other clips: pace, loudness, copies, and texts on both sides of the split."""

from __future__ import annotations

import hashlib
import math
import sys
from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from xtts_finetune.data.findings import speaking_seconds, spoken_characters
from xtts_finetune.data.measures import Measures
from xtts_finetune.records.clips import ClipRecord, ClipWarning, WarningKind

# Fewer clips do not say what is usual.
CLIPS_FOR_A_MEDIAN = 20
# A normal distribution's deviation from its MAD, and how many of them are odd: with 4, one clip in 16 000 of them.
DEVIATION_OF_MAD, ODD_DEVIATIONS = 1.4826, 4.0
# Characters a second that no voice goes beyond, of texts as the model sees them: 2.5 is slow Mandarin of a character
# a syllable (see evaluation.pace, which has the sources); written in Latin letters, hasty Mandarin has 35.
SLOWEST_PACE, FASTEST_PACE = 2.5, 40.0
# How far a pace may be from the usual one, as a factor. A reader's sentences differ by 1.3 either way; a text of
# which half is missing is always beyond the second.
PACE_FACTOR = (1.6, 1.9)
# What a short clip may be off by chance: the last syllable is long, and one short word more is soon said.
SECONDS_OF_CHANCE, CHARACTERS_OF_CHANCE = 0.5, 4
# dB. Sentences of one reader differ by 3; twice as loud, as people hear it, are 10.
LOUDNESS_DIFFERENCE = (8.0, 15.0)
# 'Yes.' and 'Good evening.' are said more than once, and teach nobody what an eval sentence sounds like.
SHORTEST_COPIED_TEXT = 15


@dataclass(frozen=True, slots=True)
class Outline:
    """What comparing needs of a clip, in about 500 bytes: there may be very many."""

    id: str
    dataset: str
    sha256: str
    file: str
    line: int
    language: str
    text: bytes  # hash of what is said
    voice: bytes  # hash of what is said and by whom
    characters: int
    seconds: float  # of speaking
    level: float

    def __str__(self) -> str:
        return f"{self.dataset}/{self.id} ({self.file}:{self.line})"


def outline(clip: ClipRecord, measures: Measures) -> Outline:
    """The outline of a clip that was kept."""
    text = _hash(clip.language, clip.normalised)
    return Outline(
        id=clip.id,
        dataset=clip.dataset,
        sha256=clip.sha256,
        file=sys.intern(clip.file.name),
        line=clip.line,
        language=clip.language,
        text=text,
        voice=_hash(text.hex(), clip.speaker),
        characters=spoken_characters(clip.normalised),
        seconds=speaking_seconds(clip.seconds, measures),
        level=measures.level,
    )


def compare(outlines: Sequence[Outline], held_out: Collection[str]) -> dict[int, list[ClipWarning]]:
    """Warnings by the place of the clip; `held_out` are the sounds of the eval set."""
    found: dict[int, list[ClipWarning]] = defaultdict(list)
    for warnings in (_paces(outlines), _levels(outlines), _copies(outlines), _both_sides(outlines, held_out)):
        for place, warning in warnings:
            found[place].append(warning)
    return dict(found)


def _paces(outlines: Sequence[Outline]) -> Iterator[tuple[int, ClipWarning]]:
    """Clips whose text is too long or too short for what is said, beside their data set's in that language."""
    for places in _groups(outlines, language=True):
        rates = [
            o.characters / o.seconds for o in (outlines[p] for p in places) if o.seconds and o.characters
        ]
        slowest, fastest, usual = SLOWEST_PACE, FASTEST_PACE, ""
        if len(rates) >= CLIPS_FOR_A_MEDIAN:
            median, deviation = _spread(np.log(rates))
            factor = float(np.clip(math.exp(ODD_DEVIATIONS * deviation), *PACE_FACTOR))
            slowest = max(slowest, math.exp(median) / factor)
            fastest = min(fastest, math.exp(median) * factor)
            usual = f"; the data set's median is {math.exp(median):.1f}"
        for place in places:
            clip = outlines[place]
            slow = clip.seconds > clip.characters / slowest + SECONDS_OF_CHANCE
            fast = clip.characters > clip.seconds * fastest + CHARACTERS_OF_CHANCE
            if slow or fast:
                pace = clip.characters / max(clip.seconds, 0.01)
                times = slowest / max(pace, 0.01) if slow else pace / fastest
                found = f"{clip.characters} characters in {clip.seconds:.1f} s of speech: {pace:.1f} a second"
                bound = f"expected {slowest:.1f} to {fastest:.1f}{usual}"
                yield place, ClipWarning(WarningKind.PACE, f"{found}, {bound}", round(times, 2))


def _levels(outlines: Sequence[Outline]) -> Iterator[tuple[int, ClipWarning]]:
    """Clips much louder or quieter than their data set."""
    for places in _groups(outlines, language=False):
        if len(places) < CLIPS_FOR_A_MEDIAN:
            continue
        median, deviation = _spread(np.array([outlines[place].level for place in places]))
        limit = float(np.clip(ODD_DEVIATIONS * deviation, *LOUDNESS_DIFFERENCE))
        for place in places:
            difference = outlines[place].level - median
            if abs(difference) > limit:
                how = "louder" if difference > 0 else "quieter"
                found = f"{outlines[place].level:.1f} dBFS, {abs(difference):.1f} dB {how} than the data set's median"
                detail = f"{found}, at most {limit:.1f} dB"
                yield place, ClipWarning(WarningKind.LOUDNESS, detail, round(abs(difference) / limit, 2))


def _copies(outlines: Sequence[Outline]) -> Iterator[tuple[int, ClipWarning]]:
    """Clips that were there before: the same sound, or the same text said by the same speaker."""
    sounds: dict[str, int] = {}
    voices: dict[bytes, int] = {}
    for place, clip in enumerate(outlines):
        first = sounds.setdefault(clip.sha256, place)
        if first != place:
            same = "with the same text" if outlines[first].text == clip.text else "with another text"
            yield place, ClipWarning(WarningKind.SAME_SOUND, f"as {outlines[first]}, {same}")
        elif clip.characters >= SHORTEST_COPIED_TEXT:
            first = voices.setdefault(clip.voice, place)
            if first != place:
                yield place, ClipWarning(WarningKind.SAME_TEXT, f"as {outlines[first]}, by the same speaker")


def _both_sides(outlines: Sequence[Outline], held_out: Collection[str]) -> Iterator[tuple[int, ClipWarning]]:
    """Training clips whose text an eval clip says too; equal sounds are never on both sides."""
    in_eval: dict[bytes, int] = {}
    for place, clip in enumerate(outlines):
        if clip.sha256 in held_out and clip.characters >= SHORTEST_COPIED_TEXT:
            in_eval.setdefault(clip.text, place)
    for place, clip in enumerate(outlines):
        if clip.sha256 not in held_out and (other := in_eval.get(clip.text)) is not None:
            yield place, ClipWarning(WarningKind.IN_TRAIN_AND_EVAL, f"the eval clip is {outlines[other]}")


def _groups(outlines: Sequence[Outline], *, language: bool) -> list[list[int]]:
    groups: dict[tuple[str, str], list[int]] = defaultdict(list)
    for place, clip in enumerate(outlines):
        groups[clip.dataset, clip.language if language else ""].append(place)
    return list(groups.values())


def _spread(values: np.ndarray[tuple[int], np.dtype[np.float64]]) -> tuple[float, float]:
    """Median, and the deviation that the MAD stands for."""
    median = float(np.median(values))
    return median, DEVIATION_OF_MAD * float(np.median(np.abs(values - median)))


def _hash(*parts: str) -> bytes:
    return hashlib.blake2b("\n".join(parts).encode("utf-8", "surrogatepass"), digest_size=16).digest()
