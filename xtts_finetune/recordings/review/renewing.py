"""The data set as it is after every decision: clips, metadata.csv and import.jsonl, which always agree."""

from __future__ import annotations

import csv
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from filelock import FileLock

from xtts_finetune.recordings.clips import write_clip
from xtts_finetune.recordings.review.decisions import Decision, Key, apply, read_decisions
from xtts_finetune.records.atomic import atomic_path
from xtts_finetune.records.stretches import FOUND, METADATA, STRETCHES, WORK, Stretch, read_stretches, write_stretches

COLUMNS = ("audio_file", "text", "speaker_name")


@dataclass(frozen=True)
class Renewed:
    """What the data set is made of now.

    lost     decisions whose stretch is no longer there; they stay in review.jsonl
    decided  the stretches that a person has decided about
    """

    stretches: tuple[Stretch, ...]
    lost: tuple[Decision, ...]
    decided: frozenset[Key]


def found_of(folder: Path) -> list[Stretch]:
    """What was found before anybody reviewed it."""
    return read_stretches(folder, FOUND if (folder / FOUND).is_file() else STRETCHES)


def renew(
    folder: Path,
    write: Callable[[Path, Stretch], Stretch] = write_clip,
    found: Sequence[Stretch] | None = None,
) -> Renewed:
    """Write what is found, and decided since, into metadata.csv and import.jsonl, and the clips that are missing.

    `found` replaces what was found before. Raises UserError where a clip is to be cut from a recording that is gone.
    """
    (folder / WORK).mkdir(parents=True, exist_ok=True)
    with FileLock(folder / WORK / "lock"):
        if found is not None or not (folder / FOUND).is_file():
            write_stretches(folder, found_of(folder) if found is None else found, FOUND)
        stretches, lost, decided = apply(read_stretches(folder, FOUND), read_decisions(folder))
        with_clips = [_with_clip(folder, stretch, write) for stretch in stretches]
        _write_metadata(folder, with_clips)
        write_stretches(folder, with_clips)
    return Renewed(tuple(with_clips), tuple(lost), frozenset(decided))


def _with_clip(folder: Path, stretch: Stretch, write: Callable[[Path, Stretch], Stretch]) -> Stretch:
    if stretch.state == "left out" or (stretch.file is not None and (folder / stretch.file).is_file()):
        return stretch
    return write(folder, replace(stretch, file=None))


def _write_metadata(folder: Path, stretches: Sequence[Stretch]) -> None:
    """The clips that are kept, as Coqui's tools write such a file."""
    with (
        atomic_path(folder / METADATA) as temporary,
        temporary.open("w", encoding="utf-8", newline="") as file,
    ):
        writer = csv.writer(file, delimiter="|", lineterminator="\n")
        writer.writerow(COLUMNS)
        for stretch in stretches:
            if stretch.state == "kept":
                writer.writerow((stretch.file, stretch.text, stretch.speaker))
