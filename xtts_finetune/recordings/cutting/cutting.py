"""Where a recording is cut: in silence, outside all words, near sentence ends, into clips of much the same length."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from xtts_finetune.recordings.cutting.islands import COMMAS, SENTENCE_ENDS, Island, ends_with, islands_of
from xtts_finetune.recordings.cutting.pauses import Loudness, Spans, loudness_of, pauses_of
from xtts_finetune.recordings.sound.envelope import Envelope
from xtts_finetune.recordings.words.times import possible
from xtts_finetune.records.stretches import Reason, Word

SHORTEST, LONGEST = 2.0, 11.0
# XTTS takes nothing shorter or longer, in seconds.
LEAST, MOST = 0.5, 11.6
# Silence between two clips is a piece of its own unless it is as short as this; a cut is so far from any sound.
_LEAST_SILENCE, _FROM_SOUND = 0.08, 0.03
# What a clip and a cut cost: a length far from the usual one, silence within it, a cut that ends no sentence or lies
# in a short pause.
_USUAL, _SPREAD = 6.0, 3.0
_LONG_PAUSE, _LONGEST_PAUSE = 0.8, 2.5
_WITHIN_SENTENCE, _AFTER_COMMA = 4.0, 2.0
_SHORT_PAUSE = 0.3
# Silence at both ends of a clip.
_ENDS = 0.12
# A sound without words that is longer is never part of a clip; sounds nearer to each other than this are one.
_SOUND_ALONE, _ONE_SOUND = 0.4, 1.0


@dataclass(frozen=True)
class Piece:
    """A stretch of a recording: a clip where it has words, else silence or sound without words.

    A clip's sound begins and ends 50 to 160 ms inside of its start and end.
    """

    start: float
    end: float
    words: tuple[Word, ...] = ()
    reasons: tuple[Reason, ...] = ()


def cut(words: Sequence[Word], envelope: Envelope, speech: Spans, end: float) -> list[Piece]:
    """Pieces that follow each other from 0 to `end` without a gap; together they have all the words in their order.

    `speech` are the stretches (seconds) in which a voice was found. Where no pause lies within 11 s a piece is longer,
    and has that as a reason.
    """
    words = possible(words)
    loudness = loudness_of(envelope, words, speech)
    islands = islands_of(loudness, pauses_of(loudness), words, end)
    pieces: list[Piece] = []
    reached = 0.0
    for block, start, stop in _with_edges(_blocks(islands), islands, loudness, end):
        if start > reached:
            pieces.append(_without_words(reached, start, loudness, speech))
        said = tuple(word for island in block for word in island.words)
        if said:
            pieces.append(Piece(start, stop, said, tuple(_reasons(block, stop - start))))
        else:
            pieces.append(_without_words(start, stop, loudness, speech))
        reached = stop
    if end > reached:
        pieces.append(_without_words(reached, end, loudness, speech))
    return pieces


def _blocks(islands: Sequence[Island]) -> list[range]:
    """Which islands make a clip, or a sound of its own, in their order; the rest lies between them."""
    clips = _clips([number for number, island in enumerate(islands) if island.words], islands)
    taken = {number for clip in clips for number in clip}
    alone: list[range] = []
    for number, island in enumerate(islands):
        if number in taken or not island.loud:
            continue
        if alone and alone[-1].stop == number and island.start - islands[number - 1].end < _ONE_SOUND:
            alone[-1] = range(alone[-1].start, number + 1)
        else:
            alone.append(range(number, number + 1))
    return sorted([*clips, *alone], key=lambda block: block.start)


def _clips(spoken: Sequence[int], islands: Sequence[Island]) -> list[range]:
    """The cheapest way to put all islands with words into clips: each time the best of all that lead there."""
    best = [0.0]
    begins: list[int] = []
    for last in range(len(spoken)):
        cheapest, begin = float("inf"), last
        inside = 0.0
        for first in range(last, -1, -1):
            if first < last:
                left, right = spoken[first], spoken[first + 1]
                inside += _cost_of_silence(islands[right].start - islands[left].end)
                sounds = islands[left + 1 : right]
                if any(sound.loud and sound.seconds >= _SOUND_ALONE for sound in sounds):
                    break
                if islands[spoken[last]].end - islands[left].start + _ENDS > LONGEST or inside == float("inf"):
                    break
            seconds = islands[spoken[last]].end - islands[spoken[first]].start
            before = _cost_of_cut(spoken[first - 1], spoken[first], islands) if first else 0.0
            cost = best[first] + before + inside + _cost_of_length(seconds)
            if cost < cheapest:
                cheapest, begin = cost, first
        best.append(cheapest)
        begins.append(begin)
    clips = []
    last = len(spoken)
    while last:
        begin = begins[last - 1]
        clips.append(range(spoken[begin], spoken[last - 1] + 1))
        last = begin
    return clips[::-1]


def _cost_of_length(seconds: float) -> float:
    short = 4.0 * max(0.0, SHORTEST - seconds) + (20.0 if seconds < LEAST else 0.0)
    return ((seconds - _USUAL) / _SPREAD) ** 2 + short


def _cost_of_silence(seconds: float) -> float:
    return float("inf") if seconds > _LONGEST_PAUSE else 3.0 * max(0.0, seconds - _LONG_PAUSE) ** 2


def _cost_of_cut(left: int, right: int, islands: Sequence[Island]) -> float:
    last = islands[left].words[-1]
    pause = max(islands[left + 1].start - islands[left].end, islands[right].start - islands[right - 1].end)
    cost = 0.0 if ends_with(last, SENTENCE_ENDS) else _AFTER_COMMA if ends_with(last, COMMAS) else _WITHIN_SENTENCE
    return cost * (1.5 - min(1.0, pause)) + 4.0 * max(0.0, 1 - pause / _SHORT_PAUSE)


def _with_edges(
    blocks: Sequence[range], islands: Sequence[Island], loudness: Loudness, end: float
) -> Iterator[tuple[Sequence[Island], float, float]]:
    """Each block's islands, with its start and its end in the silence around it."""
    start = 0.0
    for number, block in enumerate(blocks):
        if number == 0:
            start = _before(block.start, islands, loudness)
            start = start if start >= _LEAST_SILENCE else 0.0
        following = blocks[number + 1] if number + 1 < len(blocks) else None
        stop = _behind(block.stop - 1, islands, loudness, end)
        upcoming = end if following is None else _before(following.start, islands, loudness)
        if upcoming - stop < _LEAST_SILENCE:
            left, right = islands[block.stop - 1].end, islands[following.start].start if following else end
            stop = upcoming = loudness.quietest(left + _FROM_SOUND, right - _FROM_SOUND) if following else end
        yield islands[block.start : block.stop], start, stop
        start = upcoming


