"""The user's words with the times of those that were heard; where the two part, the words say so."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from xtts_finetune.data.hearing.normalised import bare, same_words, words_of
from xtts_finetune.recordings.cutting.pauses import Spans
from xtts_finetune.recordings.words.comparing import compare, likeness
from xtts_finetune.recordings.words.own_texts import OwnText, words_of_line
from xtts_finetune.records.stretches import Word

# Letters in common, of all: words are one that was misheard or is spelled otherwise; a passage is the same.
_ALIKE, _SAME_PASSAGE = 0.5, 0.75
# How sure the recogniser is of a word that counts as heard.
_SURE = 0.5
# Words that a recogniser leaves out or makes up have no more letters than this.
_FEW_LETTERS = 3
# Numbers are said in many ways, in so many words at most.
_FEW_WORDS = 20
# A letter takes at least so long to say, in seconds.
_LETTER_SECONDS = 0.03
# A voice for less is but the end of the word before, in seconds.
_END_OF_WORD = 0.2
# So many words that are not in the text may be a clip of their own.
_PASSAGE_WORDS = 4
NOT_IN_TEXT = "what is heard is not in your text"
_SHOWN = 60
# How much likelier something else may be than the text for a doubt to go, as `Agreement.badness` has it: e^5.
_REFUTED = 5.0
# A text of which less is heard is another recording's.
_MOST_IS_HEARD = 0.5


@dataclass(frozen=True)
class _Part:
    """Words of the user and heard words that stand for each other; either may be none.

    `following` is when the next word is heard, in seconds; None where there is none.
    """

    written: tuple[str, ...]
    heard: tuple[Word, ...]
    following: float | None

    @property
    def said(self) -> str:
        """What was heard."""
        return " ".join(word.text for word in self.heard)


def align(heard: Sequence[Word], own: OwnText, language: str = "en", speech: Spans = ()) -> list[Word]:
    """The user's words exactly, in their order, each with the times of what was heard for it.

    `Word.doubt` says where text and sound part: words that were not heard, or something else was. What was heard and
    is not in the text stays where it is a passage, doubtful as well; where it is less, the words next to it are.
    `speech` are the stretches (seconds) in which a voice was found: there, words may be that were not heard.
    """
    units = [unit for word in heard for unit in _units(word)]
    aligned: list[Word] = []
    upcoming = ""
    for parts in _passages(own.words, units):
        alike = _alike(parts, language)
        for part in parts:
            doubt = "" if alike else _doubt(part, language)
            before = aligned[-1] if aligned else None
            if part.written:
                aligned += [replace(word, doubt=doubt or upcoming) for word in _timed(part, before, speech)]
                upcoming = ""
            elif doubt and len(part.heard) >= _PASSAGE_WORDS:
                aligned += [replace(word, doubt=NOT_IN_TEXT) for word in part.heard]
            elif doubt:
                upcoming = doubt
                if before is not None:
                    aligned[-1] = replace(before, doubt=before.doubt or doubt)
    return aligned


def upheld(words: Sequence[Word], badness: float) -> tuple[Word, ...]:
    """The words of a clip, without doubts that a second reading takes away: it finds that the text fits the sound."""
    if badness >= _REFUTED:
        return tuple(words)
    return tuple(word if word.doubt == NOT_IN_TEXT else replace(word, doubt="") for word in words)


def _units(word: Word) -> Iterator[Word]:
    """A heard word as texts are split: East Asian ones character by character."""
    texts = words_of_line(word.text) or [word.text]
    letters = sum(map(len, texts))
    start = word.start
    for text in texts:
        end = start + (word.end - word.start) * len(text) / max(1, letters)
        yield replace(word, text=text, start=start, end=end) if len(texts) > 1 else word
        start = end


def _passages(written: Sequence[str], heard: Sequence[Word]) -> Iterator[list[_Part]]:
    """Each word that is the same, and each passage between two of these."""

    def part(own: range, said: range) -> _Part:
        following = heard[said.stop].start if said.stop < len(heard) else None
        return _Part(tuple(written[own.start : own.stop]), tuple(heard[said.start : said.stop]), following)

    own = said = 0
    parts: list[_Part] = []
    for left, right, same in compare([bare(word) for word in written], [bare(word.text) for word in heard]):
        if own < left or said < right:
            parts.append(part(range(own, left), range(said, right)))
        here = part(range(left, left + 1), range(right, right + 1))
        if same:
            yield from ([parts] if parts else [])
            yield [here]
            parts = []
        else:
            parts.append(here)
        own, said = left + 1, right + 1
    if own < len(written) or said < len(heard):
        parts.append(part(range(own, len(written)), range(said, len(heard))))
    if parts:
        yield parts


def _alike(parts: Sequence[_Part], language: str) -> bool:
    """Whether a passage is the same as a whole, however it is split into words and its numbers are written."""
    written = [word for part in parts for word in part.written]
    said = [word.text for part in parts for word in part.heard]
    digits = ["".join(each for word in words for each in word if each.isdecimal()) for words in (written, said)]
    if (digits[0] and digits[0] == digits[1]) or likeness(bare("".join(written)), bare("".join(said))) >= _SAME_PASSAGE:
        return True
    return max(len(written), len(said)) <= _FEW_WORDS and same_words(written, said, language)


def _doubt(part: _Part, language: str) -> str:
    """Why the words of a part are doubtful; '' where the recogniser is likelier to be wrong than the text."""
    written, said = ("".join(words_of(text, language)) for text in (" ".join(part.written), part.said))
    if not part.heard:
        return "" if len(written) <= _FEW_LETTERS else f'"{_short(" ".join(part.written))}" was not heard'
    sure = sum(word.probability for word in part.heard) / len(part.heard) >= _SURE
    if not part.written:
        unsaid = len(said) <= _FEW_LETTERS or not sure
        return "" if unsaid else f'"{_short(part.said)}" was heard, but is not in your text'
    few = max(len(written), len(said)) <= _FEW_LETTERS
    if few or likeness(written, said) >= _ALIKE or (not sure and len(part.written) == len(part.heard)):
        return ""
    return f'your text has "{_short(" ".join(part.written))}", but "{_short(part.said)}" was heard'


def _timed(part: _Part, before: Word | None, speech: Spans) -> list[Word]:
    """The written words over the time of the heard ones; where none was heard, over a voice between the others."""
    probability = 1.0
    if part.heard:
        start, end = part.heard[0].start, max(word.end for word in part.heard)
        probability = sum(word.probability for word in part.heard) / len(part.heard)
    else:
        start = before.end if before is not None else part.following or 0.0
        end = max(start, part.following or start)
        within = ((max(start, begin), min(end, stop)) for begin, stop in speech)
        voice = [(begin, stop) for begin, stop in within if stop - begin > _END_OF_WORD]
        if sum(stop - begin for begin, stop in voice) < _LETTER_SECONDS * sum(map(len, part.written)):
            end = start
        else:
            start, end = voice[0][0], voice[-1][1]
        probability = before.probability if before is not None else probability
    timed = []
    letters = sum(map(len, part.written))
    done = 0
    for text in part.written:
        first, done = done, done + len(text)
        begins, ends = (round(start + (end - start) * share / max(1, letters), 3) for share in (first, done))
        timed.append(Word(text, begins, ends, probability))
    return timed


def _short(text: str) -> str:
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 1]}…"


def told(own: OwnText, aligned: Sequence[Word]) -> str:
    """What the user is told of a text of theirs."""
    written = [word for word in aligned if word.doubt != NOT_IN_TEXT]
    heard = sum(not word.doubt for word in written) / max(1, len(written))
    return str(own) if heard >= _MOST_IS_HEARD else f"{own}, but little of it was heard: is it of this recording?"
