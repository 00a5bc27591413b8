"""What benchmarks/scaling.py makes of the figures of its ranks."""

from __future__ import annotations

from typing import Any

from benchmarks.scaling import on_paper, row, worst

FOUND: dict[str, Any] = {
    "size": "mid",
    "ranks": 2,
    "optimizer_state": "whole",
    "clips_a_second": 1.0,
    "step_seconds": 4.0,
    "bare_seconds": 3.0,
    "share_exchanging": 0.25,
    "parameters": 100_000_000,
    "moments": 800_000_000,
    "memory": 1,
    "peak_memory": 2_000_000_000,
    "rate": 4e8,
    "latency": 0.0,
}


def test_the_slowest_rank_counts_with_the_largest_memory_of_any() -> None:
    found = worst([FOUND | {"moments": 3}, FOUND | {"step_seconds": 5.0, "moments": 1}])
    assert (found["step_seconds"], found["moments"]) == (5.0, 3)


def test_on_paper_an_exchange_of_a_second_is_hidden_or_not() -> None:
    shares = on_paper(FOUND)  # 0.4 GB at 0.4 GB/s, behind 2 s of backward pass
    assert shares["share_if_not"] == 1 / (3 + 1)
    assert 0 < shares["share_if_hidden"] < 0.03


def test_one_rank_exchanges_nothing() -> None:
    alone = {name: value for name, value in FOUND.items() if name not in ("rate", "latency")}
    assert on_paper(alone) == {}
    assert "GB/s" not in row(alone)
