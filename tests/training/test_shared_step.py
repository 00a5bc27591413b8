"""What the ranks of a step compute adds up to what one process computes, without starting any."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.training.conftest import declaration_of, run_of
from xtts_finetune.data.batching import loader
from xtts_finetune.ranks.group import Ranks
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.phase_data import EvalData, PhaseData
from xtts_finetune.training.phase_model import PhaseModel
from xtts_finetune.training.recorder import eval_record, evaluate, sums_of_batches
from xtts_finetune.training.stepping import chance_of
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.model import load_model

SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "prompts masked": {"mask_prompt": True},
    "shaped": {"label_smoothing": 0.1, "huber_tau": 10.0, "adaptive_loss_weights": True},
    "computed twice": {"gradient_checkpointing": True},
}


class One(Ranks):
    def __init__(self, rank: int, count: int) -> None:
        self.rank, self.count = rank, count


def gradients_of(project: Path, phase: PhaseSpec, ranks: int) -> tuple[list[torch.Tensor], torch.Tensor]:
    """Gradients and values (loss, mel CE, text CE) of the first step, summed over the ranks."""
    base, datasets = BaseFiles(project / "base"), declaration_of(project).pipeline.datasets
    model = PhaseModel(load_model(base), phase, 10)
    if model.loss.log_variances is not None:
        torch.nn.init.constant_(model.loss.log_variances.values, 0.3)
    model.set_training()
    values = torch.zeros(3)
    for rank in range(ranks):
        data = PhaseData(run_of(project), base, phase, datasets, ranks=One(rank, ranks))
        for place, batch in enumerate(data.train_batches(0)):
            with chance_of(batch, place, seed=5):
                found = model(batch)
                (found["loss"] / data.micro_batches).backward()
            values += torch.stack([found[name].detach() for name in ("loss", "mel_ce", "text_ce_nats")])
        assert data.clips_of(0) == phase.batch_size * phase.accumulate
        data.close()
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    return [torch.zeros_like(weight) if weight.grad is None else weight.grad for weight in trained], values


@pytest.mark.parametrize("settings", SETTINGS.values(), ids=SETTINGS)
def test_gradients_add_up_to_those_of_one_process(prepared: Path, settings: dict[str, Any]) -> None:
    declared = {"learning_rate": 1e-3, "steps": 4, "batch_size": 3, "accumulate": 2, "precision": "fp32"}
    phase = PhaseSpec.model_validate({**declared, **settings})
    alone, values = gradients_of(prepared, phase, 1)
    for ranks in (2, 8):  # of 8, two have nothing to do
        shared, its_values = gradients_of(prepared, phase, ranks)
        torch.testing.assert_close(its_values, values, rtol=1e-5, atol=1e-6)
        for one, other in zip(alone, shared, strict=True):
            torch.testing.assert_close(other, one, rtol=1e-4, atol=1e-6)


def test_an_evaluation_over_ranks_is_that_of_one_to_the_bit(prepared: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "EVAL_CLIPS", 1)
    gpt, run = load_model(BaseFiles(prepared / "base")).gpt, run_of(prepared)
    alone = evaluate(gpt, EvalData(run).batches(), 0)
    for ranks in (2, 3):
        sums = [sums_of_batches(gpt, EvalData(run, One(rank, ranks)).batches()) for rank in range(ranks)]
        together = eval_record(gpt, sums, 0, 0.0)
        for name in ("mel_ce", "text_ce", "stop_ce", "mel_tokens", "text_tokens", "weights_norm"):
            assert getattr(together, name) == getattr(alone, name)
