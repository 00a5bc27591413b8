"""What a number is, guessed from what a file calls it."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Literal

Role = Literal["step", "epoch", "train", "evaluation", "learning_rate", "grad_norm"]

EVALUATION = {"eval", "evaluation", "val", "valid", "validation", "dev", "test"}
TRAINING = {"train", "training"}
LOSS = {"loss", "ce", "nll", "criterion"}
STEP = {"step", "steps", "globalstep", "iteration", "iterations", "iter", "update", "updates"}
OTHER = {
    "time",
    "seconds",
    "loader",
    "std",
    "best",
    "min",
    "diff",
    "scale",
    "weight",
}  # of a loss, but no loss
PARTS = {
    "text",
    "stop",
    "kl",
    "duration",
    "gate",
    "triplet",
    "aux",
}  # one part of the loss: only where no other is


def words_in(name: str) -> list[str]:
    """The words of a name: 'EvalStats/avg_loss_mel_ce' has eval, stats, avg, loss, mel, ce."""
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name)
    return [word.lower() for word in re.split(r"[^A-Za-z]+", apart) if word]


def role_of(name: str) -> Role | None:
    """What a number of this name is; None for what a diagnosis does not read."""
    words = words_in(name)
    found = set(words)
    joined = "".join(words)
    if "lr" in found or "learningrate" in joined:
        return "learning_rate"
    if "grad" in found or "gradient" in found:
        return "grad_norm"
    if found & LOSS and not found & OTHER:
        return "evaluation" if found & EVALUATION else "train"
    if found & STEP and len(found) <= 3 and not found & OTHER:
        return "step"
    return "epoch" if found in ({"epoch"}, {"epochs"}) else None


def quantity_of(name: str) -> str:
    """Which loss it is, whatever set it was measured on: 'val_loss' and 'train_loss' are the same."""
    return " ".join(
        word
        for word in words_in(name)
        if word not in EVALUATION | TRAINING | {"avg", "stats", "epoch", "iter"}
    )


def chosen_pair(train: Iterable[str], evaluation: Iterable[str]) -> tuple[str | None, str | None]:
    """The names of a training and an evaluation loss that go together, the ones that say most about the voice.

    The mel loss is best, then the whole loss, then a part of it; of two names of one quantity, means of epochs.
    """
    trains, evaluations = list(train), list(evaluation)

    def rank(name: str) -> tuple[int, int, int]:
        words = set(words_in(name))
        kind = 0 if {"mel", "ce"} <= words else 2 if words & PARTS else 1
        return kind, len(quantity_of(name)), 0 if "avg" in words or "epoch" in words else 1

    best_eval = min(evaluations, key=rank, default=None)
    if best_eval is None:
        return min(trains, key=rank, default=None), None
    same = [name for name in trains if quantity_of(name) == quantity_of(best_eval)]
    return min(same or trains, key=rank, default=None), best_eval
