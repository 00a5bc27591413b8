"""The table of train_speed, with ratios to stock."""

from __future__ import annotations

import statistics
from typing import Any

ROWS = (  # key, name, unit divisor, decimals
    ("clips_a_second", "clips a second", 1, 2),
    ("audio_a_second", "seconds of audio a second", 1, 2),
    ("bare_clips_a_second", "bare limit, clips a second", 1, 2),
    ("share_of_bare", "share of the bare limit", 1, 3),
    ("peak_memory", "peak memory, GB", 1e9, 2),
    ("bytes", "best model + checkpoint, GB", 1e9, 3),
    ("start_up_seconds", "start-up to first step, s", 1, 1),
    ("evaluation_seconds", "one evaluation, s", 1, 2),
    ("loading_share", "loading, share of a step", 1, 4),
    ("mel_ce", "eval mel_ce after the same clips", 1, 4),
)


def table(result: dict[str, Any]) -> str:
    """Means over the seeds, and what each is of stock's."""
    runs = result["runs"]
    seeds = len(next(iter(runs.values())))
    compared = [side for side in runs if side != "stock" and "stock" in runs]
    threads = {side: found[0]["threads"] for side, found in runs.items()}
    lines = [f"\n{result['size']}, batch {result['batch']}, {seeds} seeds; threads {threads}"]
    lines.append(
        f"{'':36}" + "".join(f"{side:>12}" for side in runs) + "".join(f"{side + ':stock':>14}" for side in compared)
    )
    for key, name, unit, decimals in ROWS:
        means = {side: _mean(found, key) for side, found in runs.items()}
        cells = "".join(f"{_cell(value, unit, decimals):>12}" for value in means.values())
        ratios = "".join(f"{_ratio(means[side], means['stock']):>14}" for side in compared)
        lines.append(f"{name:36}{cells}{ratios}")
    spread = {side: [round(run["mel_ce"], 4) for run in found] for side, found in runs.items()}
    return "\n".join([*lines, f"mel_ce of each seed: {spread}"])


def _mean(runs: list[dict[str, Any]], key: str) -> float | None:
    return statistics.fmean(run[key] for run in runs) if key in runs[0] else None


def _cell(value: float | None, unit: float, decimals: int) -> str:
    return "-" if value is None else f"{value / unit:.{decimals}f}"


def _ratio(ours: float | None, stock: float | None) -> str:
    return "-" if ours is None or not stock else f"{ours / stock:.2f}"
