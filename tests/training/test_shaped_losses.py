"""Phases with the losses and schedules of the optimization levels, on Coqui's real GPT and Trainer."""

from __future__ import annotations

import shutil
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.conftest import open_trainer, run_of, train
from xtts_finetune.errors import UserError
from xtts_finetune.records.metrics import Metrics, read_metrics
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.phase_model import PhaseModel
from xtts_finetune.training.training_loss import FrozenCopy, WithoutAdapters
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.model import load_model

NEXT = "phase2.resume_from={phase: phase1, checkpoint: last}"
EVERYTHING = (
    NEXT,
    "phase1.kl_weight=1.2",
    "phase1.label_smoothing=0.1",
    "phase1.huber_tau=100",
    "phase1.adaptive_loss_weights=true",
    "phase1.mel_loss_weight=2",
)
RESTARTS = "phase1.schedule={kind: cosine_restarts, warmup_steps: 1, period: {epochs: 0.5}, period_multiplier: 1.5}"
PLATEAU = "phase1.schedule={kind: reduce_on_plateau, patience: 0, factor: 0.5, warmup_steps: 1}"
LORA = "phase1.train={lora: {rank: 4, dropout: 0.1}}"
TOGETHER = ("phase1.gradient_checkpointing=true", "phase1.accumulate=2", "phase1.max_tokens=300")


def metrics_of(project: Path) -> Metrics:
    return read_metrics(run_of(project).candidate("phase1").metrics)


def timeless(records: list[Any]) -> list[dict[str, object]]:
    return [{key: value for key, value in asdict(one).items() if "seconds" not in key} for one in records]


def of_checkpoint(path: Path) -> dict[str, Any]:
    return dict(torch.load(path, weights_only=True))


@pytest.mark.parametrize(
    "overrides",
    [
        (*EVERYTHING, RESTARTS),
        (*EVERYTHING, LORA, RESTARTS),
        (
            *EVERYTHING,
            *TOGETHER,
            "phase1.precision=bf16",
            "phase1.optimizer_moments=bf16",
            PLATEAU,
            "phase1.learning_rate=0.1",
        ),  # far too high
    ],
    ids=["all of it", "with adapters", "with all that saves memory"],
)
def test_an_interrupted_phase_goes_on_bit_for_bit(overrides: tuple[str, ...], prepared: Path, tmp_path: Path) -> None:
    untouched, ours = (Path(shutil.copytree(prepared, tmp_path / name)) for name in ("untouched", "ours"))
    train(untouched, "phase1", *overrides)
    for stop_at in (3, 4, None):
        train(ours, "phase1", *overrides, stop_at=stop_at)
    theirs, again = metrics_of(untouched), metrics_of(ours)
    assert timeless(list(again.steps)) == timeless(list(theirs.steps))
    assert timeless(list(again.evals)) == timeless(list(theirs.evals))
    final, expected = (of_checkpoint(run_of(folder).candidate("phase1").checkpoint(6)) for folder in (ours, untouched))
    for part in ("model", "log_variances"):
        assert final[part].keys() == expected[part].keys()
        assert all(torch.equal(value, expected[part][key]) for key, value in final[part].items())
    assert final["log_variances"]["loss.log_variances.values"].abs().min() > 0
    if PLATEAU in overrides:
        rates = [record.learning_rate for record in theirs.steps]
        assert rates[-1] < max(rates)


@pytest.fixture(scope="module")
def plain(trained: Path) -> Metrics:
    return metrics_of(trained)


@pytest.mark.parametrize(
    "setting", ["kl_weight=5", "label_smoothing=0.2", "huber_tau=100", "adaptive_loss_weights=true"]
)
def test_each_changes_what_is_trained_on_and_not_what_is_measured(setting: str, plain: Metrics, project: Path) -> None:
    train(project, "phase1", f"phase1.{setting}", "phase1.steps=2", NEXT)
    ours = metrics_of(project)
    first, before = ours.steps[0], plain.steps[0]
    assert (first.mel_ce, first.text_ce_nats) == (before.mel_ce, before.text_ce_nats)
    assert timeless([ours.evals[0]]) == timeless([plain.evals[0]])
    if setting.startswith("adaptive"):  # begins as declared, and moves with the first step
        assert (first.loss, first.grad_norm) == (before.loss, pytest.approx(before.grad_norm, rel=1e-5))
        assert ours.steps[1].loss != plain.steps[1].loss
    else:
        assert first.loss != before.loss
        assert ours.evals[1].mel_ce != plain.evals[1].mel_ce


