"""The sounds between the pauses of a recording, and which words lie in which of them."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, pairwise
from math import ceil

from xtts_finetune.recordings.cutting.pauses import Loudness, Pause
from xtts_finetune.recordings.words.times import spoken_letters
from xtts_finetune.records.stretches import Word

SENTENCE_ENDS = tuple(".!?…。？！।۔؟")
COMMAS = tuple(",;:–—،、，；：")
_CLOSING = "\"'”’»)]」』）*_"

# Times of words are wrong by so much, in seconds.
_TIMES_ARE_OFF = 0.6
# The closing of the lips within a word is a pause too, but a short one with sound of the word to both sides.
_WITHIN_WORD, _SOUND_OF_WORD = 0.25, 0.08
# A sound as short and as near as this belongs to the one next to it: the end of a word after its closing.
_FRAGMENT, _NEAR = 0.15, 0.2
# A sound without words that is to be heard: so long, and hardly beneath the speech.
_HEARD_SECONDS, _HEARD_BENEATH_DB = 0.2, 20.0
_BETWEEN_WORDS = 0.45
# Nobody can use what goes on for so long without a pause, nor should it be held in memory: it comes in such parts.
_UNBROKEN_SECONDS, _PART_SECONDS = 60.0, 30.0
# How much slower than usual a word may be, before its sound is taken for more than the word.
_SLOW, _SLOWEST = 1.3, 3.0


@dataclass(frozen=True)
class Island:
    """Sound between two pauses, and its words. `unexplained`: moments at which a sound has no word, in seconds."""

    start: float
    end: float
    words: tuple[Word, ...] = ()
    unexplained: tuple[float, ...] = ()
    loud: bool = False

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start


def ends_with(word: Word, marks: tuple[str, ...]) -> bool:
    """Whether a word as it is written ends with one of the marks, whatever closes behind it."""
    return word.text.rstrip(_CLOSING).endswith(marks)


def islands_of(loudness: Loudness, pauses: Sequence[Pause], words: Sequence[Word], end: float) -> list[Island]:
    """Every sound in its order, with all the words; one at least where there are words."""
    sounds = _sounds(pauses, end)
    if not sounds:
        return [Island(0.0, end, tuple(words))] if words else []
    between = [Pause(left, right) for (_, left), (right, _) in pairwise(sounds)]
    splits = [0, *_splits(between, words), len(words)]
    merged: list[tuple[float, float, int, int]] = []
    for index, (start, stop) in enumerate(sounds):
        first, last = splits[index], splits[index + 1]
        if merged and not _parted(merged[-1], (start, stop, first, last), words):
            merged[-1] = (merged[-1][0], stop, merged[-1][2], last)
        else:
            merged.append((start, stop, first, last))
    letters = sum(map(spoken_letters, words))
    pace = sum(stop - start for start, stop, first, last in merged if last > first) / max(1, letters)
    return [
        _island(loudness, start, stop, part, pace)
        for start, stop, first, last in merged
        for start, stop, part in _bounded(loudness, start, stop, words[first:last])
    ]


def _sounds(pauses: Sequence[Pause], end: float) -> list[tuple[float, float]]:
    edges = [0.0, *(min(moment, end) for pause in pauses for moment in (pause.start, pause.end)), end]
    return [(start, stop) for start, stop in zip(edges[::2], edges[1::2], strict=True) if stop - start > 1e-6]


def _splits(pauses: Sequence[Pause], words: Sequence[Word]) -> Iterator[int]:
    """For each pause the number of words before it: the fewest seconds of words on the wrong side of it."""
    ends = list(accumulate((word.end for word in words), max))
    starts = list(accumulate(reversed([word.start for word in words]), min))[::-1]
    least = 0
    for pause in pauses:
        first = max(least, bisect_left(ends, pause.start - _TIMES_ARE_OFF))
        last = max(first, bisect_right(starts, pause.end + _TIMES_ARE_OFF))
        least = min(range(first, last + 1), key=lambda split: _wrong_side(pause, words, first, split, last))
        yield least


def _wrong_side(pause: Pause, words: Sequence[Word], first: int, split: int, last: int) -> float:
    wrong = 0.0
    for word in words[first:split]:
        middle = (word.start + word.end) / 2
        wrong += max(0.0, word.end - max(word.start, pause.end)) + 0.1 * max(0.0, middle - pause.start)
    for word in words[split:last]:
        middle = (word.start + word.end) / 2
        wrong += max(0.0, min(word.end, pause.start) - word.start) + 0.1 * max(0.0, pause.end - middle)
    if split and ends_with(words[split - 1], SENTENCE_ENDS):
        wrong -= 0.1
    elif split and ends_with(words[split - 1], COMMAS):
        wrong -= 0.05
    return wrong


def _parted(left: tuple[float, float, int, int], right: tuple[float, float, int, int], words: Sequence[Word]) -> bool:
    """Whether one may cut between two sounds."""
    pause = Pause(left[1], right[0])
    for start, stop, first, last in (left, right):
        if first == last and stop - start < _FRAGMENT and pause.seconds < _NEAR:
            return False
    if pause.seconds >= _WITHIN_WORD:
        return True
    split = right[2]
    nearest = words[max(split - 1, 0) : split + 1]
    return not any(min(pause.start - word.start, word.end - pause.end) > _SOUND_OF_WORD for word in nearest)


def _bounded(
    loudness: Loudness, start: float, end: float, words: Sequence[Word]
) -> Iterator[tuple[float, float, Sequence[Word]]]:
    """A sound without a pause that goes on for minutes, in equal parts: between words, where it is quietest."""
    parts = ceil((end - start) / _PART_SECONDS) if end - start > _UNBROKEN_SECONDS else 1
    here, first = start, 0
    for number in range(1, parts):
        ideal = start + (end - start) * number / parts
        near = [last for last in range(first + 1, len(words)) if abs(words[last].start - ideal) < _PART_SECONDS / 4]
        if near:
            places = {last: loudness.quietest(words[last].start - 0.15, words[last].start + 0.15) for last in near}
            last = min(near, key=lambda each: loudness.level_at(places[each]))
            yield here, places[last], words[first:last]
            here, first = places[last], last
    yield here, end, words[first:]


def _island(loudness: Loudness, start: float, end: float, words: Sequence[Word], pace: float) -> Island:
    """`pace` is seconds a letter."""
    loud = end - start >= _HEARD_SECONDS and loudness.beneath_speech(start, end) < _HEARD_BENEATH_DB
    unexplained = []
    at_edge = Word("", start, start), Word("", end, end)
    for left, right in pairwise((at_edge[0], *words, at_edge[1])):
        # Times of words are often too short: what the words next to the gap lack is theirs.
        lack = sum(max(0.0, _SLOW * pace * spoken_letters(word) - (word.end - word.start)) for word in (left, right))
        sound = loudness.sound(left.end, right.start) - lack
        if sound > _BETWEEN_WORDS and loudness.beneath_speech(left.end, right.start) < _HEARD_BENEATH_DB:
            unexplained.append(left.end)
    for word in words:
        sound = loudness.sound(max(word.start, start), min(word.end, end))
        if sound > _BETWEEN_WORDS + _SLOWEST * pace * spoken_letters(word):
            unexplained.append(word.start)
    return Island(start, end, tuple(words), tuple(sorted(unexplained)) if words else (), loud)
