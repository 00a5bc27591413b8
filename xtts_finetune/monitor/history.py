"""What a candidate's metrics say so far, in bounded memory: curves in buckets, the newest records whole.

Numbers of steps come straight from the lines of metrics.jsonl. Parsing each as JSON takes three times as long, which
at a hundred thousand lines is a second on a machine that trains meanwhile; other lines are left to the parser.
"""

from __future__ import annotations

import itertools
import math
import re
from collections import deque
from operator import itemgetter
from typing import TYPE_CHECKING, Any

from xtts_finetune.curves.judge import WINDOW, EpochMean, eval_std, gap_at, gap_of
from xtts_finetune.monitor.buckets import Buckets
from xtts_finetune.records.json_lines import parsed
from xtts_finetune.records.metrics import EvalRecord, QualityRecord, StepRecord

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KEYS = ("step", "epoch", "learning_rate", "mel_ce", "text_ce_nats", "grad_norm", "seconds")
HEAD = b'{"kind": "step", '
# It begins with plain text, which is searched for much faster than the start of a line.
STEP = re.compile(
    rb'\{"kind": "step", "step": VALUE, "epoch": VALUE, "learning_rate": VALUE, "loss": [^,"]+, "mel_ce": VALUE, '
    rb'"text_ce_nats": VALUE, "grad_norm": VALUE, "clips": [^,"]+, "seconds": VALUE, "load_seconds": [^,"]+, '
    rb'"stepped": (?:true|false)\}\n'.replace(b"VALUE", rb'([^,"]+)')
)


def split_steps(text: bytes, recent: int) -> tuple[NDArray[np.float64], bytes] | None:
    """A table of the steps (a row each, columns as KEYS), and the lines to parse: all others, the last steps too.

    `recent` is how many steps are wanted whole. None where a step is written in any other way, or not in numbers.
    """
    import numpy as np  # noqa: PLC0415  (not for --help)

    lines = text.split(b"\n")
    others = [line for line in lines if not line.startswith(HEAD)]
    found = STEP.findall(text)
    if not found or len(found) != len(lines) - len(others):
        return None
    try:
        # One by one, yet quicker than numpy's own reading of text.
        numbers = np.fromiter(map(float, itertools.chain.from_iterable(found)), np.float64)
    except ValueError:  # null, true: not in numbers
        return None
    last = [line for line in lines[-2 * recent :] if line.startswith(HEAD)]
    return numbers.reshape(-1, len(KEYS)), b"\n".join([*others, *last])


COLUMN = {key: number for number, key in enumerate(KEYS)}
# Curves of every step, by their name on the page; text CE in the unit that people know (0.01 x nats).
OF_STEPS = {
    "train_mel_ce": ("mel_ce", 1.0),
    "train_text_ce": ("text_ce_nats", 0.01),
    "learning_rate": ("learning_rate", 1.0),
    "grad_norm": ("grad_norm", 1.0),
    "seconds": ("seconds", 1.0),
}
OF_EVALS = ("mel_ce", "text_ce", "stop_ce", "eval_std", "gap")
# (step, value) of new evaluations, by the name of the curve.
EvalPoints = dict[str, list[tuple[int, float]]]
RECENT_STEPS, RECENT_EVALS, RECENT_EPOCHS = 200, 500, 64


