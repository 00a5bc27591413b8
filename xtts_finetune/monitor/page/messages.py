"""What the page is told: all runs each time, and the curves of those candidates that have moved."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from xtts_finetune.monitor.run import RunWatch
from xtts_finetune.monitor.view import Run

Sent = dict[tuple[int, str], int]


def message(watches: Sequence[RunWatch], runs: Sequence[Run], sent: Sent) -> dict[str, Any]:
    """{"runs": [...], "curves": {"0": {"phase1": {"mel_ce": [[step, low, mean, high], ...], ...}}}}.

    `sent` remembers which version of each curve the page has; it is brought up to date.
    """
    curves: dict[str, dict[str, Any]] = {}
    for number, (watch, run) in enumerate(zip(watches, runs, strict=True)):
        for one in run.candidates:
            if sent.get((number, one.name)) != one.version:
                sent[number, one.name] = one.version
                curves.setdefault(str(number), {})[one.name] = watch.curves(one.name)
    return {"runs": [run.to_json() for run in runs], "curves": curves}
