"""Curves of `trainer_0_log.txt` as Coqui's trainer writes it, stock's and ours."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field

from xtts_finetune.curves.curves import Curves, Series, series
from xtts_finetune.curves.readers.names import is_loss
from xtts_finetune.curves.readers.numbers import number_in

FORMAT = "Coqui's trainer log"
ENOUGH_EPOCHS = 8  # with a running mean of training; with fewer, the printed steps say more
LOSSES = ("loss_mel_ce", "loss")  # the mel loss says most about the voice

_EPOCH = re.compile(r"> EPOCH: (\d+)/\d+")
_STEP = re.compile(r"--> TIME: .* -- STEP: (\d+)/(\d+) -- GLOBAL_STEP: (\d+)")
_VALUE = re.compile(r"\| > (\w+):\s*(\S+)(?:\s+\((\S+?)\))?")
_OURS = re.compile(r"> EVALUATION step (\d+): mel_ce ([^\s,]+)")


@dataclass
class _Found:
    """What the lines said: by name, (epoch, value) of evaluations; (epoch, step's share, value, mean) of training."""

    evaluation: dict[str, list[tuple[float, float]]] = field(default_factory=dict)
    train: dict[str, list[tuple[int, float, float, float]]] = field(default_factory=dict)
    ours: list[tuple[float, float]] = field(default_factory=list)


def is_coqui_log(lines: Sequence[str]) -> bool:
    """Whether it has the marks that Coqui's console logger writes, or our line of an evaluation, and losses like it."""
    marked = [line for line in lines if "EPOCH" in line or "STEP" in line or "EVALUATION" in line]
    return any(pattern.search(line) for line in marked for pattern in (_EPOCH, _STEP, _OURS))


def read_coqui_log(lines: Iterable[str], source: str) -> Curves | None:
    """The curves of a log: over epochs as stock counts them from 0, over steps for a log of ours; None without a loss.

    Stock prints single training steps with the mean of their epoch so far. From eight epochs on the last such
    mean of each epoch is the training curve; before, the steps are. Where any loss is NaN or infinite, so is the curve.
    """
    found = _read(lines)
    if found.ours:
        return Curves("step", evaluation=series("mel_ce", found.ours), source=source, format=FORMAT)
    name = next((name for name in LOSSES if f"avg_{name}" in found.evaluation), None)
    name = name or next((name for name in LOSSES if name in found.train), None)
    if name is None:
        return None
    of_others = [point for other, points in found.evaluation.items() if is_loss(other) for point in points]
    broken = [(epoch, value) for epoch, value in of_others if not math.isfinite(value)]
    return Curves(
        "epoch",
        _training(name, found.train),
        series(f"avg_{name}", [*found.evaluation.get(f"avg_{name}", []), *broken]),
        series("current_lr", ((epoch + part, now) for epoch, part, now, _ in found.train.get("current_lr", []))),
        # Stock writes 0 where it does not measure.
        series(
            "grad_norm",
            ((e + part, now) for e, part, now, _ in found.train.get("grad_norm", []) if now),
            False,
        ),
        source,
        FORMAT,
        None,
        (f"epochs are counted from 0, as in the log; training and evaluation are '{name}'",),
    )


def _training(name: str, train: Mapping[str, list[tuple[int, float, float, float]]]) -> Series:
    printed = train.get(name, [])
    others = [point for other, points in train.items() if is_loss(other) for point in points]
    broken = [point for point in others if not (math.isfinite(point[2]) and math.isfinite(point[3]))]
    means = {epoch: mean for epoch, _, _, mean in printed}
    if len(means) >= ENOUGH_EPOCHS:
        return series(name, [*means.items(), *((epoch, math.nan) for epoch, *_ in broken)])
    points = [(epoch + part, now) for epoch, part, now, _ in printed]
    return series(name, [*points, *((epoch + part, math.nan) for epoch, part, *_ in broken)], averaged=False)


def _read(lines: Iterable[str]) -> _Found:
    found = _Found()
    epoch, part, evaluating = 0, 0.0, False
    for line in lines:
        if match := _EPOCH.search(line):
            epoch = int(match[1])
        elif match := _STEP.search(line):
            part, evaluating = int(match[1]) / max(int(match[2]) + 1, 1), False
        elif "EVAL PERFORMANCE" in line:
            evaluating = True
        elif match := _OURS.search(line):
            found.ours.append((float(match[1]), _number(match[2])))
        elif match := _VALUE.search(line):
            name, now = match[1], _number(match[2])
            if evaluating:
                found.evaluation.setdefault(name, []).append((float(epoch), now))
            elif not name.startswith("avg_"):
                found.train.setdefault(name, []).append((epoch, part, now, _number(match[3] or match[2])))
    return found


def _number(text: str) -> float:
    found = number_in(text)
    return math.nan if found is None else found
