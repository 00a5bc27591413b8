"""`xtts-finetune solve` as a user runs it: real children, a remedy that truly helps."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

from tests.training.conftest import run_of
from xtts_finetune.plateau.setup import RaceFolder
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.race import read_race

ENVIRONMENT = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2])}


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
    folder = RaceFolder(run_of(project).remedies / "phase1")
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
    found = read_race(folder.race)
    assert found is not None
    assert (found.verdict, found.winner) == ("solved", "lr-x2")
    model = folder.path / found.standing("lr-x2").model
    assert (model.parent / "config.json").is_file(), "a model folder for stock tools"
    assert (folder.trial("control") / "control" / "model_info.json").read_bytes() == done
    assert [record.step for record in read_metrics(trial).steps] == list(range(1, 9))
    text = folder.selection.read_text(encoding="utf-8")
    assert (
        f"checkpoint: {Path('..') / 'run' / 't' / 'remedies' / 'phase1' / found.standing('lr-x2').model}"
        in text
    )
    info = json.loads((model.parent / "model_info.json").read_text(encoding="utf-8"))
    assert info["status"] == "done"

    again = solve(project, "--race")
    assert again.returncode == 0
    assert "step 0 of" not in again.stdout, "nothing is trained twice"
    assert read_race(folder.race) == found