class History:
    """One candidate's metrics. `version` rises with everything that is added."""

    def __init__(self) -> None:
        self.curves = {name: Buckets() for name in (*OF_STEPS, *OF_EVALS)}
        self.evals: deque[EvalRecord] = deque(maxlen=RECENT_EVALS)
        self.quality: deque[QualityRecord] = deque(maxlen=RECENT_EVALS)
        self.steps: deque[StepRecord] = deque(maxlen=RECENT_STEPS)
        self.initial: EvalRecord | None = None
        self.best: EvalRecord | None = None
        self.eval_count = 0
        self.eval_seconds = 0.0
        self.damaged = 0
        self.version = 0
        self._epochs: dict[int, tuple[float, int]] = {}

    @property
    def last_step(self) -> int:
        """The newest step that is known of, 0 for none."""
        of_evals = self.evals[-1].step if self.evals else 0
        return max(self.steps[-1].step if self.steps else 0, of_evals)

    @property
    def epoch(self) -> float:
        """Passes over the clips so far."""
        return self.steps[-1].epoch if self.steps else 0.0

    @property
    def whole_epochs(self) -> list[EpochMean]:
        """Mean training loss of the last whole epochs; the one that is going on does not count."""
        newest = max(self._epochs, default=-1)
        done = abs(self.epoch - (newest + 1)) < 1e-3
        return [
            EpochMean(epoch, total / count)
            for epoch, (total, count) in sorted(self._epochs.items())
            if count and (epoch < newest or done)
        ]

    @property
    def gaps(self) -> list[float | None]:
        """How far the eval mel_ce is above the training mel_ce, at each of the last evaluations."""
        return [gap_at(record) for record in self.evals]

    def add_lines(self, text: bytes) -> None:
        """Add whole lines of metrics.jsonl in their order; those that hold no record are counted in `damaged`."""
        known = split_steps(text, RECENT_STEPS)
        records, damaged = parsed(text if known is None else known[1])
        self.damaged += damaged
        steps = [record for record in records if record.get("kind") == "step"]
        if steps:
            self._add_steps(steps, None if known is None else known[0])
        points: EvalPoints = {name: [] for name in OF_EVALS}
        for record in records:
            if record.get("kind") != "step":
                self._add_other(record, points)
        self._draw_evals(points)
        self.version += 1

    def _add_steps(self, records: list[dict[str, Any]], table: NDArray[np.float64] | None) -> None:
        """Add steps: all as a table, and the last ones whole; without a table, the records are all there are."""
        import numpy as np  # noqa: PLC0415  (not for --help)

        if table is None:
            good = [record for record in records if _is_step(record)]
            self.damaged += len(records) - len(good)
            if not good:
                return
            records = good
            table = np.array(list(map(itemgetter(*KEYS), records)), dtype=np.float64)
        for name, (key, factor) in OF_STEPS.items():
            self.curves[name].extend(table[:, 0], table[:, COLUMN[key]] * factor)
        self._add_epochs(table)
        recent = records[-RECENT_STEPS:]
        while self.steps and self.steps[-1].step >= int(recent[0]["step"]):
            self.steps.pop()
        self.steps.extend(StepRecord.from_json({"loss": None, **record}) for record in recent)

    def _add_epochs(self, table: NDArray[np.float64]) -> None:
        import numpy as np  # noqa: PLC0415

        mel_ce = table[:, COLUMN["mel_ce"]]
        table = table[np.isfinite(mel_ce)]
        numbers = np.ceil(table[:, COLUMN["epoch"]] - 1e-6).astype(int) - 1
        for epoch in np.unique(numbers)[-RECENT_EPOCHS:].tolist():
            values = table[numbers == epoch, COLUMN["mel_ce"]]
            total, count = self._epochs.get(epoch, (0.0, 0))
            self._epochs[epoch] = (total + float(values.sum()), count + len(values))
        for epoch in sorted(self._epochs)[:-RECENT_EPOCHS]:
            del self._epochs[epoch]

    def _add_other(self, record: dict[str, Any], points: EvalPoints) -> None:
        try:
            if record.get("kind") == "eval":
                self._add_eval(EvalRecord.from_json(record), points)
            elif record.get("kind") == "quality":
                self.quality.append(QualityRecord.from_json(record))
            else:
                self.damaged += 1
        except (KeyError, TypeError, ValueError, OverflowError):
            self.damaged += 1

    def _add_eval(self, record: EvalRecord, points: EvalPoints) -> None:
        while self.evals and self.evals[-1].step >= record.step:
            self.evals.pop()
        self.evals.append(record)
        self.eval_count += 1
        self.eval_seconds += record.seconds if math.isfinite(record.seconds) else 0.0
        self.initial = self.initial or record
        if math.isfinite(record.mel_ce) and (self.best is None or record.mel_ce < self.best.mel_ce):
            self.best = record
        values = [self.evals[-back].mel_ce for back in range(min(WINDOW, len(self.evals)), 0, -1)]
        numbers = (record.mel_ce, record.text_ce, record.stop_ce, eval_std(values), gap_at(record))
        for name, value in zip(OF_EVALS, numbers, strict=True):
            if value is not None:
                points[name].append((record.step, value))

    def _draw_evals(self, points: EvalPoints) -> None:
        """Add many evaluations to their curves at once: one by one takes as long as all the steps do."""
        import numpy as np  # noqa: PLC0415

        for name, found in points.items():
            if found:
                table = np.array(found, dtype=np.float64)
                self.curves[name].extend(table[:, 0], table[:, 1])

    @property
    def eval_std(self) -> float | None:
        """See curves.judge.eval_std."""
        return eval_std([record.mel_ce for record in self.evals])

    @property
    def gap(self) -> float | None:
        """See curves.judge.gap_of."""
        return gap_of(self.gaps)


def _is_step(record: dict[str, Any]) -> bool:
    try:
        values = [record[key] for key in KEYS]
        StepRecord.from_json({"loss": None, **record})
    except (KeyError, TypeError, ValueError, OverflowError):
        return False
    return all(value is None or isinstance(value, int | float) for value in values)