def _before(number: int, islands: Sequence[Island], loudness: Loudness) -> float:
    """Where a block that begins with this island begins, in the silence before it."""
    earliest = islands[number - 1].end if number else 0.0
    return max(
        islands[number].start - loudness.before(islands[number].start),
        (earliest + islands[number].start) / 2,
    )


def _behind(number: int, islands: Sequence[Island], loudness: Loudness, end: float) -> float:
    """Where a block that ends with this island ends, in the silence behind it."""
    latest = islands[number + 1].start if number + 1 < len(islands) else end
    return min(islands[number].end + loudness.behind(islands[number].end), (latest + islands[number].end) / 2)


def _reasons(block: Sequence[Island], seconds: float) -> Iterator[Reason]:
    if seconds > MOST - 0.1:
        yield Reason("too long", f"{seconds:.1f} s without a pause")
    if seconds < LEAST:
        yield Reason("too short", f"{seconds:.1f} s")
    moments = [moment for island in block for moment in island.unexplained]
    moments += [island.start for island in block if island.loud and not island.words]
    if moments:
        at = ", ".join(f"{moment - block[0].start:.1f} s" for moment in sorted(moments))
        yield Reason("noise", f"a sound without a word at {at}")


def _without_words(start: float, end: float, loudness: Loudness, speech: Spans) -> Piece:
    sound = loudness.sound(start, end)
    voice = sum(max(0.0, min(end, stop) - max(start, begin)) for begin, stop in speech)
    if sound < 0.15:
        return Piece(start, end, (), (Reason("silence"),))
    what = "a voice, but no words for it" if voice > 0.5 * sound else ""
    return Piece(start, end, (), (Reason("no words", what),))
