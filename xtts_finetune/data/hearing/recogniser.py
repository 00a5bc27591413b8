"""Whisper, by faster-whisper: words with their times, the language, and how likely a given text is."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.data.hearing.models import RecogniserModel
from xtts_finetune.data.hearing.short_sound import ShortSound
from xtts_finetune.errors import UserError
from xtts_finetune.records.stretches import Word

Wave = NDArray[np.float32]

EAST_ASIAN = "\u3000-\u303f\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uff00-\uffef"
_BLANK_OF_NONE = re.compile(rf"(?<=[{EAST_ASIAN}]) (?=[{EAST_ASIAN}])")
# What Whisper hears: samples a second, and the longest it hears at once.
RATE = 16_000
MOST_SECONDS = 30.0


@dataclass(frozen=True)
class Heard:
    """What was heard in a sound: the words in their order, with times in seconds from its start."""

    words: tuple[Word, ...]
    language: str

    @property
    def text(self) -> str:
        """The words in one line."""
        return joined(self.words)

    @property
    def confidence(self) -> float | None:
        """Mean probability of the words, 0 to 1; None where nothing was heard."""
        return sum(word.probability for word in self.words) / len(self.words) if self.words else None


class Recogniser:
    """One model in memory. The same sound gives the same words each time: no temperature, nothing remembered."""

    def __init__(self, model: RecogniserModel, threads: int | None = None, workers: int = 1) -> None:
        """`workers` calls at once, each on `threads` of the processor: on all of its cores where none is given.

        Raises UserError for a damaged model.
        """
        from faster_whisper import WhisperModel  # noqa: PLC0415  heavy

        self.model = model
        cores = threads or os.cpu_count() or 1
        try:
            # On a card where CTranslate2 finds one; int8 on a processor is four times as fast as float32.
            self._whisper: Any = WhisperModel(
                str(model.folder), device=_device(), compute_type="int8", cpu_threads=cores, num_workers=workers
            )
        except Exception as error:  # whatever CTranslate2 raises
            raise UserError(
                f"the recogniser in {model.folder} cannot be loaded ({error}); fetch it again, "
                "or name another with --model"
            ) from None

    def hear(self, wave: Wave, language: str | None = None, beam: int = 5) -> Heard:
        """The words in (samples,) at 16 kHz; the language is found where none is given."""
        spoken = "en" if self.model.english_alone else whisper_language(language)
        segments, information = self._whisper.transcribe(
            wave,
            language=spoken,
            beam_size=beam,
            temperature=0.0,
            condition_on_previous_text=False,
            word_timestamps=True,
            vad_filter=False,
        )
        words = tuple(word for segment in segments for word in _words_of(segment.words or ()))
        return Heard(words, xtts_language(information.language))

    def language_of(self, wave: Wave) -> tuple[str, float]:
        """The likeliest language of (samples,) at 16 kHz, as XTTS names it, and how likely it is."""
        if self.model.english_alone:
            return "en", 1.0
        language, probability, _ = self._whisper.detect_language(wave)
        return xtts_language(language), float(probability)

    def short_sound(self, wave: Wave, language: str, whole: bool = False) -> ShortSound:
        """(samples,) at 16 kHz, at most 30 s, encoded once: to be read, and asked how likely given words are."""
        spoken = "en" if self.model.english_alone else whisper_language(language)
        return ShortSound(self._whisper, wave, spoken or "en", whole)


def whisper_language(language: str | None) -> str | None:
    """A language as Whisper names it."""
    return None if language is None else {"zh-cn": "zh"}.get(language, language)


def xtts_language(language: str) -> str:
    """A language as XTTS names it."""
    return {"zh": "zh-cn"}.get(language, language)


def joined(words: Sequence[Word]) -> str:
    """The words' text in one line, as they are written: Chinese and Japanese have no blanks between them."""
    return _BLANK_OF_NONE.sub("", " ".join(word.text for word in words))


def _words_of(heard: Iterable[Any]) -> list[Word]:
    """Whisper's words with their marks; what it cuts off a word that has no blank within, '-known' of 'well-known'."""
    words: list[Word] = []
    for each in heard:
        if not (text := each.word.strip()):
            continue
        start, end, probability = (round(float(number), 3) for number in (each.start, each.end, each.probability))
        if words and not each.word.startswith(" ") and not _BLANK_OF_NONE.search(f"{words[-1].text[-1]} {text[0]}"):
            before = words.pop()
            text, start = before.text + text, before.start
            probability = min(before.probability, probability)
        words.append(Word(text, start, end, probability))
    return words


def _device() -> str:
    import ctranslate2  # noqa: PLC0415  heavy

    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
