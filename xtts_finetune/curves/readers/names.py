"""What a number of a log or a table is, guessed from its name, and which of several losses say most."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import lru_cache
from typing import Literal

Role = Literal["step", "epoch", "train", "evaluation", "learning_rate", "grad_norm"]

EVALUATION = {"eval", "evaluation", "evaluating", "val", "valid", "validation", "validating", "dev", "test", "testing"}
TRAINING = {"train", "training", "trn"}
LOSS = {"loss", "losses", "ce", "nll", "criterion", "crossentropy", "xent", "logloss", "mlogloss"}
# Called a loss by some; only where nothing else is.
SECOND = {"cost", "mse", "mae", "bce", "objective", "elbo"}
STEP = {"step", "steps", "globalstep", "iteration", "iterations", "iter", "iters", "itr", "it", "update", "updates"}
EPOCH = {"epoch", "epochs", "ep"}
# Beside the word itself in the name of an epoch or a step: 'Train Epoch', 'epoch_num', 'trainer/global_step'.
BESIDE = TRAINING | {
    "num",
    "number",
    "no",
    "n",
    "current",
    "cur",
    "global",
    "trainer",
    "optimizer",
    "idx",
    "index",
    "this",
}
# Of a loss, but no loss.
OTHER = {
    "time", "seconds", "second", "sec", "per", "loader", "std", "var", "best", "min", "max", "lowest", "minimum",
    "diff", "delta", "scale", "scaler", "scaling", "weight", "weights", "coef", "coeff", "lambda", "target",
    "threshold", "limit", "function", "fn", "type", "patience", "improvement", "previous", "prev", "tolerance",
    "ratio", "count", "samples", "runtime", "improved", "clip", "smoothing", "every", "from", "ppl", "perplexity",
}  # fmt: skip
# One part of the loss: only where no other is.
PARTS = {
    "text", "stop", "kl", "duration", "dur", "gate", "triplet", "aux", "disc", "discriminator", "gen", "generator",
    "fm", "feature", "adv", "adversarial", "commit", "commitment", "codebook", "pitch", "energy", "ssl", "cls", "box",
    "reg",
}  # fmt: skip
MEANS = {"avg", "average", "mean", "epoch", "total"}

_GLUED = re.compile(
    r"^(train|training|trn|tr|val|valid|validation|va|eval|test|dev|total|avg|mean|mel|text|batch|epoch|running|v|t)"
    r"(loss|losses|ce|nll)$"
)
_SHORT = {"tr": "train", "t": "train", "va": "val", "v": "val"}


@lru_cache(maxsize=4096)
def words_in(name: str) -> tuple[str, ...]:
    """The words of a name: 'EvalStats/avg_loss_mel_ce' has eval, stats, avg, loss, mel, ce; 'trainloss' has two."""
    # Weights & Biases writes the name of the run before: 'my test - train/loss'.
    apart = re.sub(r"(?<=[a-z])(?=[A-Z])", " ", name.rsplit(" - ", 1)[-1])
    found: list[str] = []
    for word in (word.lower() for word in re.split(r"[^A-Za-z]+", apart) if word):
        glued = _GLUED.match(word)
        found += [_SHORT.get(glued[1], glued[1]), glued[2]] if glued else [word]
    return tuple(found)


@lru_cache(maxsize=4096)
def role_of(name: str) -> Role | None:
    """What a number of this name is; None for what a diagnosis does not read."""
    words = words_in(name)
    found = set(words)
    joined = "".join(words)
    if found & OTHER:
        return None
    if "lr" in found or "learningrate" in joined:
        return "learning_rate"
    if found & {"grad", "gradient", "gradients", "gnorm", "gradnorm"}:
        return "grad_norm"
    if found & (LOSS | SECOND) or {"cross", "entropy"} <= found:
        return "evaluation" if found & EVALUATION else "train"
    if found & STEP and found <= STEP | BESIDE:
        return "step"
    return "epoch" if found & EPOCH and found <= EPOCH | BESIDE else None


def is_loss(name: str) -> bool:
    """Whether a number of this name is a loss of training or of evaluation."""
    return role_of(name) in ("train", "evaluation")


def quantity_of(name: str) -> str:
    """Which loss it is, whatever set it was measured on: 'val_loss' and 'train_loss' are the same."""
    aside = EVALUATION | TRAINING | MEANS | STEP | {"stats"}
    return " ".join(word for word in words_in(name) if word not in aside)


FEWEST = 4  # values of a name that is worth reading, where another has more


def chosen_pair(
    train: Iterable[str], evaluation: Iterable[str], count: Mapping[str, int] | None = None
) -> tuple[str | None, str | None]:
    """The names of a training and an evaluation loss that go together, the ones that say most about the voice.

    The mel loss is best, then the whole loss, then a part of it; of two names of one quantity, means of epochs.
    `count` says how many values each has: a name with fewer than four is chosen only where all have so few.
    """
    trains, evaluations = _enough(train, count), _enough(evaluation, count)

    def rank(name: str) -> tuple[int, int, int]:
        words = set(words_in(name))
        kind = (
            0
            if {"mel", "ce"} <= words
            else 4
            if not words & LOSS
            else 3
            if words & PARTS
            else 1
            if "mel" in words
            else 2
        )
        return kind, len(quantity_of(name)), 0 if words & MEANS else 1

    best_eval = min(evaluations, key=rank, default=None)
    if best_eval is None:
        return min(trains, key=rank, default=None), None
    same = [name for name in trains if quantity_of(name) == quantity_of(best_eval)]
    return min(same or trains, key=rank, default=None), best_eval


def _enough(names: Iterable[str], count: Mapping[str, int] | None) -> list[str]:
    listed = list(names)
    return [name for name in listed if count is None or count.get(name, 0) >= FEWEST] or listed
