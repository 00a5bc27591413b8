"""The curves as a PNG, drawn like the report's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from xtts_finetune.monitor.run import RunWatch
from xtts_finetune.monitor.state import STATES
from xtts_finetune.monitor.view import Curves, Run
from xtts_finetune.records.atomic import atomic_path

PAPER, INK, MUTED, LINE, EVAL, TRAIN, WARM, BAND = (
    "#fbf9f5", "#1d2528", "#5c6669", "#e4dfd6", "#0b6468", "#9cc5c4", "#a65418", "#f4f0e8",
)  # fmt: skip
# (title, curve on the eval set or alone, curve while training, the gauge whose limit is drawn)
PANELS = (
    ("mel CE (nats)", "mel_ce", "train_mel_ce", ""),
    ("text CE (0.01 nats)", "text_ce", "train_text_ce", ""),
    ("stop CE (nats)", "stop_ce", "", ""),
    ("jumps of the eval loss (nats)", "eval_std", "", "eval_std"),
    ("gap: eval above training mel CE (nats)", "gap", "", "gap"),
    ("learning rate", "", "learning_rate", ""),
    ("gradient norm", "", "grad_norm", "clip"),
    ("seconds a step", "", "seconds", ""),
)


def draw_picture(watches: Sequence[RunWatch], path: Path) -> None:
    """Write the PNG: a column for each run, a row for each curve, the same scale across a row."""
    import matplotlib as mpl  # noqa: PLC0415  heavy
    from matplotlib.figure import Figure  # noqa: PLC0415

    runs = [watch.look() for watch in watches]
    curves = [{name: watch.curves(name) for name in watch.watched} for watch in watches]
    look = {"font.size": 9.0, "text.color": INK, "axes.facecolor": PAPER, "figure.facecolor": PAPER}
    with mpl.rc_context(look):
        figure = Figure(figsize=(max(9.0, 6.0 * len(runs)), 2.3 * len(PANELS)), layout="constrained", dpi=120)
        axes = figure.subplots(len(PANELS), len(runs), squeeze=False, sharey="row", sharex="col")
        for column, (run, known) in enumerate(zip(runs, curves, strict=True)):
            for row, panel in enumerate(PANELS):
                _panel(axes[row][column], panel, run, known)
            head = f"{run.name}: {STATES[run.state.kind]}"
            axes[0][column].annotate(head, (0, 1), xytext=(0, 44), xycoords="axes fraction",
                                     textcoords="offset points", fontsize=15, color=INK)  # fmt: skip
            axes[-1][column].set_xlabel("optimizer steps, the phases one after the other", color=MUTED)
        with atomic_path(path) as temporary:
            figure.savefig(temporary, format="png")


def _panel(axis: Any, panel: tuple[str, str, str, str], run: Run, curves: Mapping[str, Curves]) -> None:
    title, evals, training, limit = panel
    start = 0
    trained = [one for one in run.phases if one.step > 0]
    for number, one in enumerate(trained):
        known = curves.get(one.name, {})
        if number % 2 == 0:
            axis.axvspan(start, start + one.step, color=BAND, linewidth=0, zorder=0)
        axis.text(start + one.step / 2, 1.02, one.name, transform=axis.get_xaxis_transform(), ha="center",
                  color=MUTED)  # fmt: skip
        _line(axis, start, known.get(training, []), TRAIN if evals else EVAL, 1.1)
        _line(axis, start, known.get(evals, []), EVAL, 2.0)
        start += one.step
    if (level := _level(run, limit)) is not None and trained:
        axis.axhline(level, color=WARM, linewidth=1.2, linestyle=(0, (5, 4)))
    axis.set_title(title, loc="left", fontsize=10, fontweight="bold", color=INK, pad=19)
    axis.grid(axis="y", color=LINE, linewidth=0.7)
    axis.spines[:].set_visible(False)
    axis.tick_params(length=0, labelcolor=MUTED)


def _line(axis: Any, start: int, points: Sequence[tuple[float, Any, Any, Any]], colour: str, width: float) -> None:
    known = [point for point in points if point[2] is not None]
    if not known:
        return
    steps, lows, means, highs = ([row[i] for row in known] for i in range(4))
    at = [start + step for step in steps]
    axis.fill_between(at, lows, highs, color=colour, alpha=0.3, linewidth=0, zorder=2)
    axis.plot(at, means, color=colour, linewidth=width, marker="o" if len(at) <= 40 and width > 1.5 else "",
              markersize=3, zorder=3)  # fmt: skip


def _level(run: Run, limit: str) -> float | None:
    if limit == "clip":
        return run.current.clip if run.current else None
    return next((gauge.limit for gauge in run.gauges if gauge.name == limit), None)
