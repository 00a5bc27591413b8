"""Optimization levels: what those that ship say, and which of several values counts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from tests.spec.wrong_declarations import RIGHT, write_files
from xtts_finetune.errors import DeclarationError
from xtts_finetune.spec.declaration import Declaration, load_declaration
from xtts_finetune.spec.levels import shipped_levels
from xtts_finetune.spec.phase import PhaseSpec

# What each level is to come to, written down once more.
TABLE: dict[str, dict[str, Any]] = {
    "basic": {
        "learning_rate": 1e-5,
        "mel_loss_weight": 1.0,
        "kl_weight": 0.0,
        "gradient_clip": 0.5,
        "schedule.kind": "noam",
        "adaptive_loss_weights": False,
        "label_smoothing": 0.0,
        "huber_tau": None,
    },
    "enhanced": {
        "learning_rate": 1e-4,
        "mel_loss_weight": 2.5,
        "kl_weight": 1.8,
        "gradient_clip": 0.5,
        "schedule.kind": "cosine_restarts",
        "adaptive_loss_weights": False,
        "label_smoothing": 0.0,
        "huber_tau": None,
    },
    "plateau_breaker": {
        "learning_rate": 1.5e-5,
        "mel_loss_weight": 2.0,
        "kl_weight": 1.2,
        "gradient_clip": 0.3,
        "schedule.kind": "cosine_restarts",
        "schedule.period.epochs": 100,
        "schedule.period_multiplier": 1.0,
        "schedule.minimum_learning_rate": 1e-7,
        "adaptive_loss_weights": True,
        "label_smoothing": 0.1,
        "huber_tau": 100,
    },
    "stable": {
        "learning_rate": 1e-4,
        "batch_size": 12,
        "epochs": 30,
        "schedule.kind": "reduce_on_plateau",
        "schedule.factor": 0.5,
        "schedule.patience": 5,
        "kl_weight": 0.0,
        "adaptive_loss_weights": False,
        "label_smoothing": 0.0,
        "huber_tau": None,
    },
}
PHASE = "phases/phase2.yaml"


def loaded(folder: Path, phase2: str, *overrides: str, **levels: str) -> Declaration:
    """The right declaration with another phase 2, and levels of the project's own."""
    own = {f"phases/levels/{name}.yaml": text.encode() for name, text in levels.items()}
    return load_declaration(write_files({**RIGHT, PHASE: phase2.encode(), **own}, folder), overrides)


def value(phase: PhaseSpec, key: str) -> Any:
    found: Any = phase
    for name in key.split("."):
        found = getattr(found, name)
    return found


def test_those_of_the_table_ship_and_no_others() -> None:
    assert sorted(shipped_levels()) == sorted(TABLE)


@pytest.mark.parametrize("level", TABLE)
def test_a_level_resolves_to_the_values_of_the_table(level: str, tmp_path: Path) -> None:
    length = "" if "epochs" in TABLE[level] else "epochs: 150\n"
    declaration = loaded(tmp_path, f"optimization_level: {level}\n{length}")
    phase = declaration.phases["phase2"]
    assert {key: value(phase, key) for key in TABLE[level]} == TABLE[level]
    assert {one.origin for one in declaration.resolved["phase2"]} == {f"preset {level}"}
    assert TABLE[level].keys() <= {one.key for one in declaration.resolved["phase2"]}
    if level == "stable":
        (rule,) = phase.stop_when
        assert (rule.rule, getattr(rule, "evals", None)) == ("no_improvement", 10)


def test_without_a_level_nothing_is_resolved(tmp_path: Path) -> None:
    assert load_declaration(write_files(RIGHT, tmp_path)).resolved == {}


def test_the_phases_own_values_count_more_than_its_level(tmp_path: Path) -> None:
    declaration = loaded(tmp_path, "optimization_level: stable\nlearning_rate: 2e-6\nsteps: 500\n")
    phase = declaration.phases["phase2"]
    assert (phase.learning_rate, phase.batch_size, phase.steps, phase.epochs) == (2e-6, 12, 500, None)
    origins = {one.key: one.origin for one in declaration.resolved["phase2"]}
    assert (origins["learning_rate"], origins["batch_size"]) == ("phases/phase2.yaml:2", "preset stable")
    assert "epochs" not in origins  # its steps took their place


def test_a_level_of_the_command_line_comes_over_the_file_and_other_values_of_it_over_the_level(
    tmp_path: Path,
) -> None:
    declared = "learning_rate: 1e-6\nbatch_size: 3\nsteps: 900\nmask_prompt: true\n"
    switched = "phase2.optimization_level=stable", "phase2.learning_rate=2e-5"
    declaration = loaded(tmp_path, declared, *reversed(switched))
    phase = declaration.phases["phase2"]
    assert (phase.learning_rate, phase.batch_size, phase.epochs, phase.steps) == (2e-5, 12, 30, None)
    assert phase.mask_prompt
    assert phase.optimization_level == "stable"
    origins = {one.key: one.origin for one in declaration.resolved["phase2"]}
    assert (origins["learning_rate"], origins["batch_size"]) == ("command line", "preset stable")
    assert declaration.phases["phase1"].optimization_level is None


def test_the_levels_of_file_and_command_line_lie_over_each_other(tmp_path: Path) -> None:
    declaration = loaded(
        tmp_path,
        "optimization_level: basic\nmel_loss_weight: 3\nsteps: 9\n",
        "phase2.optimization_level=own",
        own="learning_rate: 3e-6\n",
    )
    phase = declaration.phases["phase2"]
    assert (phase.learning_rate, phase.mel_loss_weight, phase.schedule.kind) == (3e-6, 3, "noam")
    origins = {one.key: one.origin for one in declaration.resolved["phase2"]}
    assert origins["learning_rate"] == "preset own"
    assert origins["schedule.kind"] == "preset basic"


