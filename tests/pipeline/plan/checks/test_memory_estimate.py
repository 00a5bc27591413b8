"""What a lower precision saves."""

from __future__ import annotations

import pytest

from xtts_finetune.pipeline.plan.checks.memory import Estimate, Longest, estimate
from xtts_finetune.spec.phase import PhaseSpec

CONFIG = {"model_args": {"gpt_layers": 30, "gpt_n_model_channels": 1024, "gpt_n_heads": 16}}


@pytest.mark.parametrize("precision", ["bf16", "fp16"])
def test_a_lower_precision_saves_of_what_grows_with_the_batch_and_nothing_else(precision: str) -> None:
    def total(batch_size: int, precision: str, on_gpu: bool = False) -> int:
        declared = {"learning_rate": 1e-6, "steps": 9, "batch_size": batch_size, "precision": precision}
        phase = PhaseSpec.model_validate(declared)
        return estimate(1_870_000_000, CONFIG, phase, Longest.of(8.0, 100), on_gpu).total

    growth = total(4, "fp32") - total(2, "fp32")
    lower = total(4, precision) - total(2, precision)
    assert 0.5 * growth < lower < 0.7 * growth
    assert total(2, precision) - lower == pytest.approx(total(2, "fp32") - growth, rel=1e-6)
    assert total(2, "auto") == total(2, "fp32")
    assert total(2, "auto", on_gpu=True) == total(2, precision, on_gpu=True) < total(2, precision)


def test_what_does_not_train_has_no_gradients_and_no_moments() -> None:
    def made(train: object) -> Estimate:
        declared = {"learning_rate": 1e-6, "steps": 9, "batch_size": 2, "train": train}
        phase = PhaseSpec.model_validate(declared)
        return estimate(1_870_000_000, CONFIG, phase, Longest.of(8.0, 100))

    everything, adapters, heads = made("all"), made({"lora": {}}), made(["heads"])
    assert everything.weights == pytest.approx(16 * 442.5e6, rel=0.01)
    assert adapters.weights == pytest.approx(4 * 442.5e6 + 16 * 30 * 8 * 1024 * 16, rel=0.01)
    assert heads.total < adapters.total < made(["gpt"]).total < everything.total