def test_a_strong_tie_to_the_start_keeps_the_model_near_it(plain: Metrics, project: Path) -> None:
    train(project, "phase1", "phase1.kl_weight=1000", NEXT)

    def moved(metrics: Metrics) -> float:
        return abs(metrics.evals[-1].mel_ce - metrics.evals[0].mel_ce)

    assert moved(metrics_of(project)) < 0.5 * moved(plain)


def phase(**values: Any) -> PhaseSpec:
    return PhaseSpec.model_validate({"learning_rate": 1e-3, "steps": 5, "kl_weight": 1.0, **values})


def test_adapters_are_held_to_the_model_without_them(project: Path, tiny_base: BaseFiles) -> None:
    """Without a copy of it: with its adapters off, the trained model gives the logits of the start."""
    xtts, untouched = load_model(tiny_base), load_model(tiny_base)
    model = PhaseModel(xtts, phase(train={"lora": {"dropout": 0.5}}), 5, start=WithoutAdapters(xtts.gpt))
    model.set_training()
    trains = [name for name, weight in model.named_parameters() if weight.requires_grad]
    for name, weight in model.named_parameters():
        if ".lora_B." in name:
            torch.nn.init.normal_(weight.data, std=0.1)
    train(project, "phase1", "phase1.steps=1", NEXT)
    batch = open_trainer(project, "phase1", lambda _: None).job.data.train_batches(0)[0]
    found = WithoutAdapters(xtts.gpt).mel_logits(batch)
    assert torch.equal(found, FrozenCopy(untouched.gpt).mel_logits(batch))
    assert not found.requires_grad
    assert xtts.gpt.training
    assert trains == [name for name, weight in model.named_parameters() if weight.requires_grad]
    moved = model.train_step(batch, None)[1]
    assert float(moved["loss"].detach()) > float((moved["mel_ce"] + 0.01 * moved["text_ce_nats"]).detach())


def test_a_phase_that_goes_on_says_what_it_misses_when_its_start_is_gone(project: Path) -> None:
    train(project, "phase1", "phase1.steps=3")
    train(project, "phase2", "phase2.kl_weight=1", stop_at=2)
    start = run_of(project).candidate("phase1").checkpoint(3)
    start.rename(start.with_suffix(".away"))
    with pytest.raises(UserError, match=r"kl_weight holds the phase to .*phase1, step 3.*checkpoint_3\.pth"):
        train(project, "phase2", "phase2.kl_weight=1")
    train(project, "phase2")  # nothing else needs it


def test_the_model_is_stocks_and_the_balance_is_in_checkpoints_alone(project: Path, plain: Metrics) -> None:
    train(project, "phase1", "phase1.adaptive_loss_weights=true", "phase2.resume_from.optimizer=reset")
    folder = run_of(project).candidate("phase1")
    best, slim, newest = (
        of_checkpoint(path) for path in (folder.best_model, folder.checkpoint(3), folder.checkpoint(6))
    )
    assert not any("loss" in key or "variance" in key for saved in (best, slim, newest) for key in saved["model"])
    assert best.get("log_variances") is None
    assert slim.get("log_variances") is None  # phase 2 starts from its weights alone
    assert newest["trained"][-1] == "loss.log_variances.values"
    assert newest["optimizer"][0]["param_groups"][-1]["lr"] == 1e-3


@pytest.mark.parametrize("before", [True, False])
def test_moments_are_kept_whether_the_balance_was_learned_or_is(before: bool, project: Path) -> None:
    one, two = (f"{name}.adaptive_loss_weights=true" for name in ("phase1", "phase2"))
    train(project, "phase1", "phase1.steps=3", *([one] if before else []))
    train(project, "phase2", *([] if before else [two]))
    assert len(read_metrics(run_of(project).candidate("phase2").metrics).steps) == 4


def test_a_restart_in_epochs_comes_when_the_epoch_does(project: Path) -> None:
    train(project, "phase1", "phase1.schedule={kind: cosine_restarts, period: {epochs: 1}}", NEXT)
    steps = metrics_of(project).steps
    # Eight clips in batches of two: an epoch has four steps.
    assert [record.learning_rate for record in steps] == pytest.approx(
        [1e-3 * share for share in (1, 0.853553, 0.5, 0.146447, 1, 0.853553)], rel=1e-5
    )
