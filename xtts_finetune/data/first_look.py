"""Which clips preparing will keep, told beforehand and without torch, by the rules that preparing goes by."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from xtts_finetune.data.audit import Entry, LeftOut, entries, judged, survey
from xtts_finetune.data.in_threads import in_order
from xtts_finetune.data.readers import RawClip, Unreadable, read_dataset
from xtts_finetune.data.sound_rules import SoundRules
from xtts_finetune.data.text.trainable import ForeseenTextCheck
from xtts_finetune.numbers.fixed import SAMPLE_RATE
from xtts_finetune.records.clips import DroppedClip
from xtts_finetune.spec.pipeline import ClipLimits, DatasetSpec
from xtts_finetune.xtts.foreseen_tokenizer import ForeseenTokenizer

# Sounds that are listened to; of further ones the headers count, as decoding tens of thousands takes minutes.
SOUNDS_HEARD = 300


@dataclass(frozen=True)
class SeenClip:
    """A clip that will be kept, with its length in seconds; `sha256` of its sound, '' where that was not read."""

    id: str
    dataset: str
    text: str
    speaker: str
    seconds: float
    sha256: str
    language: str = ""


@dataclass(frozen=True)
class FirstLook:
    """The clips that will be kept, and those that will be left out, each in the order of the lines."""

    kept: tuple[SeenClip, ...]
    left_out: tuple[DroppedClip, ...]

    @property
    def minutes(self) -> float:
        """Minutes of speech that will be kept."""
        return minutes_of(self.kept)

    @property
    def all_heard(self) -> bool:
        """Whether every sound was listened to, so that nothing is an estimate."""
        return all(clip.sha256 for clip in self.kept)

    def of(self, dataset: str) -> list[SeenClip]:
        """The clips of one data set."""
        return [clip for clip in self.kept if clip.dataset == dataset]


def minutes_of(clips: Sequence[SeenClip]) -> float:
    """Minutes of speech."""
    return sum(clip.seconds for clip in clips) / 60


def first_look(
    datasets: Sequence[DatasetSpec], language: str, vocab: Path | None, limits: ClipLimits | None = None
) -> FirstLook:
    """Look at all lines of the data sets. `vocab` is the base's; without one no character is unknown.

    Raises UserError if a data set is missing or its language is none of XTTS's.
    """
    limits = limits or ClipLimits()

    def lines() -> Iterator[RawClip | Unreadable]:
        for spec in datasets:
            yield from read_dataset(spec, language)

    seen = survey(lines())
    declared = {spec.name: spec.language or language for spec in datasets}
    texts = ForeseenTextCheck(limits.max_text_tokens, ForeseenTokenizer(vocab), None, declared)
    rules, every = SoundRules(limits), max(1, -(-seen.lines // SOUNDS_HEARD))
    numbered = enumerate(entries(lines(), seen.repeated))
    kept: list[SeenClip] = []
    left_out: list[DroppedClip] = []
    for found in in_order(partial(_look, texts, rules, every), numbered):
        if isinstance(found, LeftOut):
            left_out.append(found.clip)
        else:
            kept.append(found)
    return FirstLook(tuple(kept), tuple(left_out))


def _look(texts: ForeseenTextCheck, rules: SoundRules, every: int, numbered: tuple[int, Entry]) -> SeenClip | LeftOut:
    place, entry = numbered

    def sound(path: Path) -> tuple[float, str]:
        if place % every:
            return rules.glance(path), ""
        source = rules.hear(path)
        return source.samples / SAMPLE_RATE, source.sha256

    found = judged(entry, texts.check, sound)
    if isinstance(found, LeftOut):
        return found
    clip, _, (seconds, sha256) = found
    return SeenClip(clip.id, clip.dataset, clip.text, clip.speaker, seconds, sha256, clip.language)
