"""A checkpoint is there when its record is, and what a kill leaves is swept away."""

from __future__ import annotations

import zlib
from pathlib import Path

import pytest

from xtts_finetune.errors import UserError
from xtts_finetune.records.candidates.checkpoints import (
    CheckpointRecord,
    check_whole,
    checkpoints_that_stay,
    read_checkpoint_records,
    remove_checkpoint,
    sweep_checkpoints,
    write_checkpoint_record,
)
from xtts_finetune.records.run_folder import CandidateFolder


def saved(folder: CandidateFolder, step: int, content: bytes = b"weights") -> CheckpointRecord:
    folder.path.mkdir(exist_ok=True)
    folder.checkpoint(step).write_bytes(content)
    record = CheckpointRecord(step, len(content), zlib.crc32(content), resumes=True, regular=True)
    write_checkpoint_record(folder, record)
    return record


@pytest.fixture
def folder(tmp_path: Path) -> CandidateFolder:
    return CandidateFolder(tmp_path / "phase1")


def test_records_are_read_back_newest_last(folder: CandidateFolder) -> None:
    assert read_checkpoint_records(folder) == []
    records = [saved(folder, step) for step in (1000, 200)]
    assert read_checkpoint_records(folder) == [records[1], records[0]]


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"step": 1}', '{"step": 1, "bytes"'])
def test_a_record_that_cannot_be_read_does_not_count(folder: CandidateFolder, content: str) -> None:
    record = saved(folder, 200)
    saved(folder, 1000)
    folder.checkpoint_record(1000).write_text(content, encoding="utf-8")
    assert read_checkpoint_records(folder) == [record]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"weight", "6 bytes, but 7 were written"),
        (b"", "0 bytes"),
        (b"weighty!", "8 bytes"),
        (b"weightz", "CRC-32 differs"),
        (None, "cannot be read"),
    ],
)
def test_a_damaged_file_is_named(folder: CandidateFolder, content: bytes | None, said: str) -> None:
    record = saved(folder, 200)
    check_whole(folder, record)
    if content is None:
        folder.checkpoint(200).unlink()
    else:
        folder.checkpoint(200).write_bytes(content)
    with pytest.raises(UserError, match=rf"checkpoint_200\.pth.*{said}"):
        check_whole(folder, record)


def test_while_a_checkpoint_is_slimmed_both_files_are_whole(folder: CandidateFolder) -> None:
    record = saved(folder, 200, b"weights and moments")
    both = CheckpointRecord(
        200, record.bytes, record.crc32, True, True, slim_bytes=7, slim_crc32=zlib.crc32(b"weights")
    )
    check_whole(folder, both)
    folder.checkpoint(200).write_bytes(b"weights")
    check_whole(folder, both)
    with pytest.raises(UserError):
        check_whole(folder, record)


def record(step: int, regular: bool = True, resumes: bool = True) -> CheckpointRecord:
    return CheckpointRecord(step, 1, 1, resumes=resumes, regular=regular)


@pytest.mark.parametrize(
    ("records", "keep", "needed", "stay"),
    [
        ([], 1, [], []),
        ([record(500)], 1, [], [500]),
        ([record(500), record(1000)], 1, [], [1000]),
        ([record(500), record(1000)], 2, [], [500, 1000]),
        ([record(500), record(1000), record(1500)], 2, [], [1000, 1500]),
        ([record(500), record(730, regular=False)], 1, [], [730]),  # the newest, whatever it was saved for
        ([record(500), record(730, regular=False)], 2, [], [500, 730]),
        ([record(500), record(730, regular=False), record(1000)], 2, [], [500, 1000]),  # ephemeral: gone
        ([record(500), record(1000), record(1500)], 1, [500], [500, 1500]),
        (
            [record(500, resumes=False), record(1000)],
            2,
            [],
            [1000],
        ),  # without moments it cannot be gone on from
        ([record(500, resumes=False), record(1000)], 2, [500], [500, 1000]),
        ([record(1000), record(500)], 1, [], [1000]),
    ],
)
def test_what_stays(records: list[CheckpointRecord], keep: int, needed: list[int], stay: list[int]) -> None:
    assert [found.step for found in checkpoints_that_stay(records, keep, needed)] == stay


def test_a_sweep_leaves_whole_checkpoints_alone(folder: CandidateFolder) -> None:
    whole = saved(folder, 200)
    folder.checkpoint(300).write_bytes(b"its record was not written yet")
    saved(folder, 100)
    folder.checkpoint(100).unlink()
    folder.best_model.write_bytes(b"best")
    sweep_checkpoints(folder)
    assert sorted(path.name for path in folder.path.iterdir()) == [
        "best_model.pth",
        "checkpoint_100.json",  # somebody took its checkpoint away: that is said rather than swept
        "checkpoint_200.json",
        "checkpoint_200.pth",
    ]
    check_whole(folder, whole)
    sweep_checkpoints(CandidateFolder(folder.path / "nothing"))


def test_removing_twice_is_no_fault(folder: CandidateFolder) -> None:
    saved(folder, 200)
    remove_checkpoint(folder, 200)
    remove_checkpoint(folder, 200)
    assert list(folder.path.iterdir()) == []
