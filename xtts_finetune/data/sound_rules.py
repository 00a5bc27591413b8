"""Which sounds can be trained on: by their lengths alone, or once they were listened to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.data.findings import QUIETEST, measure
from xtts_finetune.data.sound.audio import Audio, AudioError, load_audio, seconds_of
from xtts_finetune.data.sources import Source
from xtts_finetune.data.text.trainable import Unusable
from xtts_finetune.numbers.fixed import SAMPLE_RATE
from xtts_finetune.records.clips import DropReason
from xtts_finetune.spec.pipeline import ClipLimits


@dataclass(frozen=True)
class SoundRules:
    """Raises Unusable for a sound that is outside of the limits, near silent, missing or that cannot be read."""

    limits: ClipLimits

    @contextmanager
    def unreadable_is_unusable(self, path: Path) -> Iterator[None]:
        """A file that is missing, or that cannot be read meanwhile, is one that cannot be used."""
        try:
            if not path.is_file():
                raise Unusable(DropReason.MISSING_FILE, f"there is no {path}")
            yield
        except (AudioError, OSError, ValueError) as error:
            raise Unusable(DropReason.UNREADABLE, str(error)) from None

    def glance(self, path: Path) -> float:
        """Seconds of the file as `seconds_of` tells them; the sound is not decoded."""
        with self.unreadable_is_unusable(path):
            seconds = seconds_of(path)
            self._check_length(seconds, self.limits.min_seconds)
            return seconds

    def hear(self, path: Path) -> Source:
        """What the file holds, checked by every rule."""
        with self.unreadable_is_unusable(path):
            source, _ = self.listen(path)
            self.check(source)
            return source

    def listen(self, path: Path) -> tuple[Source, Audio]:
        """What the file holds, if it is not too long; `check` has the other rules. Raises AudioError as well."""
        self._check_length(seconds_of(path))
        # What is decoded may be longer than what was counted, hence the bound.
        audio = load_audio(path, at_most_seconds=self.limits.max_seconds + 1)
        self._check_length(len(audio.wave) / SAMPLE_RATE)
        return Source(audio.sha256, len(audio.wave), measure(audio)), audio

    def check(self, source: Source) -> None:
        """The rules for what is known of a sound."""
        self._check_length(source.samples / SAMPLE_RATE, self.limits.min_seconds)
        if source.measures.level < QUIETEST:
            raise Unusable(DropReason.NEAR_SILENT, f"{source.measures.level:.1f} dBFS, at least {QUIETEST:g} dBFS")

    def _check_length(self, seconds: float, shortest: float = 0.0) -> None:
        if seconds < shortest:
            raise Unusable(DropReason.TOO_SHORT, f"{_apart(seconds, shortest)} s, at least {shortest:g}")
        if seconds > (longest := self.limits.max_seconds):
            raise Unusable(DropReason.TOO_LONG, f"{_apart(seconds, longest)} s, limit {longest:g}")


def _apart(seconds: float, limit: float) -> str:
    """With as many digits as show that it is not the limit: '36.6', '11.62'."""
    digits = next((digits for digits in (1, 2, 3) if round(seconds, digits) != round(limit, digits)), 6)
    return f"{seconds:.{digits}f}"
