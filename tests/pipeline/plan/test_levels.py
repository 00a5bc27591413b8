"""Optimization levels from the command line on: what the plan prints, what makes a phase stale, what is unusual."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.pipeline.project import Project
from xtts_finetune.cli.last_phase import last_phase
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.plan.checks.memory import Longest, estimate
from xtts_finetune.pipeline.plan.checks.plan_checks import phase_warnings
from xtts_finetune.pipeline.plan.inputs import declared_inputs
from xtts_finetune.pipeline.plan.plan_table import shown_value, value_lines
from xtts_finetune.spec.phase import PhaseSpec

ROOT = Path(__file__).parents[3]
FULL, DEMO = 441e6, 8.6e6


def phase(**values: object) -> PhaseSpec:
    return PhaseSpec.model_validate({"learning_rate": 1e-6, "steps": 9, **values})


def test_the_values_are_printed_with_who_gave_them(project: Project) -> None:
    overrides = (
        "phase2.optimization_level=plateau_breaker",
        "phase2.batch_size=24",
        "phase2.gradient_clip=0.25",
    )
    lines = value_lines(project.declaration(*overrides), "phase2")
    assert lines[0] == "phase2 with preset plateau_breaker:"
    for line in (
        "learning_rate 1.5e-5 (preset plateau_breaker)",
        "gradient_clip 0.25 (command line)",
        "batch_size 24 (command line)",
        "schedule.minimum_learning_rate 1e-7 (preset plateau_breaker)",
        "adaptive_loss_weights on (preset plateau_breaker)",
    ):
        assert f"  {line}" in lines
    assert value_lines(project.declaration(*overrides), "phase1") == []


def test_a_run_prints_them_before_it_trains(project: Project) -> None:
    printed = project.run("phase1.optimization_level=basic")
    assert "phase1 with preset basic:\n  learning_rate 1e-5 (preset basic)\n" in printed


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (1.5e-5, "1.5e-5"),
        (1e-4, "1e-4"),
        (0.25, "0.25"),
        (100.0, "100"),
        (None, "off"),
        (False, "off"),
        ({"evals": 10}, "evals 10"),
        ([1, 2], "[1, 2]"),
    ],
)
def test_values_are_shown_as_they_are_written(value: object, shown: str) -> None:
    assert shown_value(value) == shown


def test_a_run_from_before_there_were_levels_stays_up_to_date() -> None:
    """Keys that came later are inputs only where they say something."""
    inputs = declared_inputs(phase(schedule={"kind": "cosine", "warmup_steps": 4}))
    assert {key for key in inputs if key.startswith("schedule")} == {
        "schedule.kind",
        "schedule.warmup_steps",
        "schedule.minimum",
    }
    assert not {"kl_weight", "label_smoothing", "huber_tau", "adaptive_loss_weights"} & inputs.keys()
    assert declared_inputs(phase(kl_weight=1.2))["kl_weight"] == 1.2
    restarts = phase(schedule={"kind": "cosine_restarts", "period": {"epochs": 5}})
    assert declared_inputs(restarts)["schedule.period.epochs"] == 5


def test_the_name_of_a_level_is_no_input_and_its_values_are(finished: Project) -> None:
    _level(finished, "same", "learning_rate: 5e-6\n")
    states = finished.states("phase1.optimization_level=same")
    assert (states["phase1"], states["phase2"]) == ("up to date", "up to date")
    _level(finished, "other", "learning_rate: 6e-6\n")
    assert "learning_rate: 5e-06 -> 6e-06" in finished.states("phase1.optimization_level=other")["phase1"]


def _level(project: Project, name: str, text: str) -> Path:
    file = project.folder / "phases" / "levels" / f"{name}.yaml"
    file.parent.mkdir(exist_ok=True)
    file.write_text(text, encoding="utf-8")
    return file


@pytest.mark.parametrize(
    ("values", "weights", "said"),
    [
        ({}, FULL, ""),
        ({"learning_rate": 2e-5}, FULL, ""),
        (
            {"learning_rate": 1e-4},
            FULL,
            "0.0001 is above what is usual for a GPT of 441 M weights, 5e-7 to 2e-5",
        ),
        ({"learning_rate": 1e-8}, FULL, "below what is usual"),
        ({"learning_rate": 1e-4, "train": {"lora": {}}}, FULL, ""),  # adapters take ten times as much
        ({"learning_rate": 2.5e-4}, DEMO, ""),
        ({"learning_rate": 3e-3}, DEMO, "above what is usual for a GPT of 8.6 M weights"),
        ({"mel_loss_weight": 35}, FULL, "35 is above what is usual, 1 to 5"),
        ({"mel_loss_weight": 5}, FULL, ""),
    ],
)
def test_unusual_values_are_named_with_what_is_usual(values: dict[str, object], weights: float, said: str) -> None:
    found = [str(check) for check in phase_warnings("phase1", phase(**values), weights)]
    assert (said in found[0] and "try --set phase1." in found[0]) if said else found == []


def test_a_phase_that_is_held_to_its_start_needs_room_for_a_copy_and_adapters_do_not() -> None:
    def weights(**values: object) -> int:
        config = {"model_args": {}}
        return estimate(1_870_000_000, config, phase(**values), Longest.of(8.0, 100)).weights

    assert weights(kl_weight=1) - weights() == 1_770_000_000
    lora = {"train": {"lora": {}}}
    assert weights(kl_weight=1, **lora) == weights(**lora)


def test_a_phase_cannot_start_from_its_own_files(finished: Project) -> None:
    """They are moved when it begins anew."""
    file = finished.run_folder.candidate("phase1").checkpoint(7)
    file.write_bytes(b"PK")
    with pytest.raises(UserError, match=r"phase1's own files.*\{phase: phase1, checkpoint: last\}"):
        finished.plan(f"phase1.resume_from.checkpoint={file}")
    assert file.is_file()


def test_the_last_phase_is_that_of_the_declaration_which_is_named(project: Project) -> None:
    assert last_phase(["--plan", "-f", str(project.file)]) == "phase2"
    assert last_phase(["--demo"]) == "phase2"
    with pytest.raises(UserError, match="name the phase to train"):
        last_phase(["--file", str(project.folder / "none.yaml")])


@pytest.mark.skipif(sys.platform == "win32", reason="a shell script")
@pytest.mark.parametrize(
    ("arguments", "environment", "code", "said"),
    [
        (
            ["--plan"],
            {},
            0,
            ["phase2 with preset plateau_breaker", "batch_size 24 (command", "epochs 150 (command"],
        ),
        (
            ["phase1", "--plan"],
            {"BATCH_SIZE": "6", "EPOCHS": "8"},
            0,
            ["phase1 with preset", "batch_size 6 ", "epochs 8 "],
        ),
        (["--plan", "--set", "phase2.goal=a 'b'"], {}, 0, ["phase2 with preset", "goal a 'b' (command line)"]),
        (["phase7"], {}, 2, ["unknown phase 'phase7'"]),
        (["--plan", "-f", "none.yaml"], {}, 2, ["none.yaml"]),
    ],
)
def test_the_launcher(
    arguments: list[str], environment: dict[str, str], code: int, said: list[str], finished: Project
) -> None:
    launcher = finished.folder / "with a space" / "breakthrough_training.sh"
    finished.folder.joinpath("with a space").mkdir()
    for name in ("pipeline.yaml", "phases", "eval", "data", "base", "run"):
        launcher.with_name(name).symlink_to(finished.folder / name)
    launcher.write_bytes((ROOT / launcher.name).read_bytes())
    python = launcher.parent / ".venv" / "bin" / "python"
    python.parent.mkdir(parents=True)
    python.symlink_to(sys.executable)
    variables = {**os.environ, **environment, "PYTHONPATH": os.pathsep.join([str(ROOT), *sys.path])}
    ended = subprocess.run(["sh", str(launcher), *arguments], capture_output=True, text=True, env=variables)
    printed = ended.stdout + ended.stderr
    assert ended.returncode == code, printed
    assert all(words in printed for words in said), printed
