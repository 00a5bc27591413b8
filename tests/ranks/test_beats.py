"""Signs of life: who is silent, and who was only away oneself."""

from __future__ import annotations

from xtts_finetune.ranks.beats import LEFT, START_SECONDS, Silence


def test_a_rank_whose_count_stands_still_is_silent() -> None:
    silence = Silence((1, 2), 5.0, now=0.0)
    for second in range(1, 5):
        assert silence.look({1: "0", 2: str(second)}, second) == []
    assert silence.look({1: "0", 2: "5"}, 6.5) == [1]


def test_one_that_has_ended_in_order_is_not_missed() -> None:
    silence = Silence((1,), 5.0, now=0.0)
    for second in range(60):
        assert silence.look({1: f"{LEFT}\nhost"}, second) == []


def test_one_that_has_not_begun_may_take_longer() -> None:
    silence = Silence((1,), 5.0, now=0.0)
    ends = int(START_SECONDS + 5)
    assert not any(silence.look({}, second) for second in range(ends))
    assert silence.look({}, ends + 1) == [1]


def test_who_stood_still_oneself_blames_nobody() -> None:
    silence = Silence((1,), 5.0, now=0.0)
    assert silence.look({1: "7"}, 1.0) == []
    assert silence.look({1: "7"}, 100.0) == [], "this process was stopped meanwhile"
    assert silence.look({1: "7"}, 102.0) == []
    assert silence.look({1: "7"}, 104.0) == []
    assert silence.look({1: "7"}, 106.0) == [1]
