"""The eval set: chosen once for the whole pipeline, by content, and frozen in `eval_set.json`."""

from __future__ import annotations

import hashlib
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.data.outlines import SOUND_BYTES, first_alike
from xtts_finetune.data.passages import passages, place_of
from xtts_finetune.records.atomic import read_json, write_json_atomic
from xtts_finetune.spec.pipeline import DatasetSpec, EvalSetSpec


class Sounding(Protocol):
    """What the choice knows of a clip; records.clips.ClipRecord and data.outlines.Outline."""

    @property
    def id(self) -> str: ...

    @property
    def dataset(self) -> str: ...

    @property
    def sha256(self) -> str: ...


@dataclass(frozen=True)
class EvalClip:
    """A clip held out: known by its sound, named for people."""

    id: str
    dataset: str
    sha256: str


@dataclass(frozen=True)
class EvalSet:
    """The frozen choice, with the settings that it was made with."""

    seed: int
    fraction: float
    at_least: int
    clips: tuple[EvalClip, ...]

    @property
    def sounds(self) -> frozenset[str]:
        """What is held out: every clip with one of these sounds is, and no other."""
        return frozenset(clip.sha256 for clip in self.clips)

    def gone(self, clips: Sequence[Sounding]) -> list[str]:
        """Names of the set's clips whose sound is no longer in the data."""
        frozen = self.sounds
        there = {clip.sha256 for clip in clips if clip.sha256 in frozen}
        return [f"{clip.dataset}/{clip.id}" for clip in self.clips if clip.sha256 not in there]


