"""Which clips can be trained on, and why each of the others cannot."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, Protocol, overload

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.data.audio import SAMPLE_RATE, Audio, AudioError, load_audio, seconds_of
from xtts_finetune.data.cache import ClipCache
from xtts_finetune.data.readers import RawClip, Unreadable
from xtts_finetune.data.sources import Source, Sources
from xtts_finetune.errors import UserError
from xtts_finetune.records.clips import ClipRecord, DroppedClip, DropReason
from xtts_finetune.spec.pipeline import ClipLimits

CODE_SAMPLES = 1024
UNKNOWN_TOKEN = 1
NAMED_CHARACTERS = 10


class TextEncoder(Protocol):
    """Text to tokens; xtts.tokenizer.Tokenizer."""

    def encode(self, text: str, language: str) -> list[int]: ...

    def unknown_characters(self, text: str, language: str) -> list[str]: ...


class SoundEncoder(Protocol):
    """Samples (float32, 22 050 Hz) to codes and mels; xtts.encoder.AudioEncoder."""

    @property
    def key(self) -> str: ...

    def codes(self, wave: NDArray[np.float32]) -> NDArray[np.int16]: ...

    def conditioning(self, wave: NDArray[np.float32]) -> NDArray[np.float32]: ...

    def eval_conditioning(self, wave: NDArray[np.float32]) -> NDArray[np.float32]: ...


class Unusable(Exception):
    """A clip that has to be left out."""

    def __init__(self, reason: DropReason, detail: str) -> None:
        super().__init__(f"{reason.value}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass
class Audit:
    """Checks clip after clip, and fills the cache with every clip that passes."""

    limits: ClipLimits
    tokenizer: TextEncoder
    encoder: SoundEncoder
    cache: ClipCache
    sources: Sources

    def __post_init__(self) -> None:
        self._lines: dict[tuple[str, str], int] = {}

    def check(self, raw: RawClip | Unreadable) -> ClipRecord | DroppedClip:
        """The clip as it is kept (in the training split as yet), or why it is not; cheap checks first."""
        if isinstance(raw, Unreadable):
            return DroppedClip(
                "", raw.dataset, "", raw.content, DropReason.BAD_LINE, raw.problem, raw.file, raw.line
            )
        try:
            self._check_id(raw)
            tokens = self._check_text(raw)
            source = self._check_sound(raw.audio)
        except Unusable as found:
            return DroppedClip(
                raw.id, raw.dataset, str(raw.audio), raw.text, found.reason, found.detail, raw.file, raw.line
            )
        return ClipRecord(
            id=raw.id,
            dataset=raw.dataset,
            audio=raw.audio,
            text=raw.text,
            speaker=raw.speaker,
            language=raw.language,
            seconds=round(source.samples / SAMPLE_RATE, 3),
            sha256=source.sha256,
            split="train",
            text_tokens=tokens,
        )

    def _check_id(self, raw: RawClip) -> None:
        first = self._lines.setdefault((raw.dataset, raw.id), raw.line)
        if first != raw.line:
            raise Unusable(DropReason.DUPLICATE_ID, f"first in line {first}")

    def _check_text(self, raw: RawClip) -> int:
        """Number of text tokens."""
        if not raw.text:
            raise Unusable(DropReason.EMPTY_TEXT, "the line has no text")
        kept = self.cache.text(raw.text, raw.language)
        tokens = self._encode(raw) if kept is None else kept.tolist()
        if len(tokens) > self.limits.max_text_tokens:
            detail = f"{len(tokens)} tokens, at most {self.limits.max_text_tokens}"
            raise Unusable(DropReason.TOO_MANY_TOKENS, detail)
        if kept is None:
            self.cache.add_text(raw.text, raw.language, tokens)
        return len(tokens)

    def _encode(self, raw: RawClip) -> list[int]:
        try:
            unknown = self.tokenizer.unknown_characters(raw.text, raw.language)
            tokens = self.tokenizer.encode(raw.text, raw.language)
        except NotImplementedError:
            raise UserError(
                f"data set '{raw.dataset}': XTTS cannot read texts in the language '{raw.language}'; "
                "correct 'language' in pipeline.yaml"
            ) from None
        if unknown or UNKNOWN_TOKEN in tokens:
            # Not a single character but, say, the language's own mark may be what the vocabulary lacks.
            names = [f"'{character}' (U+{ord(character):04X})" for character in unknown[:NAMED_CHARACTERS]]
            more = [f"and {len(unknown) - NAMED_CHARACTERS} more"] if len(unknown) > NAMED_CHARACTERS else []
            detail = ", ".join(names + more) or f"the text in the language '{raw.language}'"
            raise Unusable(DropReason.UNKNOWN_CHARACTERS, detail)
        return tokens

    def _check_sound(self, path: Path) -> Source:
        source, audio = self._listen(path, again=False)
        self._check_length(source.samples / SAMPLE_RATE, self.limits.min_seconds)
        if not self.cache.has_sound(source.sha256):
            if audio is None:
                source, audio = self._listen(path, again=True)
            self._keep(source, audio)
        return source

    @overload
    def _listen(self, path: Path, *, again: Literal[True]) -> tuple[Source, Audio]: ...

    @overload
    def _listen(self, path: Path, *, again: Literal[False]) -> tuple[Source, Audio | None]: ...

    def _listen(self, path: Path, *, again: bool) -> tuple[Source, Audio | None]:
        """What a file holds: remembered from an earlier run, or read now; `again` reads it in any case."""
        try:
            if not path.is_file():
                raise Unusable(DropReason.MISSING_FILE, f"there is no {path}")
            if not again and (known := self.sources.get(path)) is not None:
                return known, None
            self._check_length(seconds_of(path))
            # The header may lie about the length, hence the bound.
            audio = load_audio(path, at_most_seconds=self.limits.max_seconds + 1)
        except (AudioError, OSError, ValueError) as error:
            raise Unusable(DropReason.UNREADABLE, str(error)) from None
        self._check_length(len(audio.wave) / SAMPLE_RATE)
        source = Source(audio.sha256, len(audio.wave))
        self.sources.remember(path, source)
        return source, audio

    def _check_length(self, seconds: float, shortest: float = 0.0) -> None:
        if seconds < shortest:
            raise Unusable(DropReason.TOO_SHORT, f"{seconds:.2f} s, at least {shortest:g} s")
        if seconds > self.limits.max_seconds:
            raise Unusable(DropReason.TOO_LONG, f"{seconds:.2f} s, at most {self.limits.max_seconds:g} s")

    def _keep(self, source: Source, audio: Audio) -> None:
        # Stock cuts the codes at this length too: a clip of whole multiples of 1024 samples has one more.
        wanted = -(-source.samples // CODE_SAMPLES)
        codes = self.encoder.codes(audio.wave)[:wanted]
        if len(codes) != wanted:
            raise RuntimeError(f"expected {wanted} codes for {source.samples} samples but got {len(codes)}")
        self.cache.add_sound(source.sha256, source.samples, codes, self.encoder.conditioning(audio.wave))


def keep_eval_conditioning(clip: ClipRecord, encoder: SoundEncoder, cache: ClipCache) -> None:
    """Compute an eval clip's conditioning mel where it is not kept yet.

    Raises AudioError if the file went away or changed since it was checked.
    """
    if cache.has_evaluation(clip.sha256):
        return
    audio = load_audio(clip.audio)
    if audio.sha256 != clip.sha256:
        raise AudioError("it holds another sound now")
    cache.add_evaluation(clip.sha256, encoder.eval_conditioning(audio.wave))
