"""What a child says reaches its parent."""

from __future__ import annotations

from pathlib import Path

from xtts_finetune.records.events import EventWriter, Progress, ProgressTail, failure_of


def test_the_parent_reads_the_newest_progress_once(tmp_path: Path) -> None:
    path = tmp_path / "logs" / "prepare.jsonl"
    tail = ProgressTail(path)
    assert tail.latest() is None
    with EventWriter(path) as events:
        events.progress(1, 311, "reading clips")
        events.progress(2, 311, "reading clips")
        assert tail.latest() == Progress(2, 311, "reading clips")
        assert tail.latest() is None


def test_a_failure_is_found_afterwards_and_not_taken_for_progress(tmp_path: Path) -> None:
    path = tmp_path / "prepare.jsonl"
    with EventWriter(path) as events:
        events.progress(1, 2, "reading clips")
        events.failed("the disk is full")
    assert failure_of(path) == "the disk is full"
    assert ProgressTail(path).latest() == Progress(1, 2, "reading clips")


def test_a_job_that_starts_again_forgets_the_failure(tmp_path: Path) -> None:
    path = tmp_path / "prepare.jsonl"
    with EventWriter(path) as events:
        events.failed("the disk is full")
    EventWriter(path).close()
    assert failure_of(path) is None
