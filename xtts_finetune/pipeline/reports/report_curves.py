"""The report's curves, the same three that the monitor shows first, over all phases, one after the other."""

from __future__ import annotations

import math
from collections.abc import Sequence

from xtts_finetune.look.charts import Chart, Line, Panel, Ring, draw_lines
from xtts_finetune.records.metrics import EvalRecord, Metrics

# The training curve is drawn as means of as many steps as it takes to keep the page small.
TRAIN_POINTS = 240

Phases = Sequence[tuple[str, Metrics]]


def draw_curves(phases: Phases, base: EvalRecord | None) -> Chart | None:
    """Draw the phases that have trained, in their order; None when none has.

    The x axis counts optimizer steps over all phases: each phase starts where the one before it ended.
    """
    trained = [(name, metrics) for name, metrics in phases if _length(metrics) > 0]
    if not trained:
        return None
    panels = (
        _panel("mel CE (nats)", "mel_ce", trained, base, digits=3, share=3),
        _panel("text CE (0.01 nats)", "text_ce", trained, base, digits=4, share=2),
        _panel("stop CE (nats)", "stop_ce", trained, base, digits=3, share=2),
    )
    return draw_lines(panels, "optimizer steps, the phases one after the other", _in_words(trained, base), taller=1.7)


def _length(metrics: Metrics) -> int:
    return max([r.step for r in metrics.steps] + [r.step for r in metrics.evals], default=0)


def _panel(title: str, metric: str, phases: Phases, base: EvalRecord | None, digits: int, share: float) -> Panel:
    """One of the curves. Outliers of the training curve need not be in sight."""
    start, lines, bands, rings, shown = 0, [], [], [], []
    for name, metrics in phases:
        end = start + _length(metrics)
        bands.append((name, float(start), float(end)))
        # Steps do not record stop CE: it is one token a clip.
        trained = [] if metric == "stop_ce" else [(start + step, value) for step, value in _thinned(metrics, metric)]
        evals = [(float(start + e.step), float(getattr(e, metric))) for e in metrics.evals]
        lines += [Line("train", trained)] if trained else []
        lines.append(Line("eval", evals, dots=len(evals) <= 40))
        best = metrics.best
        if best is not None:
            value = getattr(best, metric)
            # Its words stand towards the middle of its phase, so that none leaves the drawing.
            rings.append(Ring(start + best.step, value, f"{value:.{digits}f}", best.step > _length(metrics) / 2))
        outer = len(trained) // 50
        shown += [value for _, value in evals]
        shown += sorted(value for _, value in trained)[outer : len(trained) - outer]
        start = end
    return Panel(title, lines, shown, None if base is None else getattr(base, metric), bands, rings, share)


def _thinned(metrics: Metrics, metric: str) -> list[tuple[float, float]]:
    """The training curve as means over stretches of steps; values that are no number are left out."""
    # Steps have text CE in nats, evaluations in the unit of Coqui's trainer.
    name, factor = ("text_ce_nats", 0.01) if metric == "text_ce" else (metric, 1.0)
    points = [(record.step, getattr(record, name) * factor) for record in metrics.steps]
    points = [(step, value) for step, value in points if math.isfinite(value)]
    size = max(1, -(-len(points) // TRAIN_POINTS))
    stretches = [points[i : i + size] for i in range(0, len(points), size)]
    return [
        (sum(step for step, _ in each) / len(each), sum(value for _, value in each) / len(each)) for each in stretches
    ]


def _in_words(phases: Phases, base: EvalRecord | None) -> str:
    sentences = ["Curves of mel CE, text CE and stop CE over all phases."]
    sentences += [] if base is None else [f"The base has a mel CE of {base.mel_ce:.3f}."]
    for name, metrics in phases:
        initial, best, final = metrics.initial, metrics.best, metrics.final
        if initial is not None and best is not None and final is not None:
            sentences.append(
                f"{name} started at {initial.mel_ce:.3f}, was best at step {best.step} with {best.mel_ce:.3f}"
                f" and ended at step {_length(metrics)}, last evaluated at {final.mel_ce:.3f}."
            )
    return " ".join(sentences)
