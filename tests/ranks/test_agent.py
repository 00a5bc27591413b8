"""Who was lost first, from the exit codes of all."""

from __future__ import annotations

import pytest

from xtts_finetune.ranks.agent import root_cause
from xtts_finetune.ranks.launched import OTHERS_ARE_GONE


@pytest.mark.parametrize(
    ("codes", "said"),
    [
        ({1: -9}, "rank 1 of 4 on a was ended by SIGKILL"),
        ({0: -15, 1: -9, 2: OTHERS_ARE_GONE}, "rank 1 of 4 on a was ended by SIGKILL"),
        ({0: OTHERS_ARE_GONE, 3: 1}, "rank 3 of 4 on a ended with exit code 1"),
        ({0: -15, 3: 1}, "rank 3 of 4 on a ended with exit code 1"),
        ({2: -15}, "rank 2 of 4 on a was ended by SIGTERM"),
        ({0: -15, 2: OTHERS_ARE_GONE}, None),
    ],
)
def test_the_first_that_was_lost(codes: dict[int, int], said: str | None) -> None:
    assert root_cause(codes, 4, "a") == said
