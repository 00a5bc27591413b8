"""`xtts-finetune diagnose` as a user types it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.cli.test_commands import command, imported
from tests.pipeline.project import Project, make_project
from xtts_finetune.records.metrics import EvalRecord, MetricsWriter, StepRecord
from xtts_finetune.records.run_folder import RunFolder

KEYS = {
    "version", "verdict", "since", "level", "unit", "which", "judged", "numbers", "words", "causes",
    "recommendation", "command", "also", "remedies", "optimization_level", "curves",
}  # fmt: skip


def record(project: Project, phase: str, values: list[float]) -> None:
    """A phase's metrics with these evaluations, every 20 steps."""
    run = RunFolder(project.declaration().run_folder)
    with MetricsWriter(run.candidate(phase).metrics) as writer:
        for number, value in enumerate(values):
            for step in range(20 * number - 19, 20 * number + 1) if number else ():
                writer.write(StepRecord(step, step / 20, 1e-6, value, value - 0.2, 1.0, 0.4, 3, 0.1, 0.0))
            writer.write(EvalRecord(20 * number, value, 0.01, 1.0, 0.1, 600, 200, 0.2))


LEVEL = [2.70, 2.71, 2.69, 2.70, 2.71, 2.70, 2.69, 2.70, 2.71, 2.70, 2.69, 2.70]
FALLING = [3.5 - 0.05 * n for n in range(12)]


def test_a_phase_by_name_and_the_newest_without(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    record(project, "phase1", FALLING)
    record(project, "phase2", LEVEL)
    done = command("xtts-finetune", "diagnose", cwd=project.folder, probe=True)
    assert done.returncode == 0, done.stderr
    assert imported(done) == "HEAVY []"
    assert "PLATEAU" in done.stdout
    assert "flat at 2.7 from the start" in done.stdout
    assert "\n  xtts-finetune solve phase2 --race\n" in done.stdout
    assert "\n  or run_pipeline phase2 --optimization-level plateau_breaker\n" in done.stdout
    assert "●" in done.stdout
    assert "⠤" in done.stdout
    assert "\033[" not in done.stdout
    assert max(len(line) for line in done.stdout.splitlines() if "│" in line) <= 120
    first = command("xtts-finetune", "diagnose", "phase1", "-f", str(project.file), cwd=tmp_path)
    assert "FALLING" in first.stdout
    assert f"xtts-finetune diagnose phase1 -f {project.file}" in first.stdout


def test_json_has_stable_keys(tmp_path: Path) -> None:
    project = make_project(tmp_path)
    record(project, "phase1", [*FALLING, float("nan")])
    done = command("xtts-finetune", "diagnose", "--json", cwd=project.folder, probe=True)
    found = json.loads(done.stdout[: done.stdout.rindex("\nHEAVY")])
    assert set(found) == KEYS
    assert (found["verdict"], found["since"], found["unit"]) == ("exploding", 240, "step")
    assert found["command"] == "run_pipeline phase1 --lr 2.5e-07 --gradient-clip 0.3"
    assert found["curves"]["series"]["evaluation"] == {"name": "mel_ce", "values": 13}


def test_anybodys_log(tmp_path: Path) -> None:
    lines = [f"epoch {n} loss: {2.7 - 0.0027 * n:.4f}" for n in range(1, 31)]
    (tmp_path / "ein Log.txt").write_text("\n".join(lines), encoding="utf-8")
    done = command("xtts-finetune", "diagnose", "ein Log.txt", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "PLATEAU" in done.stdout
    assert "xtts-finetune solve PHASE --race" in done.stdout
    assert "PHASE: the phase in your config" in done.stdout
    other = command("xtts-finetune", "diagnose", "ein Log.txt", "--relevant", "0.5", cwd=tmp_path)
    assert "FALLING" in other.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("gone.txt",), "gone.txt: there is no such file; nor can it be a phase"),
        ((), "pipeline.yaml: there is no such file"),
        (("diary.txt",), "nothing in it is a loss; looked for"),
        (("diary.txt", "--relevant", "0"), "--relevant"),
        (("phase9", "-f", "here/pipeline.yaml"), "neither a file nor a phase; the phases are phase1, phase2"),
        (
            ("phase2", "-f", "here/pipeline.yaml"),
            "phase2: nothing was recorded yet; run this first:\n  run_pipeline -f here/pipeline.yaml\n",
        ),
        (("-f", "here/pipeline.yaml"), "nothing was recorded yet"),
    ],
)
def test_wrong_input_is_said_and_exits_2(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    (tmp_path / "diary.txt").write_text("Dear diary\n", encoding="utf-8")
    (tmp_path / "here").mkdir()
    make_project(tmp_path / "here")
    done = command("xtts-finetune", "diagnose", *words, cwd=tmp_path)
    assert done.returncode == 2
    assert said in done.stderr
    assert "Traceback" not in done.stderr
