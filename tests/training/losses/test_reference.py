"""Each loss beside a reference in plain numpy, and its gradients beside finite differences."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from xtts_finetune.training.training_loss import (
    LogVariances,
    huberised,
    kl_from_start,
    token_losses,
    uncertainty_weighted,
)
from xtts_finetune.xtts.losses import IGNORE

TOKENS, KINDS = 40, 17


def made(seed: int, spread: float = 3.0) -> tuple[torch.Tensor, torch.Tensor]:
    """Logits, and targets of which some do not count."""
    random = np.random.default_rng(seed)
    logits = torch.tensor(random.normal(0, spread, (TOKENS, KINDS)))
    targets = torch.tensor(random.integers(0, KINDS, TOKENS))
    targets[::7] = IGNORE
    return logits, targets


def probabilities(logits: torch.Tensor) -> np.ndarray:
    raised = np.exp(logits.double().numpy())
    return np.asarray(raised / raised.sum(axis=1, keepdims=True))


def reference(logits: torch.Tensor, targets: torch.Tensor, smoothing: float, tau: float | None) -> list[float]:
    """Token by token, as the papers write it."""
    losses = []
    for each, target in zip(probabilities(logits), targets.tolist(), strict=True):
        if target == IGNORE:
            losses.append(0.0)
            continue
        p = each[target]
        of_target = -np.log(p)
        if tau is not None and p <= 1 / tau:
            of_target = np.log(tau) + 1 - tau * p
        # Szegedy: CE against (1 - share) one-hot + share / K, whose one-hot part is Huberised here.
        losses.append((1 - smoothing) * of_target + smoothing * np.sum(-np.log(each) / KINDS))
    return losses


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(("smoothing", "tau"), [(0.0, None), (0.1, None), (0.0, 5.0), (0.1, 100.0), (0.3, 1.5)])
def test_token_losses(seed: int, smoothing: float, tau: float | None) -> None:
    logits, targets = made(seed)
    found = token_losses(logits, targets, smoothing, tau)
    assert token_losses(logits.bfloat16(), targets, smoothing, tau).dtype == torch.float32
    assert found.tolist() == pytest.approx(reference(logits, targets, smoothing, tau), abs=1e-6, rel=1e-6)


def test_without_anything_they_are_the_cross_entropy() -> None:
    logits, targets = made(0)
    plain = torch.nn.functional.cross_entropy(logits, targets, ignore_index=IGNORE, reduction="none")
    smoothed = torch.nn.functional.cross_entropy(
        logits, targets, ignore_index=IGNORE, reduction="none", label_smoothing=0.2
    )
    assert torch.allclose(token_losses(logits, targets), plain, atol=1e-6)
    assert torch.allclose(token_losses(logits, targets, 0.2), smoothed, atol=1e-6)


def test_the_huberised_part_meets_the_logarithm_in_value_and_slope() -> None:
    tau = 20.0
    p = torch.tensor([1 / tau - 1e-9, 1 / tau + 1e-9], dtype=torch.float64, requires_grad=True)
    below, above = huberised(p.log(), tau)
    assert below.item() == pytest.approx(above.item(), abs=1e-6)
    (slopes,) = torch.autograd.grad(below + above, p)
    assert slopes.tolist() == pytest.approx([-tau, -tau], rel=1e-6)


def test_an_impossible_target_pulls_hardly_at_all() -> None:
    logits = torch.zeros(1, 10)
    logits[0, 3] = -30.0
    logits.requires_grad_()
    (plain,) = torch.autograd.grad(token_losses(logits, torch.tensor([3])).sum(), logits)
    (robust,) = torch.autograd.grad(token_losses(logits, torch.tensor([3]), tau=100.0).sum(), logits)
    assert float(plain.norm()) > 1
    assert float(robust.norm()) < 1e-9


@pytest.mark.parametrize("seed", range(3))
def test_kl_from_start(seed: int) -> None:
    (before, targets), (now, _) = made(seed), made(seed + 100)
    p, q = probabilities(before), probabilities(now)
    counted = targets.numpy() != IGNORE
    expected = np.mean([np.sum(p[row] * np.log(p[row] / q[row])) for row in np.flatnonzero(counted)])
    found = kl_from_start(before.float(), now.float(), targets)
    assert float(found) == pytest.approx(float(expected), abs=1e-6, rel=1e-6)
    assert float(kl_from_start(now, now, targets)) == pytest.approx(0.0, abs=1e-6)


def test_uncertainty_weighting() -> None:
    losses, logs = np.array([5.25, 2.5]), np.array([0.3, -1.1])
    weights = (0.01, 2.0)
    sigma_squared = np.exp(logs)
    # Kendall: L / sigma^2 + log sigma, under each task's declared weight.
    expected = sum(
        weight * (loss / square + np.log(np.sqrt(square)))
        for weight, loss, square in zip(weights, losses, sigma_squared, strict=True)
    )
    found = uncertainty_weighted(torch.tensor(losses), torch.tensor(logs), weights)
    assert float(found) == pytest.approx(float(expected), abs=1e-6)


def test_the_balance_begins_as_declared_and_settles_at_the_logarithm_of_twice_the_loss() -> None:
    balance = LogVariances(2)
    losses = [torch.tensor(5.0), torch.tensor(2.0)]
    assert balance(losses, (0.01, 1.0)).item() == pytest.approx(2.05)
    optimizer = torch.optim.Adam(balance.parameters(), lr=0.05)
    for _ in range(600):
        optimizer.zero_grad()
        balance(losses, (0.01, 1.0)).backward()
        optimizer.step()
    assert balance.values.tolist() == pytest.approx([np.log(10), np.log(4)], abs=0.01)


@pytest.mark.parametrize(("smoothing", "tau"), [(0.1, None), (0.0, 3.0), (0.1, 3.0)])
def test_gradients_of_token_losses(smoothing: float, tau: float | None) -> None:
    logits, targets = made(1)
    assert torch.autograd.gradcheck(
        lambda values: token_losses(values, targets[:6], smoothing, tau), logits[:6].requires_grad_()
    )


def test_gradients_of_the_divergence_go_to_the_model_that_is_trained() -> None:
    (before, targets), (now, _) = made(1), made(2)
    assert torch.autograd.gradcheck(
        lambda values: kl_from_start(before[:6], values, targets[:6]), now[:6].requires_grad_()
    )
    before.requires_grad_()
    now.requires_grad_()
    kl_from_start(before, now, targets).backward()
    assert before.grad is None


def test_gradients_of_the_balance() -> None:
    values = torch.tensor([5.0, 2.0], dtype=torch.float64, requires_grad=True)
    logs = torch.tensor([0.4, -0.3], dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(lambda a, b: uncertainty_weighted(a, b, (0.01, 2.0)), (values, logs))
