"""A phase whose starting weights are ruined, or know another vocabulary: it ends at step 0 and says why."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch

from tests.training.conftest import run_of, train
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.metrics import EvalRecord, MetricsWriter, read_metrics
from xtts_finetune.records.stopping import Reason
from xtts_finetune.training.rules.foreign_start import foreign_start
from xtts_finetune.xtts.base import BaseFiles


def evaluation(mel_ce: float, text_ce_nats: float, step: int = 0) -> EvalRecord:
    return EvalRecord(step, mel_ce, text_ce_nats / 100, text_ce_nats, 0.1, 1000, 100, 1.0)


BASE = evaluation(4.322, 1.314)


@pytest.mark.parametrize(
    ("first", "metric"),
    [
        (evaluation(3.114, 0.982), None),  # trained from this base
        (evaluation(4.9, 2.1), None),  # trained badly, on another voice
        (evaluation(3.7, 4.8), "text_ce_nats"),  # two fifths of its tokens mean something else
        (evaluation(5.6, 11.4), "text_ce_nats"),  # all of them do
        (evaluation(6.9, 1.3), "mel_ce"),  # codes of another DVAE
    ],
)
def test_only_what_is_far_above_the_base_does_not_fit(first: EvalRecord, metric: str | None) -> None:
    stop = foreign_start(first, BASE)
    assert (stop is None) if metric is None else (stop is not None and metric in stop.numbers)
    assert stop is None or stop.reason is Reason.BAD_START


def with_start(project: Path, file: Path) -> str:
    run = run_of(project)
    with MetricsWriter(run.candidate("base").metrics) as metrics:
        metrics.write(evaluation(1.5, 0.5))  # far better than the tiny base's random weights
    return f"phase1.resume_from={{checkpoint: '{file.as_posix()}'}}"


def test_weights_of_another_vocabulary_end_the_phase_before_its_first_step(project: Path) -> None:
    base = BaseFiles(project / "base")
    stop = train(project, "phase1", with_start(project, base.model))
    assert stop.reason is Reason.BAD_START
    assert "at step 0 text_ce_nats is" in stop.message and "another vocab.json" in stop.message
    folder = run_of(project).candidate("phase1")
    assert read_metrics(folder.metrics).steps == ()
    assert not folder.best_model.exists() and not folder.checkpoints()
    info = read_model_info(folder)
    assert info is not None and info["status"] == "failed"
    assert "another checkpoint" in info["advice"] and "earning rate does not help" in info["advice"]


def test_ruined_weights_are_not_blamed_on_the_learning_rate(project: Path) -> None:
    base = BaseFiles(project / "base")
    checkpoint = torch.load(base.model, weights_only=True)
    checkpoint["model"]["gpt.mel_head.weight"][:] = 1e38  # finite, and yet no number comes out
    ruined = project / "ruined.pth"
    torch.save(checkpoint, ruined)
    stop = train(project, "phase1", with_start(project, ruined))
    assert stop.reason is Reason.BAD_START
    assert "the weights that the phase starts from are ruined" in stop.message
