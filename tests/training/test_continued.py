"""A phase that is trained longer than it was declared first: as if it had been declared so, or as is said."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.conftest import run_of, train
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.stopping import Reason
from xtts_finetune.xtts.state import read_checkpoint


def weights(project: Path, step: int) -> dict[str, torch.Tensor]:
    return dict(read_checkpoint(run_of(project).candidate("phase1").checkpoint(step))["model"])


def rates(project: Path) -> list[float]:
    return [record.learning_rate for record in read_metrics(run_of(project).candidate("phase1").metrics).steps]


def test_with_a_constant_rate_it_is_the_same_training_to_the_bit(project: Path, tmp_path: Path) -> None:
    import shutil

    whole = Path(shutil.copytree(project, tmp_path / "whole"))
    train(whole, "phase1", "phase1.steps=7")
    train(project, "phase1", "phase1.steps=4")
    train(project, "phase1", "phase1.steps=7", continued_at=4)
    ours, theirs = weights(project, 7), weights(whole, 7)
    assert ours.keys() == theirs.keys()
    assert all(torch.equal(ours[name], theirs[name]) for name in theirs)
    metrics = read_metrics(run_of(project).candidate("phase1").metrics)
    assert [record.step for record in metrics.steps] == [1, 2, 3, 4, 5, 6, 7]


def test_another_rate_counts_from_the_checkpoint_on_and_moments_stay(project: Path) -> None:
    train(project, "phase1", "phase1.steps=3", "phase1.learning_rate=1e-3")
    train(project, "phase1", "phase1.steps=6", "phase1.learning_rate=2e-4", continued_at=3)
    assert rates(project) == pytest.approx([1e-3] * 3 + [2e-4] * 3)
    # Interrupted and started again, it stays so.
    train(project, "phase1", "phase1.steps=9", "phase1.learning_rate=2e-4", stop_at=8, continued_at=6)
    train(project, "phase1", "phase1.steps=9", "phase1.learning_rate=2e-4", continued_at=6)
    assert rates(project) == pytest.approx([1e-3] * 3 + [2e-4] * 6)


def test_a_cosine_goes_on_as_that_of_the_whole_length(project: Path) -> None:
    cosine = ("phase1.schedule.kind=cosine", "phase1.learning_rate=1e-3")
    train(project, "phase1", "phase1.steps=4", *cosine)
    train(project, "phase1", "phase1.steps=8", *cosine, continued_at=4)
    whole = [1e-3 * 0.5 * (1 + torch.cos(torch.tensor(torch.pi * step / 7)).item()) for step in range(4, 8)]
    assert rates(project)[4:] == pytest.approx(whole, rel=1e-4)


def test_the_rule_that_ended_it_counts_from_the_checkpoint_on(project: Path) -> None:
    rule = "phase1.stop_when=[{rule: no_improvement, evals: 2, min_change: 9.0}]"
    often = ("phase1.eval_every_steps=1", rule)
    first = train(project, "phase1", "phase1.steps=9", *often)
    assert first.reason is Reason.NO_IMPROVEMENT
    (step,) = [step for step, _ in run_of(project).candidate("phase1").checkpoints()]
    again = train(project, "phase1", "phase1.steps=12", *often, continued_at=step)
    assert again.reason is Reason.NO_IMPROVEMENT
    assert read_metrics(run_of(project).candidate("phase1").metrics).final.step == step + 2  # type: ignore[union-attr]
