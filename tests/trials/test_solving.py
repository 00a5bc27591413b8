"""`xtts-finetune solve` as a user runs it: real children, a remedy that truly helps."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.pipeline.project import Project
from tests.training.conftest import run_of
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.trials import read_race

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {**os.environ, "PYTHONPATH": str(ROOT)}


def command(project: Path, *options: str) -> list[str]:
    verb = [sys.executable, "-m", "xtts_finetune.cli.main", "solve", "phase1"]
    return [*verb, *options, "-f", str(project / "pipeline.yaml")]


def solve(project: Path, *options: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        command(project, *options),
        check=False, capture_output=True, text=True, encoding="utf-8", timeout=600, env=ENVIRONMENT,
    )  # fmt: skip


def test_from_a_plateau_the_remedy_that_helps_wins(trained: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(trained, tmp_path / "a project with späces"))
    folder = run_of(project).race("phase1")
    written = solve(project, "--steps", "8", "--set", "phase1.learning_rate=1e-9", "--from", "best")
    assert written.returncode == 0, written.stderr
    assert "change    learning_rate 0.001 -> 0.002" in written.stdout
    # All but one are taken out, as a user may; the phase is made to stand still, and one remedy moves it.
    for file in folder.path.glob("*.yaml"):
        if file.stem not in ("control", "lr-x2"):
            file.unlink()
    control = folder.remedy("control")
    still = control.read_text(encoding="utf-8").replace("learning_rate: 0.001", "learning_rate: 1.0e-9")
    control.write_text(still, encoding="utf-8")

    # Killed in the middle of the second trial, the same command goes on.
    trial = folder.trial("lr-x2") / "lr-x2" / "metrics.jsonl"
    killed = subprocess.Popen(command(project, "--race"), env=ENVIRONMENT, stdout=subprocess.DEVNULL)
    while not trial.is_file():
        assert killed.poll() is None
        time.sleep(0.01)
    killed.kill()
    killed.wait()
    done = (folder.trial("control") / "control" / "model_info.json").read_bytes()

    raced = solve(project, "--race")
    assert raced.returncode == 0, raced.stderr
    found = read_race(folder.record)
    assert found is not None
    assert (found.verdict, found.winner) == ("solved", "lr-x2")
    model = folder.path / found.standing("lr-x2").model
    assert (model.parent / "config.json").is_file(), "a model folder for stock tools"
    assert (folder.trial("control") / "control" / "model_info.json").read_bytes() == done
    assert [record.step for record in read_metrics(trial).steps] == list(range(1, 9))
    text = folder.selection.read_text(encoding="utf-8")
    assert f"checkpoint: ../run/t/remedies/phase1/{found.standing('lr-x2').model}" in text
    info = json.loads((model.parent / "model_info.json").read_text(encoding="utf-8"))
    assert info["status"] == "done"

    again = solve(project, "--race")
    assert again.returncode == 0
    assert "step 0 of" not in again.stdout, "nothing is trained twice"
    assert read_race(folder.record) == found


@pytest.mark.skipif(sys.platform == "win32", reason="the launcher for Windows is the .bat")
@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "phase2 has no model to start from yet"),
        (["phase1", "--steps", "8"], "phase1 has no model to start from yet"),
        (["--demo"], "phase2 has no model to start from yet"),
        (["phase1", "-f", "none.yaml"], "none.yaml"),
    ],
)
def test_the_launcher_races_the_last_phase_or_the_one_named(arguments: list[str], said: str, declared: Project) -> None:
    folder = declared.folder / "with a space"
    folder.mkdir()
    for name in ("pipeline.yaml", "phases", "eval", "data", "base"):
        (folder / name).symlink_to(declared.folder / name)
    launcher = Path(shutil.copy(ROOT / "run_plateau_solutions.sh", folder))
    python = folder / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    variables = {**os.environ, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    ended = subprocess.run(
        ["sh", str(launcher), *arguments], check=False, capture_output=True, text=True, env=variables
    )
    assert ended.returncode == 2, ended.stdout + ended.stderr
    assert said in ended.stderr
