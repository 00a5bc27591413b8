"""What a rank is told by its launcher: its GPU, or that there was none."""

from __future__ import annotations

import pytest

from xtts_finetune.ranks.launched import launched, own_gpu


@pytest.mark.parametrize(
    ("rank", "visible", "own"),
    [(0, None, "0"), (2, None, "2"), (1, "3, 5", "5"), (2, "3,5", ""), (0, "", "")],
)
def test_a_rank_sees_one_gpu(rank: int, visible: str | None, own: str) -> None:
    assert own_gpu(rank, visible) == own


def test_a_process_alone_was_not_launched() -> None:
    assert launched({"RANK": "0"}) is None
