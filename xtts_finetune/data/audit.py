"""Which clips can be trained on, and why each of the others cannot."""

from __future__ import annotations

from array import array
from collections.abc import Callable, Container, Iterable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from threading import Lock
from typing import Protocol, TypeVar

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.data.cache import ClipCache
from xtts_finetune.data.findings import sound_warnings
from xtts_finetune.data.readers import RawClip, Unreadable
from xtts_finetune.data.sound.audio import Audio, AudioError, load_audio
from xtts_finetune.data.sound_rules import SoundRules
from xtts_finetune.data.sources import Source, Sources, Stamp, stamp_of
from xtts_finetune.data.text.language import language_warnings
from xtts_finetune.data.text.trainable import TextCheck, Unusable
from xtts_finetune.numbers.fixed import CODE_SAMPLES, SAMPLE_RATE
from xtts_finetune.records.clips import ClipRecord, DroppedClip, DropReason
from xtts_finetune.spec.pipeline import ClipLimits


class SoundEncoder(Protocol):
    """Samples (float32, 22 050 Hz) to codes and mels; xtts.encoder.AudioEncoder."""

    @property
    def key(self) -> str: ...

    @property
    def parallel(self) -> bool: ...

    def codes(self, wave: NDArray[np.float32]) -> NDArray[np.int16]: ...

    def conditioning(self, wave: NDArray[np.float32]) -> NDArray[np.float32]: ...

    def eval_conditioning(self, wave: NDArray[np.float32]) -> NDArray[np.float32]: ...


@dataclass(frozen=True)
class Entry:
    """A line of a data set, and where a line with the same id was before it, if there was one."""

    raw: RawClip | Unreadable
    before: str = ""


@dataclass(frozen=True)
class Kept:
    """A clip that passed, in the training split as yet, with the sound of its file."""

    clip: ClipRecord
    stamp: Stamp
    source: Source


@dataclass(frozen=True)
class LeftOut:
    """A clip that did not pass."""

    clip: DroppedClip


@dataclass(frozen=True)
class Survey:
    """How many lines there are, and hashes of the ids that are there more than once."""

    lines: int
    repeated: frozenset[int]


def survey(lines: Iterable[RawClip | Unreadable]) -> Survey:
    """A first look at all lines, so that the second one need not remember every id."""
    count, ids = 0, array("q")
    for raw in lines:
        count += 1
        if isinstance(raw, RawClip):
            ids.append(_id(raw))
    different, times = np.unique(ids, return_counts=True)
    return Survey(count, frozenset(different[times > 1].tolist()))


def entries(lines: Iterable[RawClip | Unreadable], repeated: Container[int]) -> Iterator[Entry]:
    """The lines in their order; an id counts the first time that it is there. `repeated` is from their survey."""
    first: dict[int, str] = {}
    for raw in lines:
        before = ""
        if isinstance(raw, RawClip) and (key := _id(raw)) in repeated:
            before = first.get(key, "")
            first.setdefault(key, f"first in line {raw.line} of {raw.file.name}")
        yield Entry(raw, before)


def _id(raw: RawClip) -> int:
    """A hash of 64 bits instead of the names: there may be very many."""
    return hash((raw.dataset, raw.id))


OfText = TypeVar("OfText")
OfSound = TypeVar("OfSound")


def judged(
    entry: Entry, text: Callable[[RawClip], OfText], sound: Callable[[Path], OfSound]
) -> tuple[RawClip, OfText, OfSound] | LeftOut:
    """A line's clip and what the checks of its text and its sound give, or why it is left out; cheap checks first.

    The checks raise Unusable; any other error is not about the clip.
    """
    raw = entry.raw
    if isinstance(raw, Unreadable):
        bad = DropReason.BAD_LINE
        return LeftOut(DroppedClip("", raw.dataset, "", raw.content, bad, raw.problem, raw.file, raw.line))
    try:
        if entry.before:
            raise Unusable(DropReason.DUPLICATE_ID, entry.before)
        return raw, text(raw), sound(raw.audio)
    except Unusable as found:
        audio, reason, detail = str(raw.audio), found.reason, found.detail
        return LeftOut(DroppedClip(raw.id, raw.dataset, audio, raw.text, reason, detail, raw.file, raw.line))


@dataclass
class Audit:
    """Checks clip after clip, in any thread, and fills the cache with every clip that passes."""

    limits: ClipLimits
    texts: TextCheck
    encoder: SoundEncoder
    cache: ClipCache
    sources: Sources

    def __post_init__(self) -> None:
        self._turn: AbstractContextManager[object] = nullcontext() if self.encoder.parallel else Lock()
        self._rules = SoundRules(self.limits)

    def check(self, entry: Entry) -> Kept | LeftOut:
        """One clip as it is kept, or why it is not; cheap checks first.

        Raises UserError if the declared language is none that XTTS can read.
        """
        found = judged(entry, self.texts.check, self._check_sound)
        if isinstance(found, LeftOut):
            return found
        raw, text, (stamp, source) = found
        clip = ClipRecord(
            id=raw.id,
            dataset=raw.dataset,
            audio=raw.audio,
            text=raw.text,
            speaker=raw.speaker,
            language=raw.language,
            seconds=round(source.samples / SAMPLE_RATE, 3),
            sha256=source.sha256,
            split="train",
            text_tokens=text.tokens,
            normalised=text.normalised,
            file=raw.file,
            line=raw.line,
            warnings=(*sound_warnings(source.measures), *language_warnings(raw.text, raw.language)),
        )
        return Kept(clip, stamp, source)

    def _check_sound(self, path: Path) -> tuple[Stamp, Source]:
        with self._rules.unreadable_is_unusable(path):
            # Before the file is read: a change meanwhile must not pass for what was read.
            stamp = stamp_of(path)
            source, audio = self.sources.get(stamp), None
            if source is None:
                source, audio = self._rules.listen(path)
            self._rules.check(source)
            if not self.cache.has_sound(source.sha256):
                if audio is None:
                    source, audio = self._rules.listen(path)
            else:
                audio = None
        if audio is not None:
            self._keep(source, audio)
        return stamp, source

    def _keep(self, source: Source, audio: Audio) -> None:
        # Stock cuts the codes at this length too: a clip of whole multiples of 1024 samples has one more.
        wanted = -(-source.samples // CODE_SAMPLES)
        with self._turn:
            codes = self.encoder.codes(audio.wave)[:wanted]
            conditioning = self.encoder.conditioning(audio.wave)
        if len(codes) != wanted:
            raise RuntimeError(f"expected {wanted} codes for {source.samples} samples but got {len(codes)}")
        self.cache.add_sound(source.sha256, source.samples, codes, conditioning)

    def keep_eval_conditioning(self, clip: ClipRecord) -> ClipRecord:
        """Compute an eval clip's conditioning mel where it is not kept yet; gives the clip back.

        Raises AudioError if the file went away or changed since it was checked.
        """
        if not self.cache.has_evaluation(clip.sha256):
            audio = load_audio(clip.audio)
            if audio.sha256 != clip.sha256:
                raise AudioError("it holds another sound now")
            with self._turn:
                conditioning = self.encoder.eval_conditioning(audio.wave)
            self.cache.add_evaluation(clip.sha256, conditioning)
        return clip