def test_a_level_can_be_switched_off(tmp_path: Path) -> None:
    declared = "optimization_level: stable\nlearning_rate: 1e-6\nsteps: 9\n"
    declaration = loaded(tmp_path, declared, "phase2.optimization_level=null")
    assert declaration.phases["phase2"].batch_size == 3
    assert declaration.resolved == {}


@pytest.mark.parametrize(
    ("schedule", "expected"),
    [
        ("{warmup_steps: 7}", ("cosine_restarts", 7, 1e-7)),  # the rest is the level's
        ("{kind: cosine_restarts, warmup_steps: 7}", ("cosine_restarts", 7, 1e-7)),
        ("{kind: linear}", ("linear", 0, None)),  # another kind takes nothing from it
        ("{period: {steps: 5}, minimum_learning_rate: null}", ("cosine_restarts", 100, None)),
    ],
)
def test_a_schedule_of_another_kind_counts_as_a_whole(
    schedule: str, expected: tuple[object, ...], tmp_path: Path
) -> None:
    text = f"optimization_level: plateau_breaker\nsteps: 9\nschedule: {schedule}\n"
    found = loaded(tmp_path, text).phases["phase2"].schedule
    assert (found.kind, found.warmup_steps, found.minimum_learning_rate) == expected


@pytest.mark.parametrize(
    ("rules", "expected"),
    [
        ("[{rule: overfitting}]", [("no_improvement", 10), ("overfitting", 3)]),
        (
            "[{rule: overfitting}, {rule: no_improvement, evals: 4}]",
            [("overfitting", 3), ("no_improvement", 4)],
        ),
        ("[]", []),
    ],
)
def test_rules_lie_over_each_other_by_name(rules: str, expected: list[object], tmp_path: Path) -> None:
    phase = loaded(tmp_path, f"optimization_level: stable\nstop_when: {rules}\n").phases["phase2"]
    assert [(rule.rule, getattr(rule, "evals", None)) for rule in phase.stop_when] == expected


def test_a_batch_of_a_level_takes_the_place_of_the_files_max_tokens(tmp_path: Path) -> None:
    declared = "learning_rate: 1e-6\nmax_tokens: 2000\nsteps: 9\n"
    phase = loaded(tmp_path, declared, "phase2.optimization_level=stable").phases["phase2"]
    assert (phase.batch_size, phase.max_tokens) == (12, None)


def test_the_projects_own_level_wins_over_the_shipped_one(tmp_path: Path) -> None:
    declared = "optimization_level: basic\nsteps: 9\n"
    assert loaded(tmp_path, declared, basic="learning_rate: 7e-6\n").phases["phase2"].learning_rate == 7e-6


@pytest.mark.parametrize(
    ("phase2", "level", "expected"),
    [
        ("optimization_level: mine\nsteps: 9\n", "learning_rate: fast\n",
         "phases/levels/mine.yaml:1: learning_rate: expected a positive number but got 'fast'"),
        ("optimization_level: mine\nsteps: 9\n", "learning_rat: 1e-5\nlearning_rate: 1e-5\n",
         "phases/levels/mine.yaml:1: unknown key 'learning_rat'; did you mean 'learning_rate'?"),
        ("optimization_level: mine\nsteps: 9\n", "learning_rate: 1e-5\nresume_from: {phase: phase1}\n",
         "phases/levels/mine.yaml:2: resume_from: belongs in a phase's file, not in a preset's"),
        ("optimization_level: mine\nsteps: 9\n", "a: [1\n", "phases/levels/mine.yaml:"),
        ("optimization_level: main\nlearning_rate: 1e-6\nsteps: 9\n", "learning_rate: 1e-5\n",
         "phases/phase2.yaml:1: optimization_level: there is no preset 'main'; did you mean 'mine'?"),
        ("optimization_level: x\n", "learning_rate: 1e-5\n",
         "there is no preset 'x'; presets: 'basic', 'enhanced', 'mine', "),
        ("optimization_level: basic\nlearning_rate: 1e-6\n", "", "phase2.yaml:1: how long to train is missing"),
        ("learning_rate: 1e-6\nsteps: 9\nschedule: {kind: noam}\n", "", "'noam' needs to know in how many steps"),
        ("learning_rate: 1e-6\nsteps: 9\nschedule: {kind: multi_step}\n", "", "'multi_step' needs to know when"),
        ("learning_rate: 1e-6\nsteps: 9\nschedule: {period: {steps: 5}}\n", "",
         "schedule: 'period' belongs to cosine_restarts, not to 'constant'"),
        ("learning_rate: 1e-6\nsteps: 9\nschedule: {kind: multi_step, milestones: {steps: [5, 3]}}\n", "",
         "'steps' must rise from one milestone to the next"),
        ("learning_rate: 1e-6\nsteps: 9\nschedule: {kind: cosine_restarts, period: {steps: 5, epochs: 2}}\n", "",
         "schedule.period: give 'steps' or 'epochs', one of them"),
        ("learning_rate: 1e-6\nsteps: 9\nschedule: {kind: cosine, minimum_learning_rate: 1e-5}\n", "",
         "schedule.minimum_learning_rate 1e-05 is above the learning_rate 1e-06"),
        ("learning_rate: 1e-6\nsteps: 9\nhuber_tau: 1\n", "", "huber_tau: expected a number above 1 but got 1"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_said_with_its_place(phase2: str, level: str, expected: str, tmp_path: Path) -> None:
    with pytest.raises(DeclarationError) as caught:
        loaded(tmp_path, phase2, mine=level or "learning_rate: 1e-6\n")
    assert expected in str(caught.value), str(caught.value)
    assert len(caught.value.problems) == 1, str(caught.value)
