"""Adam's moments in bfloat16: half the bytes, the same steps to its rounding, and continued to the bit."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from torch import Tensor

from xtts_finetune.training.optimizing import half_moments
from xtts_finetune.training.optimizing.half_moments import MOMENTS, HalfMomentsAdamW
from xtts_finetune.training.optimizing.optimizer import BETAS, EPSILON, make_optimizer, take_moments

SETTINGS: dict[str, Any] = {"lr": 1e-2, "betas": BETAS, "eps": EPSILON, "weight_decay": 0.01, "fused": True}


def model_of(seed: int = 0) -> torch.nn.Module:
    torch.manual_seed(seed)
    return torch.nn.Sequential(torch.nn.Linear(8, 16), torch.nn.Tanh(), torch.nn.Linear(16, 4), torch.nn.LayerNorm(4))


def train(model: torch.nn.Module, optimizer: torch.optim.Optimizer, steps: int, first: int = 0) -> float:
    """A small regression; every step's data depends on its number alone. The mean of the last ten losses."""
    losses: list[Tensor] = []
    target = model_of(99)
    for step in range(first, first + steps):
        torch.manual_seed(1000 + step)
        inputs = torch.randn(32, 8)
        loss = (model(inputs) - target(inputs).detach()).square().mean()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()
        optimizer.step()
        losses.append(loss.detach())
    return float(torch.stack(losses[-10:]).mean())


def test_moments_take_half_of_the_bytes_and_learn_as_well() -> None:
    whole, half = model_of(), model_of()
    of_whole, of_half = (
        torch.optim.AdamW(whole.parameters(), **SETTINGS),
        HalfMomentsAdamW(half.parameters(), **SETTINGS),
    )
    losses = train(whole, of_whole, 150), train(half, of_half, 150)
    assert losses[1] == pytest.approx(losses[0], rel=0.02)
    assert losses[0] < 0.5 * train(model_of(), torch.optim.AdamW(model_of().parameters(), **SETTINGS), 10)
    sizes = [
        sum(state[name].nbytes for state in optimizer.state.values() for name in MOMENTS)
        for optimizer in (of_whole, of_half)
    ]
    assert sizes[1] * 2 == sizes[0]


def test_one_step_is_adamws_own(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is rounded before the first step, whatever goes together."""
    for at_once in (1, 100, half_moments.AT_ONCE):
        monkeypatch.setattr(half_moments, "AT_ONCE", at_once)
        whole, half = model_of(), model_of()
        train(whole, torch.optim.AdamW(whole.parameters(), **SETTINGS), 1)
        train(half, HalfMomentsAdamW(half.parameters(), **SETTINGS), 1)
        assert all(torch.equal(one, other) for one, other in zip(whole.parameters(), half.parameters(), strict=True))


def test_it_goes_on_from_a_state_dict_to_the_bit() -> None:
    straight, broken = model_of(), model_of()
    train(straight, HalfMomentsAdamW(straight.parameters(), **SETTINGS), 40)
    first = HalfMomentsAdamW(broken.parameters(), **SETTINGS)
    train(broken, first, 20)
    second = HalfMomentsAdamW(broken.parameters(), **SETTINGS)
    take_moments(second, copy.deepcopy(first.state_dict()))
    assert all(state[name].dtype is torch.bfloat16 for state in second.state.values() for name in MOMENTS)
    train(broken, second, 20, first=20)
    assert all(torch.equal(one, other) for one, other in zip(straight.parameters(), broken.parameters(), strict=True))


def test_adamws_own_state_is_read_and_it_reads_ours() -> None:
    model = model_of()
    whole, half = torch.optim.AdamW(model.parameters(), **SETTINGS), HalfMomentsAdamW(model.parameters(), **SETTINGS)
    train(model, whole, 5)
    half.load_state_dict(whole.state_dict())
    for weight, state in half.state.items():
        assert torch.equal(state["exp_avg"], whole.state[weight]["exp_avg"].to(torch.bfloat16))
    train(model, half, 5)
    whole.load_state_dict(half.state_dict())
    assert all(state[name].dtype is torch.float32 for state in whole.state.values() for name in MOMENTS)
    assert all(float(state["step"]) == 10 for state in whole.state.values())


def test_a_step_with_infinite_gradients_changes_nothing() -> None:
    model = model_of()
    optimizer = HalfMomentsAdamW(model.parameters(), **SETTINGS)
    train(model, optimizer, 3)
    scaler = torch.amp.GradScaler("cpu")
    before = copy.deepcopy((list(model.parameters()), optimizer.state_dict()["state"]))
    for weight in model.parameters():
        weight.grad = torch.full_like(weight, float("inf"))
    scaler.scale(torch.ones(()))  # the scale is made on its first use
    scaler.unscale_(optimizer)
    scaler.step(optimizer)
    assert all(torch.equal(one, other) for one, other in zip(before[0], model.parameters(), strict=True))
    for old, new in zip(before[1].values(), optimizer.state_dict()["state"].values(), strict=True):
        assert all(torch.equal(old[name], new[name]) for name in ("step", *MOMENTS))


def test_a_phase_chooses_it() -> None:
    made = make_optimizer(model_of(), 1e-3, 0.01, moments="bf16")
    assert isinstance(made, HalfMomentsAdamW)
    assert type(make_optimizer(model_of(), 1e-3, 0.01)) is torch.optim.AdamW
