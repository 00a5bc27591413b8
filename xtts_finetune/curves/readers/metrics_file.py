"""Curves of our own metrics.jsonl: mel CE of evaluations and of training steps."""

from __future__ import annotations

from pathlib import Path

from xtts_finetune.curves.curves import Curves, series
from xtts_finetune.records.metrics import Metrics, read_metrics
from xtts_finetune.records.run_folder import METRICS

FORMAT = METRICS


def is_metrics(path: Path, head: str) -> bool:
    """Whether a file that begins with `head` is a metrics.jsonl: its first line is a record of one kind of ours."""
    first = head.lstrip().partition("\n")[0]
    return first.startswith("{") and '"kind"' in first and '"step"' in first


def read_metrics_file(path: Path) -> Curves:
    """The curves of a metrics.jsonl. Raises UserError that names the line that cannot be understood."""
    return curves_of_metrics(read_metrics(path), str(path), path.resolve().parent.name)


def curves_of_metrics(metrics: Metrics, source: str = "", phase: str | None = None) -> Curves:
    """The curves of a history that is at hand: mel CE in nats over optimizer steps.

    A step that fp16 skipped has a loss and a gradient norm that trained nothing: it does not count.
    """
    steps = [record for record in metrics.steps if record.stepped]
    return Curves(
        unit="step",
        train=series("mel_ce of training", ((r.step, r.mel_ce) for r in steps), averaged=False),
        evaluation=series("mel_ce", ((r.step, r.mel_ce) for r in metrics.evals)),
        learning_rate=series("learning_rate", ((r.step, r.learning_rate) for r in steps)),
        grad_norm=series("grad_norm", ((r.step, r.grad_norm) for r in steps), averaged=False),
        source=source,
        format=FORMAT,
        phase=phase,
    )
