"""Rows of any log with named numbers: `epoch 12  loss: 2.71  val_loss: 2.75`, progress bars, printed dictionaries."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence

from xtts_finetune.curves.readers.named_numbers import LONGEST, counts_in, numbers_in
from xtts_finetune.curves.readers.names import EVALUATION, TRAINING, is_loss, role_of, words_in
from xtts_finetune.curves.readers.numbers import number_in
from xtts_finetune.curves.readers.progress_bars import bar_in, fresh_rows
from xtts_finetune.curves.readers.rows import Row

FORMAT = "plain log"
# What terminals are told about colours is no text; the first sign of it is lost now and then.
COLOURS = re.compile(r"(?:\x1b|\\x1b|\\033|\\e|\^\[|←|␛)\[[0-9;?]*[A-Za-z]|\[\d{1,3}(?:;\d{1,3})*m")
# Progress bars go back to the start of a line, or over what they wrote, and write anew.
_REDRAWN = re.compile(r"\x08+|\x1b\[[0-9;]*[A-HJK]")

_WITH_NUMBERS = re.compile(r"\d|nan|inf|∞", re.IGNORECASE)
# VITS and what grew from it (RVC, so-vits-svc, GPT-SoVITS) print the losses of a step without names.
_LIST = re.compile(r"(?:^|[\w\])]:|\t)\s*\[([^\[\]]{5,})\]")
VITS = ("loss_disc", "loss_gen", "loss_fm", "loss_mel")


def without_colours(text: str) -> str:
    """The text as it was meant to be read, what was written over something else on a line of its own."""
    return COLOURS.sub("", _REDRAWN.sub("\n", text))


def rows_of_log(lines: Sequence[str]) -> list[Row]:
    """The rows of a log; none when no line names a loss.

    A line that names an epoch or a step and no loss says where the lines after it are; a heading such as
    'Validation' says so of which set they are, where no loss says that itself.
    """
    rows: list[Row] = []
    headings: list[str] = []
    place: dict[str, float] = {}
    of = ""
    for line in lines:
        if not _WITH_NUMBERS.search(line):
            of = _heading(line, of)
            continue
        numbers = numbers_of_line(line)
        counted = {name: number for name, number in numbers.items() if name in ("step", "epoch")}
        place |= counted
        if any(map(is_loss, numbers)):
            rows.append(place | numbers)
            headings.append(of)
        else:
            of = "" if counted else _heading(line, of)
    if any(headings) and not any(role_of(name) == "evaluation" for row in rows for name in row):
        rows = [
            {heading + name if role_of(name) == "train" else name: number for name, number in row.items()}
            for row, heading in zip(rows, headings, strict=True)
        ]
    return fresh_rows(rows)


def _heading(line: str, of: str) -> str:
    """Of which set the lines after this one are: 'validation ', or '' for training; as before if it is no heading."""
    words = set(words_in(line[:LONGEST]))
    if words & EVALUATION and not words & TRAINING and len(words) <= 3:
        return "validation "
    return "" if words & TRAINING else of


def numbers_of_line(line: str) -> dict[str, float]:
    """All that a line says: its named numbers, the losses that it lists without names, epoch, step, and its bar."""
    found = numbers_in(line) | _unnamed_losses(line)
    found = counts_in(line) | found
    if not any(map(is_loss, found)):
        return found
    bar = bar_in(line)
    if {"step", "epoch"} & set(found):
        bar.pop("step", None)
    return found | bar


def _unnamed_losses(text: str) -> dict[str, float]:
    """The losses of a list as VITS prints it: those of its networks, the mel loss fourth, at the end step and rate."""
    match = _LIST.search(text)
    numbers = [number_in(part) for part in match[1].split(", ")] if match else []
    values = [number for number in numbers if number is not None]
    if len(values) < 5 or len(values) < len(numbers):
        return {}
    if all(value == int(value) for value in values if math.isfinite(value)):
        return {}  # sizes of layers, and the like
    found = dict(zip(VITS, values, strict=False)) | {f"loss_{'abcdefgh'[n % 8]}": v for n, v in enumerate(values[4:-2])}
    if len(values) >= 7 and math.isfinite(values[-2]) and values[-2] == int(values[-2]) and 0 < values[-1] < 1:
        found |= {"step": values[-2], "learning_rate": values[-1]}
    return found
