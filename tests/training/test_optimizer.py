"""Which parameters decay, and old moments under a new learning rate."""

from __future__ import annotations

import pytest
import torch

from testbed.stock import stock_config, stock_model
from xtts_finetune.errors import UserError
from xtts_finetune.training.optimizing.optimizer import keep_moments, make_optimizer, parameter_names
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.model import load_model


def gpt_of(base: BaseFiles) -> torch.nn.Module:
    gpt: torch.nn.Module = load_model(base).gpt
    return gpt


def test_the_groups_are_those_of_coquis_own_rule(tiny_base: BaseFiles) -> None:
    stock = stock_model(tiny_base)
    config = stock_config(tiny_base)
    config.optimizer, config.optimizer_params = "AdamW", {"weight_decay": 0.01}
    config.optimizer_wd_only_on_weights = True
    stock.config = config
    weights, spared = parameter_names(gpt_of(tiny_base))
    theirs_with_decay, theirs_without = stock.get_optimizer()._group_names
    # Coqui also decays the gains of its own RMS norms and the null parameters of no layer kind: same names or fewer.
    assert set(weights) | set(spared) == set(theirs_with_decay) | set(theirs_without)
    assert (weights, spared) == (theirs_with_decay, theirs_without)


def test_decay_is_on_weights_only(tiny_base: BaseFiles) -> None:
    optimizer = make_optimizer(gpt_of(tiny_base), 1e-6, 0.02)
    assert [group["weight_decay"] for group in optimizer.param_groups] == [0.02, 0.0]
    _, spared = parameter_names(gpt_of(tiny_base))
    assert all(name.endswith(("bias", "weight")) for name in spared)
    assert "text_embedding.weight" in spared
    assert "final_norm.weight" in spared
    assert "mel_head.weight" not in spared


def small_gpt(seed: int) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.LayerNorm(4), torch.nn.Linear(4, 2))


def stepped(optimizer: torch.optim.Optimizer, model: torch.nn.Module, steps: int) -> None:
    for step in range(steps):
        for number, parameter in enumerate(model.parameters()):
            parameter.grad = torch.full_like(parameter, 0.1 * (number + 1) + step)
        optimizer.step()


@pytest.mark.parametrize("groups", [1, 2])
def test_moments_are_kept_by_name_and_the_learning_rate_is_new(groups: int) -> None:
    old = small_gpt(0)
    if groups == 1:  # stock's default: one group in the order of the model
        optimizer: torch.optim.Optimizer = torch.optim.AdamW(old.parameters(), lr=1e-3)
    else:
        optimizer = make_optimizer(old, 1e-3, 0.1)
    stepped(optimizer, old, 3)
    names = {parameter: name for name, parameter in old.named_parameters()}
    expected = {names[p]: state["exp_avg"] for p, state in optimizer.state.items()}
    new = small_gpt(1)
    fresh = make_optimizer(new, 5e-6, 0.01)
    keep_moments(fresh, new, {"optimizer": [optimizer.state_dict()]}, "x.pth")
    kept = {parameter: name for name, parameter in new.named_parameters()}
    assert {kept[p]: state["exp_avg"].tolist() for p, state in fresh.state.items()} == {
        name: value.tolist() for name, value in expected.items()
    }
    assert [(group["lr"], group["weight_decay"]) for group in fresh.param_groups] == [
        (5e-6, 0.01),
        (5e-6, 0.0),
    ]


@pytest.mark.parametrize("saved", [{}, {"optimizer": None}, {"optimizer": [{"state": {}, "param_groups": []}]}])
def test_a_checkpoint_without_moments_says_so(saved: dict[str, object]) -> None:
    model = small_gpt(0)
    with pytest.raises(UserError, match=r"x\.pth holds no optimizer state.*optimizer: reset"):
        keep_moments(make_optimizer(model, 1e-6, 0.0), model, saved, "x.pth")


def test_moments_of_another_model_are_refused() -> None:
    other = torch.nn.Linear(2, 2)
    optimizer = torch.optim.AdamW(other.parameters())
    stepped(optimizer, other, 1)
    model = small_gpt(0)
    with pytest.raises(UserError, match="another model"):
        keep_moments(make_optimizer(model, 1e-6, 0.0), model, {"optimizer": [optimizer.state_dict()]}, "x.pth")
