"""Files that a phase is to start from are looked into before anything of a finished run is moved."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
import torch

from tests.cli.test_commands import command
from tests.pipeline.project import Project, make_project, weights_file
from tests.xtts.foreign_files import READ, REFUSED, ForeignFile
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.plan.checks.check import Check, Verdict
from xtts_finetune.pipeline.plan.checks.model_files import weights_checks
from xtts_finetune.pipeline.plan.checks.preflight import all_checks, quick_checks
from xtts_finetune.pipeline.plan.made_state import left_out_checks
from xtts_finetune.xtts.base import BaseFiles

BROKEN = [file for file in REFUSED if file.what not in ("nothing", "a folder")]
BY_NAME = {file.what: file for file in REFUSED}
LISTED = "read: phase2\ncandidates:\n  - phase1\n  - phase2\n  - {{name: mine, checkpoint: {file}}}\n"


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory, tiny_base: BaseFiles) -> Project:
    """A project on a real base, run through with children that only pretend."""
    project = make_project(tmp_path_factory.mktemp("done"))
    shutil.rmtree(project.folder / "base")
    shutil.copytree(tiny_base.folder, project.folder / "base")
    project.run()
    return project


@pytest.fixture(scope="module")
def weights(tiny_base: BaseFiles) -> dict[str, torch.Tensor]:
    found: dict[str, torch.Tensor] = torch.load(tiny_base.model, weights_only=True)["model"]
    return found


def start_from(file: ForeignFile, folder: Path, project: Project, weights: dict[str, torch.Tensor]) -> list[str]:
    """Settings that let phase 2 start from the file."""
    shutil.copyfile(project.folder / "base" / "vocab.json", folder / "of_base.json")
    path = file.make(folder, dict(weights))
    return ["phase2.resume_from.phase=null", f"phase2.resume_from.checkpoint={path}"]


def as_it_is(folder: Path) -> dict[str, tuple[int, int]]:
    """Every file with its size and its time of change."""
    found = {str(path.relative_to(folder)): path.stat() for path in sorted(folder.rglob("*"))}
    return {name: (state.st_size, state.st_mtime_ns) for name, state in found.items() if "lock" not in name}


def errors(checks: list[Check]) -> list[str]:
    return [str(check) for check in checks if check.verdict is Verdict.ERROR]


@pytest.mark.parametrize("file", BROKEN, ids=lambda file: file.what)
def test_the_checks_and_the_run_give_one_reason_and_nothing_is_moved(
    file: ForeignFile, done: Project, weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    settings = start_from(file, tmp_path, done, weights)
    before = as_it_is(done.folder / "run")
    (line,) = errors(quick_checks(done.declaration(*settings), "cpu", done.plan(*settings)))
    assert file.refused is not None
    assert line.startswith("phase2: resume_from: ") and re.search(file.refused, line)
    with pytest.raises(UserError) as error:
        done.run(*settings)
    assert str(error.value).splitlines()[0] == line
    assert done.started == []
    assert as_it_is(done.folder / "run") == before


@pytest.mark.parametrize(
    ("what", "reason"),
    [
        ("a zip file cut at 0.5", "this file is not whole: it ends after"),
        ("nothing", "there is no file"),
    ],
)
def test_doctor_plan_and_run_say_the_same(
    what: str, reason: str, done: Project, weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    settings = start_from(BY_NAME[what], tmp_path, done, weights)
    before = as_it_is(done.folder / "run")
    words = [word for setting in settings for word in ("--set", setting)]
    commands = (("xtts-finetune", "doctor", "--device", "cpu"), ("run_pipeline", "--plan"), ("run_pipeline",))
    for program in commands:
        ended = command(*program, *words, "-f", str(done.file), cwd=tmp_path)
        assert ended.returncode == 2, ended.stdout
        said = " ".join((ended.stdout + ended.stderr).split())
        assert reason in said, said
        assert "Traceback" not in said
        assert settings[1].partition("=")[2] in said
    assert as_it_is(done.folder / "run") == before


@pytest.mark.parametrize("what", ["safetensors", "the GPT alone", "torch's older format"])
def test_what_can_be_read_is_no_error(
    what: str, done: Project, weights: dict[str, torch.Tensor], tmp_path: Path
) -> None:
    file = next(file for file in READ if file.what == what)
    settings = start_from(file, tmp_path, done, weights)
    checks = quick_checks(done.declaration(*settings), "cpu", done.plan(*settings))
    assert errors(checks) == []
    assert any(check.name == "phase2 start" and "fits the base" in check.found for check in checks)


def test_a_candidates_broken_file_is_a_warning(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "mine.pth"
    content = bytearray(weights_file())
    content[-2000] ^= 1  # among the weights
    file.write_bytes(content)
    matrix = project.folder / "eval" / "decision_matrix.yaml"
    text = matrix.read_text(encoding="utf-8")
    matrix.write_text(text.replace("read: phase2\n", LISTED.format(file=file)), encoding="utf-8")
    (check,) = [
        check for check in left_out_checks(project.declaration(), project.plan()) if check.verdict is not Verdict.OK
    ]
    assert check.verdict is Verdict.WARNING
    assert str(check).startswith(
        f"candidate mine: left out: {file}: this file is damaged (its part archive/data/0 has another CRC"
    )


def test_a_phase_that_resumes_does_not_read_its_start_again(finished: Project, tmp_path: Path) -> None:
    start = tmp_path / "start.pth"
    start.write_bytes(weights_file("start"))
    settings = ["phase2.resume_from.phase=null", f"phase2.resume_from.checkpoint={start}"]
    finished.run(*settings)
    finished.run_folder.candidate("phase2").model_info.unlink()
    plan = finished.plan(*settings)
    assert plan.stage("phase2").resumes_at is not None
    checks = weights_checks(finished.declaration(*settings), plan, finished.run_folder)
    assert not any("start.pth" in check.found for check in checks)


def test_an_earlier_phases_checkpoint_of_another_size_is_an_error(finished: Project) -> None:
    folder = finished.run_folder.candidate("phase1")
    step, path = folder.checkpoints()[-1]
    path.write_bytes(path.read_bytes() + b"more")
    settings = ["phase2.resume_from.checkpoint=last", "phase2.learning_rate=3e-6"]
    plan = finished.plan(*settings, wanted=["phase2"])
    (line,) = errors(weights_checks(finished.declaration(*settings), plan, finished.run_folder))
    assert line.startswith(f"phase2: resume_from: {path}: damaged: 6 bytes, but 2 were written; put it back")
    assert step


def test_a_base_that_nothing_due_loads_is_not_read_through(finished: Project) -> None:
    model = finished.folder / "base" / "model.pth"
    content = bytearray(model.read_bytes())
    content[-2000] ^= 1
    model.write_bytes(content)
    quick = quick_checks(finished.declaration(), "cpu", finished.plan())
    assert errors(quick) == []
    changed = finished.declaration("phase2.learning_rate=3e-6")
    (line,) = errors(quick_checks(changed, "cpu", finished.plan("phase2.learning_rate=3e-6")))
    assert "model.pth: this file is damaged" in line
    assert line in errors(all_checks(changed, "cpu"))
