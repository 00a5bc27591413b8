"""Curves of any log with lines such as `epoch 12  loss: 2.71  val_loss: 2.75`."""

from __future__ import annotations

import re
from collections.abc import Iterable

from xtts_finetune.curves.curves import Curves
from xtts_finetune.curves.readers.rows import curves_of_rows, role_of
from xtts_finetune.errors import UserError

FORMAT = "plain log"
# What terminals are told about colours is no text.
COLOURS = re.compile(r"\x1b\[[0-9;]*[A-Za-z]")
_NUMBER = r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?|[-+]?(?:nan|inf(?:inity)?)\b"
# One to three words, then a number, with ':', '=' or a blank between them.
_NAMED = re.compile(
    rf"([A-Za-z][\w./-]*(?:[ ][A-Za-z][\w./-]*){{0,2}}?)[\"']?\s*[:=]\s*[\"']?({_NUMBER})", re.IGNORECASE
)
_COUNTED = re.compile(r"\b(epochs?|(?:global[_ ]?)?steps?|iter(?:ation)?s?)\s*[:=#]?\s*[\[(]?\s*(\d+)", re.IGNORECASE)
_BARE_LOSS = re.compile(rf"\b((?:[\w]+[_ ])?loss)\s+({_NUMBER})", re.IGNORECASE)


def has_losses(head: str) -> bool:
    """Whether any line names a loss."""
    return any(_is_loss(line) for line in head.splitlines())


def read_plain_log(lines: Iterable[str], source: str) -> Curves:
    """The curves of a log. Raises UserError when no line names a loss.

    A line that names an epoch or a step and no loss says where the lines after it are.
    """
    rows: list[dict[str, float]] = []
    place: dict[str, float] = {}
    for line in lines:
        numbers = numbers_in(line)
        if not numbers:
            continue
        counted = {name: number for name, number in numbers.items() if role_of(name) in ("step", "epoch")}
        place |= counted
        if _has_loss(numbers):
            rows.append(place | numbers)
    found = curves_of_rows(rows, source, FORMAT, "name")
    if found is None:
        raise UserError(f"{source}: no line says a loss; looked for lines such as 'epoch 12 loss: 2.71 val_loss: 2.75'")
    return found


def numbers_in(line: str) -> dict[str, float]:
    """The named numbers of a line that a diagnosis reads, by the name that the line gives them."""
    text = COLOURS.sub("", line)
    found: dict[str, float] = {}
    for pattern in (_NAMED, _BARE_LOSS):
        for match in pattern.finditer(text):
            name = _without_place(match[1])
            if role_of(name) is not None:
                found.setdefault(name, float(match[2]))
    for match in _COUNTED.finditer(text):
        name = re.sub(r"s$", "", match[1].lower())
        if not any(role_of(other) == role_of(name) for other in found):
            found[name] = float(match[2])
    return found


def _without_place(name: str) -> str:
    """The last words that make a name: of 'epoch done train_loss' only 'train_loss'."""
    words = name.split()
    for count in range(1, len(words) + 1):
        last = " ".join(words[-count:])
        if role_of(last) is not None:
            wider = " ".join(words[-count - 1 :])
            # 'validation loss' is two words, and the first one matters.
            return wider if role_of(wider) == "evaluation" else last
    return name


def _has_loss(numbers: dict[str, float]) -> bool:
    return any(role_of(name) in ("train", "evaluation") for name in numbers)


def _is_loss(line: str) -> bool:
    return _has_loss(numbers_in(line))
