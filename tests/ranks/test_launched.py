"""What a rank is told by its launcher: its GPU, or that there was none."""

from __future__ import annotations

from xtts_finetune.ranks.launched import launched


def test_a_process_alone_was_not_launched() -> None:
    assert launched({"RANK": "0"}) is None
