"""Lines are whole or do not count."""

from __future__ import annotations

from pathlib import Path

import pytest

from xtts_finetune.errors import UserError
from xtts_finetune.records.json_lines import JsonLinesTail, JsonLinesWriter, read_json_lines


def test_a_torn_last_line_does_not_count(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": 2}\n{"a": ')
    assert [record for _, record in read_json_lines(path)] == [{"a": 1}, {"a": 2}]


def test_a_file_that_is_not_there_has_no_records(tmp_path: Path) -> None:
    assert read_json_lines(tmp_path / "none.jsonl") == []


@pytest.mark.parametrize("broken", [b"{broken", b"[1, 2]", b"\xff\xfe"])
def test_a_broken_line_in_the_middle_is_named(tmp_path: Path, broken: bytes) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n' + broken + b'\n{"a": 3}\n')
    with pytest.raises(UserError, match=r"a\.jsonl:2: "):
        read_json_lines(path)


def test_a_new_writer_cuts_off_the_line_that_a_crash_tore(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": ')
    with JsonLinesWriter(path) as writer:
        writer.write({"a": 2})
    assert path.read_bytes() == b'{"a": 1}\n{"a": 2}\n'


def test_a_record_can_be_read_before_the_file_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    with JsonLinesWriter(path) as writer:
        writer.write({"text": "egy ő"})
        assert read_json_lines(path) == [(1, {"text": "egy ő"})]


def test_the_tail_gives_each_record_once_and_waits_for_the_torn_one(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    tail = JsonLinesTail(path)
    assert tail.new() == []
    path.write_bytes(b'{"a": 1}\n{"a": ')
    assert tail.new() == [{"a": 1}]
    assert tail.new() == []
    with path.open("ab") as file:
        file.write(b"2}\n")
    assert tail.new() == [{"a": 2}]


def test_the_tail_starts_over_when_the_file_was_made_anew(tmp_path: Path) -> None:
    path = tmp_path / "a.jsonl"
    path.write_bytes(b'{"a": 1}\n{"a": 2}\n')
    tail = JsonLinesTail(path)
    tail.new()
    path.write_bytes(b'{"a": 3}\n')
    assert tail.new() == [{"a": 3}]
