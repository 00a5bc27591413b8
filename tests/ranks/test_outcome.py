"""How ranks say that they ended, and whose word counts."""

from __future__ import annotations

from pathlib import Path

from xtts_finetune.errors import DONE, FAILED, INTERRUPTED
from xtts_finetune.ranks.outcome import LaunchFolder, RankOutcome


def test_the_first_ranks_word_counts_most(tmp_path: Path) -> None:
    folder = LaunchFolder(tmp_path)
    assert folder.decided(0) is None
    folder.write_outcome(1, RankOutcome(DONE))
    assert folder.decided(0) is None, "rank 0 may still be closing its records"
    folder.write_outcome(1, RankOutcome(FAILED, "no memory", "out_of_memory", {"step": 3.0}))
    decided = folder.decided(0)
    assert decided is not None and decided.stop is not None and decided.stop.reason.value == "out_of_memory"
    folder.write_outcome(0, RankOutcome(INTERRUPTED))
    assert folder.decided(0) == RankOutcome(INTERRUPTED)
    folder.forget_outcomes()
    assert folder.outcomes() == {}


def test_asking_to_stop_is_a_file(tmp_path: Path) -> None:
    folder = LaunchFolder(tmp_path)
    assert not folder.is_set()
    folder.ask_to_stop()
    assert folder.is_set()
