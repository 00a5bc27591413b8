from __future__ import annotations

import pytest

from xtts_finetune.data.fingerprint import check_limits
from xtts_finetune.errors import UserError
from xtts_finetune.spec.pipeline import ClipLimits

XTTS_V2 = {"model_args": {"gpt_max_audio_tokens": 605, "gpt_max_text_tokens": 402}}


@pytest.mark.parametrize(
    "limits, config, problem",
    [
        ({}, XTTS_V2, None),
        ({}, {"model_args": {}}, None),
        ({"max_seconds": 28}, XTTS_V2, None),
        ({"max_seconds": 30}, XTTS_V2, "max_seconds is 30.*at most 28"),
        ({"max_text_tokens": 400}, XTTS_V2, None),
        ({}, {"model_args": {"gpt_max_audio_tokens": 100}}, r"max_seconds is 11\.6.*at most 4\.5"),
        ({}, {"model_args": {"gpt_max_text_tokens": 100}}, "max_text_tokens is 200.*at most 100"),
    ],
)
def test_clips_must_fit_into_the_base(limits: dict[str, float], config: dict[str, object], problem: str | None):
    if problem is None:
        check_limits(ClipLimits(**limits), config)
    else:
        with pytest.raises(UserError, match=problem):
            check_limits(ClipLimits(**limits), config)
