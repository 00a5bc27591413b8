"""What trains, in bytes, from config.json alone: held against the model itself."""

from __future__ import annotations

from typing import Any

import pytest

from xtts_finetune.pipeline.plan.disk import HIFIGAN_BYTES, trained_sizes
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.training.optimizing.trainable import adapter_weights, make_trainable
from xtts_finetune.xtts.base import BaseFiles, read_config
from xtts_finetune.xtts.model import load_model


def phase(train: Any) -> PhaseSpec:
    return PhaseSpec.model_validate({"learning_rate": 1e-6, "steps": 9, "train": train})


@pytest.mark.parametrize(
    "train",
    [
        "all",
        ["gpt"],
        ["heads", "heads"],
        ["embeddings"],
        ["conditioning", "gpt"],
        {"lora": {}},
        {"lora": {"rank": 4, "targets": ["mlp"]}},
        {"lora": {"targets": ["attention"]}},
    ],
    ids=str,
)
def test_the_sizes_are_those_of_the_model(tiny_base: BaseFiles, train: Any) -> None:
    gpt = load_model(tiny_base).gpt
    whole = 4 * sum(weight.numel() for weight in gpt.parameters())
    declared = phase(train).train
    sizes = trained_sizes(whole + HIFIGAN_BYTES, read_config(tiny_base), declared)
    make_trainable(gpt, declared, seed=1)
    trained = 4 * sum(weight.numel() for weight in gpt.parameters() if weight.requires_grad)
    extra = 4 * sum(weight.numel() for weight in adapter_weights(gpt).values())
    assert sizes.trained == pytest.approx(trained, rel=0.01)
    assert sizes.extra == pytest.approx(extra, rel=0.01)
    assert sizes.checkpoint == whole + 2 * sizes.trained + sizes.extra


def test_a_checkpoint_of_adapters_takes_less_than_one_of_everything() -> None:
    config: dict[str, Any] = {"model_args": {}}  # XTTS v2's sizes
    everything = trained_sizes(1_870_000_000, config, "all")
    adapters = trained_sizes(1_870_000_000, config, phase({"lora": {}}).train)
    assert everything.checkpoint == pytest.approx(5.3e9, rel=0.01)
    assert adapters.checkpoint == pytest.approx(3.33e9, rel=0.01)
