"""The disk is full in the middle of a phase: the reason gets there, and with room the same command goes on."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.project import Project, make_project
from tests.records.test_reserve import fill, small_disk  # noqa: F401  (a fixture)
from xtts_finetune.errors import WorkFailed
from xtts_finetune.records.candidates.closing import read_model_info


@pytest.fixture
def project(small_disk: Path) -> Project:  # noqa: F811
    """A project whose run lies on a disk of 3 MB, with the base evaluated."""
    return make_project(small_disk)


def test_a_child_that_could_write_nothing_more(project: Project) -> None:
    project.tell(phase1="fills the disk")
    with pytest.raises(WorkFailed, match="phase1 failed: disk full") as caught:
        project.run(wanted=["phase1"])
    assert "Make room, then start it again" in str(caught.value)
    folder = project.run_folder.candidate("phase1")
    info = read_model_info(folder)
    assert info is not None
    assert (info["status"], info["reason"]["name"]) == ("failed", "disk_full")
    assert "disk full" in folder.stopping_reason.read_text(encoding="utf-8")
    assert not (folder.path / ".reserve").exists()
    (project.run_folder.root / "filler").unlink()
    project.tell()
    project.run(wanted=["phase1"])
    info = read_model_info(folder)
    assert info is not None and info["status"] == "done"


def test_a_child_that_said_so(project: Project) -> None:
    project.tell(phase1="disk full")
    said = r"phase1 failed: disk full: OSError: \[Errno 28\] No space left on device\n"
    with pytest.raises(WorkFailed, match=said):
        project.run(wanted=["phase1"])


def test_a_disk_that_is_full_before_the_phase_starts(project: Project) -> None:
    from xtts_finetune.pipeline.phase.phases import train_phase

    project.tell(phase1="fails")
    with pytest.raises(WorkFailed):
        project.run(wanted=["phase1"])
    work, stage = project.work(), project.plan(wanted=["phase1"]).stage("phase1")
    fill(project.folder)
    with pytest.raises(WorkFailed, match=r"phase1 failed: disk full: OSError: \[Errno 28\]") as caught:
        train_phase(work, stage)
    # The records of the try before gave way first: where that was room enough, the new ones say the same.
    reason = project.run_folder.candidate("phase1").stopping_reason
    written = reason.is_file() and "disk full" in reason.read_text(encoding="utf-8")
    assert written or "this could not be written down" in str(caught.value)
