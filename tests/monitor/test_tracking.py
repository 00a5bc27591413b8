"""A run on a tracking server: one run, one below it for each candidate, every number once, and never in the way."""

from __future__ import annotations

import importlib.util
import os
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.child import start
from tests.pipeline.project import Project, make_project
from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.machine.packages import install_extra
from xtts_finetune.monitor.tracking import following, server
from xtts_finetune.monitor.tracking.following import tracked
from xtts_finetune.monitor.tracking.server import CANDIDATE_TAG, PARENT_TAG, Server, Where, where
from xtts_finetune.monitor.tracking.tracked_run import TrackedRun
from xtts_finetune.pipeline.run import run_plan
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.metrics import EvalRecord, MetricsWriter, StepRecord, keep_metrics_until
from xtts_finetune.records.run_folder import RunFolder

mlflow = pytest.importorskip("mlflow", reason="mlflow is not installed: the extra 'mlflow'")


class Shown:
    """What a file store holds, read with MLflow's own client."""

    def __init__(self, folder: Path) -> None:
        Server(where(str(folder), "xtts-finetune", folder))
        self.client = mlflow.MlflowClient(tracking_uri=folder.as_uri())
        experiment = self.client.get_experiment_by_name("xtts-finetune")
        self.runs = {run.info.run_name: run for run in self.client.search_runs([experiment.experiment_id])}

    def steps(self, run: str, metric: str) -> list[int]:
        return [one.step for one in self.client.get_metric_history(self.runs[run].info.run_id, metric)]

    def files(self, run: str) -> set[str]:
        return {file.path for file in self.client.list_artifacts(self.runs[run].info.run_id)}


def run(project: Project, store: str, *overrides: str) -> str:
    """Run with fake children and the store declared; what was printed."""
    work = project.work(f"tracking={{mlflow: '{store}'}}", *overrides)
    with tracked(work.declaration, work.run, work.say):
        run_plan(work)
    return str(work.console.file.getvalue())  # type: ignore[attr-defined]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """A project that was run once, and logged in 'ml runs'; the tests go on with it in the order they stand."""
    project = make_project(tmp_path_factory.mktemp("tracking") / "vállalkozás 1")
    assert "warning" not in run(project, "ml runs")
    return project


def test_a_run_is_one_run_with_a_child_for_each_candidate(project: Project) -> None:
    shown = Shown(project.folder / "ml runs")
    assert set(shown.runs) == {"trial", "base", "phase1", "phase2"}
    parent, phase = shown.runs["trial"], shown.runs["phase1"]
    assert {shown.runs[name].data.tags[PARENT_TAG] for name in ("base", "phase1", "phase2")} == {parent.info.run_id}
    assert PARENT_TAG not in parent.data.tags
    assert parent.info.status == phase.info.status == "FINISHED"
    assert parent.data.params["language"] == "en"
    assert phase.data.params["goal"] == "Learn the voice"
    assert shown.steps("phase1", "eval/mel_ce") == [0, 1000]
    assert phase.data.metrics["best/mel_ce"] == phase.data.metrics["eval/mel_ce"] == 3.0
    assert phase.data.tags["stopping_reason"] == "all 1000 steps are done"
    assert parent.data.tags["ship"] in ("phase1", "phase2")
    assert {"REPORT.html", "decision.json"} <= shown.files("trial")
    assert {"STOPPING_REASON.txt", "model_info.json", "phase.yaml"} <= shown.files("phase1")


def test_again_logs_only_what_is_new(project: Project) -> None:
    before = Shown(project.folder / "ml runs")
    run(project, "ml runs")
    again = Shown(project.folder / "ml runs")
    ids = [{name: one.info.run_id for name, one in shown.runs.items()} for shown in (before, again)]
    assert ids[0] == ids[1]
    assert again.steps("phase1", "eval/mel_ce") == [0, 1000]
    ended = [shown.runs["phase1"].info.end_time for shown in (before, again)]
    assert ended[0] == ended[1]


def test_a_phase_trained_anew_is_another_run(project: Project) -> None:
    before = Shown(project.folder / "ml runs").runs["phase2"]
    time.sleep(1.1)  # what was begun in another second was begun anew
    project.tell(phase2="fails")
    with pytest.raises(WorkFailed):
        run(project, "ml runs", "phase2.learning_rate=2e-6")
    project.tell()
    run(project, "ml runs", "phase2.learning_rate=2e-6")
    shown = Shown(project.folder / "ml runs")
    experiment = [before.info.experiment_id]
    attempts = [one for one in shown.client.search_runs(experiment) if one.info.run_name == "phase2"]
    assert before.info.run_id in {one.info.run_id for one in attempts}
    newest = shown.runs["phase2"] if shown.runs["phase2"].info.run_id != before.info.run_id else attempts[0]
    assert newest.data.params["learning_rate"] == "2e-06"
    assert newest.info.status == "FINISHED"


def test_a_refused_command_logs_nothing(project: Project) -> None:
    work = project.work("tracking={mlflow: refused}", "phase1.learning_rate=2e-6")
    with pytest.raises(UserError), tracked(work.declaration, work.run, work.say):
        run_plan(work, ["phase2"])
    assert not (project.folder / "refused").exists()


def test_a_server_that_is_away_is_one_warning(project: Project) -> None:
    printed = run(project, "http://127.0.0.1:9")
    assert printed.count("warning: mlflow at http://127.0.0.1:9: it cannot be reached; the run continues") == 1
    assert project.run_folder.report.is_file()
    run(project, "back again")  # when one is there, it gets all of it
    assert Shown(project.folder / "back again").steps("phase2", "eval/mel_ce") == [0, 1000]


