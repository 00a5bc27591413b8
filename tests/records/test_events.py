"""What a child says reaches its parent."""

from __future__ import annotations

from pathlib import Path

from xtts_finetune.records.job import EventTail, EventWriter, News, Progress, failure_of


def test_the_parent_reads_the_newest_progress_once(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "prepare.jsonl"
    tail = EventTail(path)
    assert tail.new() == News(None, [])
    with EventWriter(path) as events:
        events.progress(1, 311, "reading clips")
        events.progress(2, 311, "reading clips")
        assert tail.new() == News(Progress(2, 311, "reading clips"), [])
        assert tail.new() == News(None, [])


def test_every_note_is_read_once_in_its_order(tmp_path: Path) -> None:
    path = tmp_path / "phase1.jsonl"
    tail = EventTail(path)
    with EventWriter(path) as events:
        events.note("checkpoint_9.pth is damaged")
        events.progress(1, 3, "training")
        events.note("waiting")
        assert tail.new() == News(Progress(1, 3, "training"), ["checkpoint_9.pth is damaged", "waiting"])
        assert tail.new().notes == []


def test_a_failure_is_found_afterwards_and_not_taken_for_progress(tmp_path: Path) -> None:
    path = tmp_path / "prepare.jsonl"
    with EventWriter(path) as events:
        events.progress(1, 2, "reading clips")
        events.failed("the disk is full")
    assert failure_of(path) == "the disk is full"
    assert EventTail(path).new().progress == Progress(1, 2, "reading clips")


def test_a_job_that_starts_again_forgets_the_failure(tmp_path: Path) -> None:
    path = tmp_path / "prepare.jsonl"
    with EventWriter(path) as events:
        events.failed("the disk is full")
    EventWriter(path).close()
    assert failure_of(path) is None