def choose_eval_set(
    clips: Sequence[Sounding],
    spec: EvalSetSpec,
    of_recordings: Set[str] = frozenset(),
    held_out: Set[str] = frozenset(),
) -> EvalSet:
    """Choose the clips to hold out: a share of every data set in proportion to its size.

    The choice depends on the seed and on the sounds alone, not on order, names or machine. Clips with the
    same sound stay together. Never more than half of the clips; too few for one gives an empty set.
    Data sets that were cut from recordings, `of_recordings`, are held out by the passage. Where data sets are
    declared `held_out`, their sounds are the eval set, and nothing is chosen.
    """
    total = min(max(round(spec.fraction * len(clips)), spec.at_least), len(clips) // 2)
    sounds = _sounds(clips)
    groups = first_alike(sounds)  # a group is named by the place of its first clip
    declared = [group for clip, group in zip(clips, groups.tolist(), strict=True) if clip.dataset in held_out]
    if declared:
        return _named(clips, np.isin(groups, declared), spec)
    sizes = np.bincount(groups, minlength=len(clips))
    homes = _homes(clips, groups)
    quotas = _quotas(Counter(homes[group] for group in groups.tolist()), total)
    # First each data set's share; then, where several clips of one sound did not fit, what fills up the set.
    chosen, waiting, room = [], [], total
    order = _shuffled(sounds, np.unique(groups), spec.seed)
    for dataset in sorted(of_recordings & quotas.keys()):
        order = _by_passages(order, clips, [group for group in order if homes[group] == dataset], quotas[dataset])
    for group in order:
        size, home = int(sizes[group]), homes[group]
        if size <= quotas[home]:
            quotas[home] -= size
            room -= size
            chosen.append(group)
        else:
            waiting.append(group)
    for group in waiting:
        if sizes[group] <= room:
            room -= int(sizes[group])
            chosen.append(group)
    return _named(clips, np.isin(groups, chosen), spec)


def _named(clips: Sequence[Sounding], chosen: NDArray[np.bool_], spec: EvalSetSpec) -> EvalSet:
    found = (clips[place] for place in np.flatnonzero(chosen).tolist())
    named = sorted((EvalClip(clip.id, clip.dataset, clip.sha256) for clip in found), key=_name)
    return EvalSet(spec.seed, spec.fraction, spec.at_least, tuple(named))


def held_out_sets(datasets: Iterable[DatasetSpec]) -> frozenset[str]:
    """Names of the data sets that are declared as the eval set."""
    return frozenset(spec.name for spec in datasets if spec.held_out)


def write_eval_set(path: Path, eval_set: EvalSet) -> None:
    """Freeze the choice."""
    clips = [{"id": clip.id, "dataset": clip.dataset, "sha256": clip.sha256} for clip in eval_set.clips]
    settings = {"seed": eval_set.seed, "fraction": eval_set.fraction, "at_least": eval_set.at_least}
    write_json_atomic(path, {**settings, "clips": clips})


def read_eval_set(path: Path) -> EvalSet | None:
    """The frozen choice, or None before there is one. Raises UserError for a damaged file."""
    if not path.is_file():
        return None
    cure = "restore the file, or start a new run under another name"
    return read_json(path, _eval_set, "the frozen eval set is damaged", cure)


def _eval_set(record: Mapping[str, Any]) -> EvalSet:
    clips = tuple(EvalClip(str(c["id"]), str(c["dataset"]), _sha256(c["sha256"])) for c in record["clips"])
    return EvalSet(int(record["seed"]), float(record["fraction"]), int(record["at_least"]), clips)


def _sha256(written: object) -> str:
    if not re.fullmatch("[0-9a-f]{64}", str(written)):
        raise ValueError(f"a sha256 has 64 hexadecimal digits in small letters, not {str(written)!r}")
    return str(written)


def _sounds(clips: Sequence[Sounding]) -> NDArray[np.bytes_]:
    """(clips,) the sounds' sha256."""
    return np.fromiter((bytes.fromhex(clip.sha256) for clip in clips), f"S{SOUND_BYTES}", len(clips))


def _homes(clips: Sequence[Sounding], groups: NDArray[np.int64]) -> list[str]:
    """The data set that each group counts for, at its place: the first by name, where several share a sound."""
    homes = [""] * len(clips)
    for clip, group in zip(clips, groups.tolist(), strict=True):
        homes[group] = min(homes[group] or clip.dataset, clip.dataset)
    return homes


def _shuffled(sounds: NDArray[np.bytes_], groups: NDArray[np.int64], seed: int) -> list[int]:
    """The groups in an order that the seed and each one's sound decide, whichever others there are."""
    # numpy cuts zeros off at the end.
    names = (sound.ljust(SOUND_BYTES, b"\0").hex() for sound in sounds[groups].tolist())
    ranks = (hashlib.sha256(f"{seed}:{name}".encode()).digest() for name in names)
    ordered: list[int] = groups[np.argsort(np.fromiter(ranks, "S32", len(groups)))].tolist()
    return ordered


def _by_passages(order: Sequence[int], clips: Sequence[Sounding], own: Sequence[int], wanted: int) -> list[int]:
    """The order with the groups of one data set passage by passage, each where its first group was.

    A clip of unknown place is a passage of its own.
    """
    places = {group: place for group in own if (place := place_of(clips[group].id)) is not None}
    in_time = sorted(places, key=lambda group: (places[group], group))
    found = passages([places[group] for group in in_time], wanted)
    passage_of = {in_time[place]: passage for passage in found for place in passage}
    ordered: dict[int, None] = {}
    for group in order:
        passage = passage_of.get(group, ())
        ordered |= dict.fromkeys([in_time[place] for place in passage] or [group])
    return list(ordered)


def _quotas(sizes: Counter[str], total: int) -> dict[str, int]:
    """Split `total` in proportion to the sizes: whole parts first, what is left to the largest remainders."""
    everything = sum(sizes.values())
    quotas = {name: total * size // everything for name, size in sizes.items()}
    remainders = sorted(sizes, key=lambda name: (-(total * sizes[name] % everything), name))
    for name in remainders[: total - sum(quotas.values())]:
        quotas[name] += 1
    return quotas


def _name(clip: EvalClip) -> tuple[str, str]:
    return clip.dataset, clip.id
