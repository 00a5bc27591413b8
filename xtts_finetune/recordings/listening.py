"""What is heard in a recording: its levels and where speech is, in one pass; then its words, section by section.

Both are kept in the source's folder as soon as they are there: killed at any moment, nothing is heard twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.data.hearing.recogniser import RATE, Recogniser
from xtts_finetune.data.sound.streamed import open_stream
from xtts_finetune.data.sound.unbroken import AudioError
from xtts_finetune.recordings.sound.envelope import Envelope, EnvelopeBuilder
from xtts_finetune.recordings.sound.excerpts import BLOCK_SECONDS, excerpts
from xtts_finetune.recordings.sound.speech import SpeechFinder, sections_of, spans_of_speech
from xtts_finetune.records.atomic import atomic_path
from xtts_finetune.records.json_lines import JsonLinesWriter, read_json_lines
from xtts_finetune.records.stretches import Word

SOUND = "sound.npz"
# To tell the language, so many seconds of speech are heard at so many places.
PLACES, SECONDS_HEARD = 3, 30.0

# A word that begins so near to the end of what is heard cannot be said; one so unlikely next to it is not, either.
LEAST_SECONDS, MADE_UP = 0.05, 0.1

# Called with the seconds of sound that are done and those that there are; the second is None while unknown.
Progress = Callable[[float, float | None], None]


@dataclass(frozen=True)
class Sound:
    """A recording as a whole: levels, (windows,) probability of speech, its end in seconds, why it breaks off or ''."""

    envelope: Envelope
    probabilities: NDArray[np.float32]
    end: float
    fault: str

    @property
    def speech(self) -> list[tuple[float, float]]:
        """Start and end of each stretch of speech, in seconds."""
        return spans_of_speech(self.probabilities, self.end)

    @property
    def sections(self) -> list[tuple[float, float]]:
        """What a recogniser reads at once."""
        return sections_of(self.speech, self.envelope, self.end)


def sound_of(path: Path, folder: Path, progress: Progress) -> Sound:
    """The recording as a whole, heard once and kept in `folder`.

    One that breaks off is what is there of it. Raises AudioError for one without any sound that can be read.
    """
    kept = folder / SOUND
    if kept.is_file():
        with np.load(kept) as saved:
            envelope = Envelope(saved["level_db"], float(saved["peak"]))
            return Sound(envelope, saved["probabilities"], float(saved["end"]), str(saved["fault"]))
    levels, speech, samples, fault = EnvelopeBuilder(), SpeechFinder(), 0, ""
    with open_stream(path) as stream:
        try:
            for block in stream.blocks(BLOCK_SECONDS, RATE):
                levels.add(block)
                speech.add(block)
                samples += len(block)
                progress(samples / RATE, stream.seconds_promised)
        except AudioError as error:
            if not samples:
                raise
            fault = str(error)
    sound = Sound(levels.done(), speech.done(), samples / RATE, fault)
    with atomic_path(kept) as temporary, temporary.open("wb") as file:
        np.savez(
            file,
            level_db=sound.envelope.level_db,
            peak=sound.envelope.peak,
            probabilities=sound.probabilities,
            end=sound.end,
            fault=fault,
        )
    return sound


def language_of(path: Path, sound: Sound, recogniser: Recogniser) -> dict[str, float]:
    """How likely each language is, by the recogniser, in a few places of the recording."""
    sections = sound.sections
    chosen = sections[:: max(1, len(sections) // PLACES)][:PLACES]
    likely: dict[str, float] = {}
    for wave in excerpts(path, [(start, min(end, start + SECONDS_HEARD)) for start, end in chosen], RATE):
        language, probability = recogniser.language_of(wave)
        likely[language] = likely.get(language, 0.0) + probability
    return likely


def words_of(
    path: Path, sound: Sound, recogniser: Recogniser, language: str, kept: Path, progress: Progress
) -> list[Word]:
    """The words of the recording in their order, with times in seconds from its start; each section read once."""
    sections = sound.sections
    records = [record for _, record in read_json_lines(kept)]
    there = [_words(record) for record in records[: len(sections)]]
    with JsonLinesWriter(kept) as writer:
        todo = sections[len(there) :]
        for (start, end), wave in zip(todo, excerpts(path, todo, RATE), strict=True):
            progress(start, sound.end)
            heard = recogniser.hear(wave, language).words
            words = [_within(word.moved(start), start, end) for word in heard]
            writer.write({"start": start, "end": end, "words": [_record(word) for word in words]})
            there.append(words)
    progress(sound.end, sound.end)
    return list(_in_order(word for words, (_, end) in zip(there, sections, strict=True) for word in _said(words, end)))


def _record(word: Word) -> list[Any]:
    return [word.text, word.start, word.end, word.probability]


def _words(record: Mapping[str, Any]) -> list[Word]:
    return [Word(str(text), float(start), float(end), float(p)) for text, start, end, p in record["words"]]


def _within(word: Word, start: float, end: float) -> Word:
    first = min(max(word.start, start), end)
    return Word(word.text, first, min(max(word.end, first), end), word.probability)


def _said(words: Sequence[Word], end: float) -> Sequence[Word]:
    """The words without those that a recogniser makes up when there is nothing left to hear: they take no time."""
    last = len(words)
    while last and words[last - 1].start >= end - LEAST_SECONDS:
        last -= 1
    made_up = last < len(words)
    # The first of them begins when the last real one ends, and lasts to the end; nobody would be so unsure of it.
    while made_up and last and words[last - 1].end >= end - LEAST_SECONDS and words[last - 1].probability < MADE_UP:
        last -= 1
    return words[:last]


def _in_order(words: Iterator[Word]) -> Iterator[Word]:
    """Times that never go back: a recogniser may say that a word begins before the one before it."""
    last = 0.0
    for word in words:
        start = max(word.start, last)
        last = max(start, word.end)
        yield Word(word.text, start, last, word.probability)
