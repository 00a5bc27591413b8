"""Whisper, by faster-whisper: words with their times, the language, and how likely a given text is."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.errors import UserError
from xtts_finetune.hearing.models import RecogniserModel
from xtts_finetune.records.stretches import Word

Wave = NDArray[np.float32]

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
        return "".join(word.text if word.text.startswith(" ") else f" {word.text}" for word in self.words).strip()

    @property
    def confidence(self) -> float | None:
        """Mean probability of the words, 0 to 1; None where nothing was heard."""
        return sum(word.probability for word in self.words) / len(self.words) if self.words else None


class Recogniser:
    """One model in memory. The same sound gives the same words each time: no temperature, nothing remembered."""

    def __init__(self, model: RecogniserModel, threads: int | None = None) -> None:
        """`threads` of the processor, all of its cores where none is given. Raises UserError for a damaged model."""
        from faster_whisper import WhisperModel  # noqa: PLC0415  heavy

        self.model = model
        cores = threads or os.cpu_count() or 1
        try:
            # On a card where CTranslate2 finds one; int8 on a processor is four times as fast as float32.
            self._whisper: Any = WhisperModel(
                str(model.folder), device=_device(), compute_type="int8", cpu_threads=cores
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
        words = tuple(
            Word(word.word.strip(), *(round(float(number), 3) for number in (word.start, word.end, word.probability)))
            for segment in segments
            for word in segment.words or ()
            if word.word.strip()
        )
        return Heard(words, xtts_language(information.language))

    def language_of(self, wave: Wave) -> tuple[str, float]:
        """The likeliest language of (samples,) at 16 kHz, as XTTS names it, and how likely it is."""
        if self.model.english_alone:
            return "en", 1.0
        language, probability, _ = self._whisper.detect_language(wave)
        return xtts_language(language), float(probability)

    def likelihood(self, wave: Wave, text: str, language: str) -> NDArray[np.float64]:
        """(tokens,) probability of each piece of a given text, had the model written it down for (samples,).

        Teacher forcing, as CTranslate2's `align` does for the times of words. At most 30 s are heard.
        """
        from faster_whisper.tokenizer import Tokenizer  # noqa: PLC0415  heavy

        whisper = self._whisper
        spoken = "en" if self.model.english_alone else whisper_language(language)
        tokenizer = Tokenizer(whisper.hf_tokenizer, whisper.model.is_multilingual, task="transcribe", language=spoken)
        features = whisper.feature_extractor(wave[: int(MOST_SECONDS * RATE)])
        frames = min(features.shape[-1], whisper.feature_extractor.nb_max_frames)
        padded = np.zeros((features.shape[0], whisper.feature_extractor.nb_max_frames), dtype=np.float32)
        padded[:, :frames] = features[:, :frames]
        tokens = tokenizer.encode(f" {text.strip()}")
        found = whisper.model.align(whisper.encode(padded), tokenizer.sot_sequence, [tokens], frames)
        return np.asarray(found[0].text_token_probs, dtype=np.float64)


def whisper_language(language: str | None) -> str | None:
    """A language as Whisper names it."""
    return None if language is None else {"zh-cn": "zh"}.get(language, language)


def xtts_language(language: str) -> str:
    """A language as XTTS names it."""
    return {"zh": "zh-cn"}.get(language, language)


def joined(words: Sequence[Word]) -> str:
    """The words' text in one line, as they are written."""
    return " ".join(word.text for word in words)


def _device() -> str:
    import ctranslate2  # noqa: PLC0415  heavy

    return "cuda" if ctranslate2.get_cuda_device_count() else "cpu"
