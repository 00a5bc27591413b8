"""What is heavy is imported with the garbage collector at rest, which works again afterwards."""

from __future__ import annotations

import gc

import pytest

from xtts_finetune.packages import without_collecting


@pytest.mark.parametrize("collects", [True, False])
def test_nothing_is_collected_meanwhile_and_the_collector_is_as_it_was(collects: bool) -> None:
    before = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    try:
        with pytest.raises(ImportError), without_collecting():
            assert not gc.isenabled()
            raise ImportError
        assert gc.isenabled() is collects
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        (gc.enable if before else gc.disable)()
