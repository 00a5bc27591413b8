"""Rows of progress bars (tqdm, Lightning, Keras), which show most numbers many times: each once, where it is new."""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import groupby, pairwise

from xtts_finetune.curves.readers.names import is_loss, role_of, words_in
from xtts_finetune.curves.readers.rows import Row

# Among the numbers of a row: the share of its bar that is done, and whether its losses are means of the epoch so far.
BAR, RUNNING = "bar", "running"
_DONE = re.compile(r"(?<![\d./])(\d+)/(\d+)\b(?=\s*(?:\[|━|-|\d+:\d\d|\d+s\b))")
_COUNT_BEFORE = re.compile(r"(?:epochs?|steps?|iter\w*|ep)\W*$", re.IGNORECASE)
_KERAS = re.compile(r"\bETA\b|\[=*[=>.]+\]|\d\S*s/step|━\S* \S+ \d+\w+/step")


def bar_in(line: str) -> dict[str, float]:
    """What the last bar in a line says: the share that is done, and its count as the step; empty without one."""
    bars = [bar for bar in _DONE.finditer(line) if not _COUNT_BEFORE.search(line[: bar.start()])]
    if not bars:
        return {}
    done, total = int(bars[-1][1]), int(bars[-1][2])
    return {BAR: done / max(total, 1), "step": float(done)} | ({RUNNING: 1.0} if _KERAS.search(line) else {})


def fresh_rows(rows: list[Row]) -> list[Row]:
    """Rows with each number of a bar where it is new.

    A loss of a batch is new where it differs from the one drawn before. An evaluation or a mean stays on the bar of the
    next epoch: the last of an epoch counts, unless its bar stands half-way at the value of the epoch before.
    """
    if not any(BAR in row for row in rows):
        return rows
    laps = [
        [row for _, row in lap] for _, lap in groupby(zip(_laps(rows), rows, strict=True), key=lambda pair: pair[0])
    ]
    found: list[Row] = []
    ended: Row = {}
    for lap in laps:
        shown: Row = {}
        last = max((number for number, row in enumerate(lap) if BAR in row), default=-1)
        for number, row in enumerate(lap):
            stale = set()
            for name, value in row.items() if BAR in row else ():
                if len(laps) > 1 and _is_mean(name, row):
                    new = number == last and (row[BAR] == 1 or ended.get(name) != value)
                else:
                    new = shown.get(name) != value or (len(laps) == 1 and not _is_mean(name, row))
                stale |= set() if new or not is_loss(name) else {name}
            shown = {**shown, **row}
            found.append({name: value for name, value in row.items() if name not in {BAR, RUNNING} | stale})
        ended = {**ended, **lap[-1]}
    return [row for row in found if any(map(is_loss, row))]


def _laps(rows: Sequence[Row]) -> list[int]:
    """Which epoch each row is of, counted from 0, by its number or by a bar that begins anew."""
    found, lap = [], 0
    for before, row in pairwise([rows[0], *rows]):
        if row.get("epoch") != before.get("epoch"):
            lap += 1
        elif "epoch" not in row and BAR in row and BAR in before:
            lap += row[BAR] < before[BAR] or (row[BAR] == before[BAR] == 1 and row != before)
        found.append(lap)
    return found


def _is_mean(name: str, row: Row) -> bool:
    return is_loss(name) and (RUNNING in row or role_of(name) == "evaluation" or "epoch" in words_in(name))
