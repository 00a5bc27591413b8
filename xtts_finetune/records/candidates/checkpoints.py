"""Which checkpoints of a phase exist: one does once the record beside it does, and not before.

The record is written last and removed first, so a file without one is what a kill left of a save or of a
removal; `sweep` clears it away.
"""

from __future__ import annotations

import zlib
from collections.abc import Collection
from dataclasses import asdict, dataclass
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import json_or_none, write_json_atomic
from xtts_finetune.records.run_folder import CandidateFolder

CHUNK = 1 << 24


@dataclass(frozen=True)
class CheckpointRecord:
    """What is known of checkpoint_<step>.pth without opening it.

    bytes, crc32   of the whole file, to tell a damaged one
    resumes        whether it holds optimizer and schedule, too
    regular        written because of `checkpoint_every.steps` or at the end; one that a clock or an
                   interruption asked for goes as soon as the next one is whole
    slim_...       of the same file without its optimizer state, while one replaces the other
    """

    step: int
    bytes: int
    crc32: int
    resumes: bool
    regular: bool
    slim_bytes: int | None = None
    slim_crc32: int | None = None


def read_checkpoint_records(folder: CandidateFolder) -> list[CheckpointRecord]:
    """The records of a phase's checkpoints, the newest last; one that cannot be read does not count."""
    keys = CheckpointRecord.__annotations__
    found = [
        json_or_none(folder.checkpoint_record(step), lambda it: CheckpointRecord(**{key: it[key] for key in keys}))
        for step in folder.recorded_steps()
    ]
    return [record for record in found if record is not None]


def write_checkpoint_record(folder: CandidateFolder, record: CheckpointRecord) -> None:
    """Say that the checkpoint of this step is whole."""
    write_json_atomic(folder.checkpoint_record(record.step), asdict(record))


def remove_checkpoint(folder: CandidateFolder, step: int) -> None:
    """Remove a checkpoint, its record first; nothing happens where there is none."""
    folder.checkpoint_record(step).unlink(missing_ok=True)
    folder.checkpoint(step).unlink(missing_ok=True)


def put_aside(folder: CandidateFolder, step: int) -> str:
    """Move a damaged checkpoint out of the way of the next one of its step; in words, what became of it."""
    path = folder.checkpoint(step)
    folder.checkpoint_record(step).unlink(missing_ok=True)
    if not path.exists():
        return "it is gone"
    aside = folder.aside(step)
    path.rename(aside)
    return f"now {aside.name}"


def check_whole(folder: CandidateFolder, record: CheckpointRecord) -> None:
    """Raise UserError that names the file when it is not the one that was written."""
    path = folder.checkpoint(record.step)
    try:
        size, crc32 = path.stat().st_size, _crc32(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror or error})") from None
    if (size, crc32) in ((record.bytes, record.crc32), (record.slim_bytes, record.slim_crc32)):
        return
    if size not in (record.bytes, record.slim_bytes):
        raise UserError(f"{path}: damaged: {size} bytes, but {record.bytes} were written")
    raise UserError(f"{path}: damaged: its content is not what was written (CRC-32 differs)")


def checkpoints_that_stay(
    records: Collection[CheckpointRecord], keep: int, needed: Collection[int]
) -> list[CheckpointRecord]:
    """Of a phase's checkpoints, those that stay: the newest, `keep` - 1 regular ones before it, those `needed`.

    `needed` are steps that later phases start from.
    """
    in_order = sorted(records, key=lambda record: record.step)
    newest, older = in_order[-1:], in_order[:-1]
    regular = [record for record in older if record.regular and record.resumes]
    stay = {record.step for record in [*newest, *regular[len(regular) - min(keep - 1, len(regular)) :]]}
    return [record for record in in_order if record.step in stay or record.step in needed]


def sweep_checkpoints(folder: CandidateFolder) -> None:
    """Remove what a kill left: checkpoints without a record.

    A record without its checkpoint is no such thing. Somebody took the file away, which is to be said.
    """
    recorded = set(folder.recorded_steps())
    for step, path in folder.checkpoint_files():
        if step not in recorded and path.is_file():
            path.unlink()


def _crc32(path: Path) -> int:
    value = 0
    with path.open("rb") as file:
        while chunk := file.read(CHUNK):
            value = zlib.crc32(chunk, value)
    return value
