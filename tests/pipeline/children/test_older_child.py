"""A child that outlived its command still writes its checkpoint: nobody works before it is done."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.child import start
from tests.pipeline.project import Project
from xtts_finetune.pipeline.children.lock import child_lock
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.run import run_plan
from xtts_finetune.records.atomic import write_bytes_atomic

WAITS_SECONDS = 5.0


def end_with_a_checkpoint(root: str, *files: str) -> None:
    """What a child of an earlier command does when it is asked to end: write what it has, then give its lock back."""
    with child_lock(Path(root), print):
        print("held", flush=True)
        sys.stdin.readline()
        for file in files:
            write_bytes_atomic(Path(file), b"of the older child")


@contextmanager
def older_child(work: Work, *files: Path) -> Iterator[int]:
    """A child that ends once the command says that it waits, or did not wait for seconds; gives its number."""
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    child = start(end_with_a_checkpoint, work.run.root, *files, **pipes)
    assert child.stdin is not None and child.stdout is not None
    assert child.stdout.readline() == "held\n"

    def end() -> None:
        ends = time.monotonic() + WAITS_SECONDS
        while f"waiting for process {child.pid}" not in printed(work) and time.monotonic() < ends:
            time.sleep(0.02)
        child.communicate("\n")

    ending = threading.Thread(target=end)
    ending.start()
    try:
        yield child.pid
    finally:
        ending.join()


def printed(work: Work) -> str:
    text: str = work.console.file.getvalue()  # type: ignore[attr-defined]
    return text


@pytest.mark.parametrize(
    ("overrides", "fresh"), [((), True), (("phase2.learning_rate=2e-6",), False)], ids=["fresh", "stale"]
)
def test_what_an_older_child_writes_at_last_does_not_come_into_a_new_phase(
    finished: Project, overrides: tuple[str, ...], fresh: bool
) -> None:
    folder, work = finished.run_folder.candidate("phase2"), finished.work(*overrides)
    late = (folder.checkpoint(77), folder.checkpoint_record(77))
    with older_child(work, *late) as pid:
        run_plan(work, ["phase2"], fresh)
    assert not [file for file in late if file.exists()]
    said = f"waiting for process {pid} of an earlier command, which is writing its checkpoint"
    assert printed(work).count(said) == 1
    assert finished.started == [*ONCE, "phase2", "utterances"]


def test_an_unfinished_phase_goes_on_from_what_the_older_child_wrote(finished: Project) -> None:
    folder, work = finished.run_folder.candidate("phase2"), finished.work()
    folder.model_info.unlink()
    with older_child(work, folder.checkpoint(1077), folder.checkpoint_record(1077)):
        run_plan(work)
    assert "continuing from step 1 077" in printed(work)


def test_nobody_waits_where_nothing_is_to_be_done(finished: Project) -> None:
    work = finished.work()
    with older_child(work):
        run_plan(work)
        assert "waiting" not in printed(work)


# What the fixture's own run has started before.
ONCE = ["prepare", "base", "phase1", "utterances", "phase2", "utterances"]
