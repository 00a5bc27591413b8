"""What is suspicious compared with the other clips: pace, loudness, copies, and texts on both sides of the split."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.data.outlines import Outlines, first_alike
from xtts_finetune.records.clips import ClipWarning, WarningKind

# Fewer clips do not say what is usual.
CLIPS_FOR_A_MEDIAN = 20
# A normal distribution's deviation from its MAD, and how many of them are odd: with 4, one clip in 16 000 of them.
DEVIATION_OF_MAD, ODD_DEVIATIONS = 1.4826, 4.0
# Characters a second that no voice goes beyond, of texts as the model sees them: 2.5 is slow Mandarin of a character
# a syllable (evaluation/instruments/frames.py has the sources); written in Latin letters, hasty Mandarin has 35.
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


Found = tuple[int, ClipWarning]  # place of the clip, what is suspicious about it


def compare(outlines: Outlines, held_out: frozenset[str]) -> dict[int, list[ClipWarning]]:
    """Warnings by the place of the clip; `held_out` are the sounds of the eval set."""
    found: dict[int, list[ClipWarning]] = defaultdict(list)
    for warnings in (_paces(outlines), _levels(outlines), _copies(outlines), _both_sides(outlines, held_out)):
        for place, warning in warnings:
            found[place].append(warning)
    return dict(found)


def _paces(outlines: Outlines) -> Iterator[Found]:
    """Clips whose text is too long or too short for what is said, compared with their data set's in that language."""
    datasets, languages = outlines.datasets, outlines.languages
    all_characters, all_seconds = outlines.characters, outlines.seconds
    for dataset, language in sorted(set(zip(datasets.tolist(), languages.tolist(), strict=True))):
        places = np.flatnonzero((datasets == dataset) & (languages == language))
        characters, seconds = all_characters[places], all_seconds[places]
        spoken = (characters > 0) & (seconds > 0)
        slowest, fastest, usual = SLOWEST_PACE, FASTEST_PACE, ""
        if spoken.sum() >= CLIPS_FOR_A_MEDIAN:
            median, deviation = _spread(np.log(characters[spoken] / seconds[spoken]))
            factor = float(np.clip(math.exp(ODD_DEVIATIONS * deviation), *PACE_FACTOR))
            slowest = max(slowest, math.exp(median) / factor)
            fastest = min(fastest, math.exp(median) * factor)
            usual = f"; the data set's median is {math.exp(median):.1f}"
        slow = seconds > characters / slowest + SECONDS_OF_CHANCE
        fast = characters > seconds * fastest + CHARACTERS_OF_CHANCE
        for at in np.flatnonzero(slow | fast):
            pace = float(characters[at] / max(seconds[at], 0.01))
            times = slowest / max(pace, 0.01) if slow[at] else pace / fastest
            found = f"{characters[at]} characters in {seconds[at]:.1f} s of speech: {pace:.1f} a second"
            bound = f"expected {slowest:.1f} to {fastest:.1f}{usual}"
            yield int(places[at]), ClipWarning(WarningKind.PACE, f"{found}, {bound}", round(times, 2))


def _levels(outlines: Outlines) -> Iterator[Found]:
    """Clips much louder or quieter than their data set."""
    datasets, levels = outlines.datasets, outlines.levels
    for dataset in np.unique(datasets):
        places = np.flatnonzero(datasets == dataset)
        if len(places) < CLIPS_FOR_A_MEDIAN:
            continue
        median, deviation = _spread(levels[places])
        limit = float(np.clip(ODD_DEVIATIONS * deviation, *LOUDNESS_DIFFERENCE))
        for place in places[np.abs(levels[places] - median) > limit]:
            difference = float(levels[place]) - median
            how = "louder" if difference > 0 else "quieter"
            found = f"{levels[place]:.1f} dBFS, {abs(difference):.1f} dB {how} than the data set's median"
            detail = f"{found}, at most {limit:.1f} dB"
            yield int(place), ClipWarning(WarningKind.LOUDNESS, detail, round(abs(difference) / limit, 2))


def _copies(outlines: Outlines) -> Iterator[Found]:
    """Clips that were there before: the same sound, or the same text said by the same speaker."""
    everywhere, texts = np.arange(len(outlines)), outlines.texts
    first = first_alike(outlines.sounds)
    for place in np.flatnonzero(first != everywhere):
        same = "with the same text" if texts[first[place]] == texts[place] else "with another text"
        yield int(place), ClipWarning(WarningKind.SAME_SOUND, f"as {outlines[int(first[place])]}, {same}")
    # A copied sound says all that is to be said of its text.
    told_apart = np.flatnonzero((first == everywhere) & (outlines.characters >= SHORTEST_COPIED_TEXT))
    first = told_apart[first_alike(outlines.voices[told_apart])]
    for place, other in zip(told_apart[first != told_apart], first[first != told_apart], strict=True):
        detail = f"as {outlines[int(other)]}, by the same speaker"
        yield int(place), ClipWarning(WarningKind.SAME_TEXT, detail)


def _both_sides(outlines: Outlines, held_out: frozenset[str]) -> Iterator[Found]:
    """Training clips whose text an eval clip says too; equal sounds are never on both sides."""
    in_eval, texts = outlines.among(held_out), outlines.texts
    told_apart = np.flatnonzero(in_eval & (outlines.characters >= SHORTEST_COPIED_TEXT))
    known, firsts = np.unique(texts[told_apart], return_index=True)
    for place in np.flatnonzero(~in_eval & np.isin(texts, known)):
        other = int(told_apart[firsts[np.searchsorted(known, texts[place])]])
        detail = f"the eval clip is {outlines[other]}"
        yield int(place), ClipWarning(WarningKind.IN_TRAIN_AND_EVAL, detail)


def _spread(values: NDArray[np.float64]) -> tuple[float, float]:
    """Median, and the deviation that the MAD stands for."""
    median = float(np.median(values))
    return median, DEVIATION_OF_MAD * float(np.median(np.abs(values - median)))
