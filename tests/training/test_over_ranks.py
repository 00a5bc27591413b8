"""One phase on several processes: the same training as on one."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.conftest import run_of, train
from xtts_finetune.records.metrics import EvalRecord, read_metrics

ROOT = Path(__file__).parents[2]
ACCUMULATED = "\naccumulate: 3\nadaptive_loss_weights: true\nlabel_smoothing: 0.1\nkl_weight: 0.1\n"
SHARDED = "\noptimizer_state: sharded\nmask_prompt: true\n"


def on_ranks(count: int, *projects: str) -> str:
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={count}"]
    command += ["-m", "tests.training.rank_worker", *projects]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=ROOT, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def changed(prepared: Path, folder: Path, lines: str) -> Path:
    project = Path(shutil.copytree(prepared, folder))
    with (project / "phases" / "phase1.yaml").open("a", encoding="utf-8") as file:
        file.write(lines)
    return project


def evals(project: Path) -> list[EvalRecord]:
    return list(read_metrics(run_of(project).candidate("phase1").metrics).evals)


def checkpoint(project: Path, step: int) -> dict[str, Any]:
    file = run_of(project).candidate("phase1").checkpoint(step)
    return dict(torch.load(file, map_location="cpu", weights_only=True))


def assert_same(alone: Path, together: Path) -> None:
    ours, others = evals(alone), evals(together)
    assert [record.step for record in others] == [record.step for record in ours] == [0, 2, 4, 6]
    for one, other in zip(ours, others, strict=True):
        assert other.mel_ce == pytest.approx(one.mel_ce, abs=1e-5)
        assert other.text_ce == pytest.approx(one.text_ce, abs=1e-5)
        assert (other.mel_tokens, other.text_tokens) == (one.mel_tokens, one.text_tokens)
    first = read_metrics(run_of(alone).candidate("phase1").metrics).steps
    second = read_metrics(run_of(together).candidate("phase1").metrics).steps
    for mine, its in zip(first, second, strict=True):
        assert (its.step, its.clips, its.learning_rate) == (mine.step, mine.clips, mine.learning_rate)
        assert its.mel_ce == pytest.approx(mine.mel_ce, abs=1e-5)
        assert its.loss == pytest.approx(mine.loss, abs=1e-5)
        assert its.grad_norm == pytest.approx(mine.grad_norm, rel=1e-4)
    before, after = checkpoint(alone, 6), checkpoint(together, 6)
    assert relative_difference(before["model"], after["model"]) <= 1e-5
    moments, its_moments = before["optimizer"][0]["state"], after["optimizer"][0]["state"]
    assert moments.keys() == its_moments.keys()


def relative_difference(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> float:
    """|other - one| / |one| over all weights: Adam makes noise of those whose gradient is 0, as a key's bias has."""
    floats = [name for name, weight in one.items() if weight.is_floating_point()]
    apart = sum(float((other[name] - one[name]).double().square().sum()) for name in floats)
    return float(apart / sum(float(one[name].double().square().sum()) for name in floats)) ** 0.5


PHASES = {"plain": "", "accumulated": ACCUMULATED, "sharded": SHARDED}


@pytest.fixture(scope="module")
def alone(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("alone")
    projects = {name: changed(prepared, folder / name, lines) for name, lines in PHASES.items()}
    for project in projects.values():
        train(project, "phase1")
    return projects


@dataclass(frozen=True)
class OnTwo:
    """What two ranks have trained: whole phases, and one that stopped at step 2."""

    projects: dict[str, Path]
    stopped: Path
    said: str


@pytest.fixture(scope="module")
def on_two(prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> OnTwo:
    """All in one start of the processes, most of whose time goes into importing torch."""
    folder = tmp_path_factory.mktemp("two")
    projects = {name: changed(prepared, folder / name, lines) for name, lines in PHASES.items()}
    stopped = changed(prepared, folder / "stopped", SHARDED)
    return OnTwo(projects, stopped, on_ranks(2, *map(str, projects.values()), f"{stopped}@2"))


def test_two_ranks_train_what_one_does(alone: dict[str, Path], on_two: OnTwo) -> None:
    assert on_two.said.count("all 6 steps are done") == 2 * len(PHASES)
    for name, project in on_two.projects.items():
        assert_same(alone[name], project)


def test_two_then_one_then_four_ranks_are_one_training(alone: dict[str, Path], on_two: OnTwo) -> None:
    assert [record.step for record in evals(on_two.stopped)] == [0, 2]
    train(on_two.stopped, "phase1", stop_at=4)
    on_ranks(4, str(on_two.stopped))
    assert_same(alone["sharded"], on_two.stopped)