def test_without_mlflow_it_says_how_to_install_it(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    found = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "mlflow" else found(name))
    printed = run(project, "nothing")
    said = f"mlflow is not installed; nothing is logged: {install_extra('mlflow', 'none')}"
    assert printed.count(said) == 1
    assert shlex.split(said)[-1].startswith("mlflow-skinny>=")
    assert project.run_folder.report.is_file()


def test_two_commands_do_not_log_one_run(project: Project, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of two that look at one folder, the second leaves it to the first."""
    monkeypatch.setattr(following, "POLL_SECONDS", 0.05)
    work = project.work("tracking={mlflow: shared}")
    with tracked(work.declaration, work.run, work.say):
        while not (project.folder / "shared").exists():
            time.sleep(0.05)
        other = project.work("tracking={mlflow: elsewhere}")
        with tracked(other.declaration, other.run, other.say):
            pass
    assert not (project.folder / "elsewhere").exists()


# What a long phase records.
STEPS, EVERY = 1500, 50


def write_steps(folder: Path, first: int, last: int) -> None:
    with MetricsWriter(folder / "metrics.jsonl") as metrics:
        for step in range(first, last + 1):
            metrics.write(StepRecord(step, step / 100, 1e-6, 2.0, 1.9, 3.0, float("nan"), 3, 0.3, 0.0))
            if step % EVERY == 0:
                metrics.write(EvalRecord(step, 3.0, 0.03, 3.0, 1.0, 1000, 100, 0.1))


def phase_folder(root: Path) -> Path:
    folder = root / "phase1"
    folder.mkdir(parents=True)
    write_json_atomic(folder / "phase.yaml", {"started": "2026-11-20T20:00:00+01:00", "declaration": {"seed": 1}})
    return folder


def bring_up(store: Path, root: Path) -> None:
    TrackedRun(Server(where(str(store), "xtts-finetune", store)), RunFolder(root), ("phase1",), {}).bring_up()


def test_steps_that_are_trained_again_are_there_once(tmp_path: Path) -> None:
    """A phase that was killed goes on from its checkpoint: steps after it are trained, and recorded, again."""
    folder = phase_folder(tmp_path / "run")
    write_steps(folder, 1, 130)
    bring_up(tmp_path / "store", tmp_path / "run")
    keep_metrics_until(folder / "metrics.jsonl", 100)
    write_steps(folder, 101, 160)
    bring_up(tmp_path / "store", tmp_path / "run")
    shown = Shown(tmp_path / "store")
    assert shown.steps("phase1", "train/loss") == list(range(1, 161))
    assert shown.steps("phase1", "train/grad_norm") == list(range(1, 161))  # NaN is a value, too
    assert shown.steps("phase1", "eval/text_ce") == [50, 100, 150]


def test_a_metric_that_a_kill_left_empty_is_logged_anew(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow makes a metric's file before it writes to it, and reads no run that has an empty one."""
    monkeypatch.setattr(server, "MOMENT_SECONDS", 0.0)
    folder = phase_folder(tmp_path / "run")
    write_steps(folder, 1, 60)
    bring_up(tmp_path / "store", tmp_path / "run")
    for metric in ("train/loss", "eval/mel_ce"):
        (file,) = (tmp_path / "store").glob(f"*/*/metrics/{metric}")
        file.write_bytes(b"")
    bring_up(tmp_path / "store", tmp_path / "run")
    shown = Shown(tmp_path / "store")
    assert shown.steps("phase1", "train/loss") == list(range(1, 61))
    assert shown.steps("phase1", "eval/mel_ce") == [50]


def bring_up_as_a_process(store: str, run: str) -> None:
    bring_up(Path(store), Path(run))


@pytest.mark.skipif(sys.platform == "win32", reason="sends POSIX signals")
def test_killed_while_it_logs_it_goes_on_without_a_point_twice_or_missing(tmp_path: Path) -> None:
    folder = phase_folder(tmp_path / "run")
    write_steps(folder, 1, STEPS)
    process = start(bring_up_as_a_process, tmp_path / "store", tmp_path / "run", stdout=subprocess.PIPE)
    written = list[Any]()
    ends = time.monotonic() + 60
    while not written and process.poll() is None and time.monotonic() < ends:
        written = list((tmp_path / "store").glob("*/*/metrics/train/loss"))
        time.sleep(0.002)
    os.kill(process.pid, signal.SIGKILL)
    process.communicate()
    bring_up(tmp_path / "store", tmp_path / "run")
    shown = Shown(tmp_path / "store")
    assert set(shown.runs) == {"run", "phase1"}
    assert len(shown.client.search_runs([shown.runs["run"].info.experiment_id])) == 2
    for metric in ("train/loss", "train/seconds"):
        assert shown.steps("phase1", metric) == list(range(1, STEPS + 1))
    assert CANDIDATE_TAG in shown.runs["phase1"].data.tags


@pytest.mark.parametrize(
    ("declared", "uri", "artifacts"),
    [
        ("http://ml.example:5000", "http://ml.example:5000", None),
        ("databricks://profile", "databricks://profile", None),
    ],
)
def test_servers_are_taken_as_they_are(tmp_path: Path, declared: str, uri: str, artifacts: str | None) -> None:
    assert where(declared, "x", tmp_path) == Where(uri, "x", artifacts)


def test_files_are_relative_to_the_declaration(tmp_path: Path) -> None:
    assert where("my runs", "x", tmp_path).uri == (tmp_path / "my runs").as_uri()
    database = where("sqlite:///ml.db", "x", tmp_path)
    assert database.uri == f"sqlite:///{(tmp_path / 'ml.db').as_posix()}"
    assert database.artifacts == (tmp_path / "ml-files").as_uri()
