"""Reading a growing file: only what is new, torn lines later, a file made anew from its start."""

from __future__ import annotations

import json
from pathlib import Path

from xtts_finetune.records.json_lines import Follower


def line(number: int) -> bytes:
    return json.dumps({"step": number}).encode() + b"\n"


def read(follower: Follower) -> tuple[list[int], int, bool]:
    """Steps of the new records, damaged lines, and whether the file was made anew."""
    batches = list(follower.new())
    read = [batch.parse() for batch in batches]
    steps = [record["step"] for records, _ in read for record in records]
    return steps, sum(damaged for _, damaged in read), any(batch.anew for batch in batches)


def test_only_what_is_new_and_a_torn_line_once_it_is_whole(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    follower = Follower(file)
    assert read(follower) == ([], 0, False)
    file.write_bytes(line(1) + line(2) + line(3)[:5])
    assert read(follower) == ([1, 2], 0, False)
    assert read(follower) == ([], 0, False)
    with file.open("ab") as end:
        end.write(line(3)[5:] + line(4))
    assert read(follower) == ([3, 4], 0, False)


def test_a_file_in_small_pieces_gives_the_same_records(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_bytes(b"".join(map(line, range(500))))
    assert read(Follower(file, chunk_bytes=17)) == (list(range(500)), 0, False)


def test_a_shortened_a_replaced_and_a_removed_file_are_read_anew(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_bytes(b"".join(map(line, range(10))))
    follower = Follower(file)
    read(follower)
    file.write_bytes(b"".join(map(line, range(5))))  # a run that goes on from an earlier step
    assert read(follower) == ([0, 1, 2, 3, 4], 0, True)
    file.write_bytes(b"".join(map(line, range(100, 120))))  # begun afresh, and longer by now
    assert read(follower) == (list(range(100, 120)), 0, True)
    file.unlink()
    assert read(follower) == ([], 0, True)
    assert read(follower) == ([], 0, False)


def test_the_same_start_with_another_middle_is_another_file(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    start = b"".join(map(line, range(100)))
    file.write_bytes(start + b"".join(map(line, range(100, 110))))
    follower = Follower(file)
    read(follower)
    file.write_bytes(start + b"".join(map(line, range(200, 230))))
    steps, _, anew = read(follower)
    assert anew and steps[-1] == 229 and 105 not in steps


def test_damaged_lines_are_counted_and_the_rest_is_read(tmp_path: Path) -> None:
    file = tmp_path / "metrics.jsonl"
    file.write_bytes(line(1) + b'{"step": 2\n' + b"[1]\n" + b'{"step": 3}, {"step": 4}\n' + b"\xff\xfe\n" + line(5))
    assert read(Follower(file)) == ([1, 5], 4, False)
