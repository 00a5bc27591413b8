"""What the listeners said, put through the statistics: preferences, strengths and marks of a run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import fmean
from typing import Any

from xtts_finetune.evaluation.decision.model import Mark
from xtts_finetune.evaluation.statistics.preferences import Counts, Preference, Rule, compare, count
from xtts_finetune.evaluation.statistics.sentences import OVERALL, marks_by_sentence, preferences_by_sentence
from xtts_finetune.evaluation.statistics.sign_test import LOOK_ALPHA
from xtts_finetune.records.heard.listening import Asked, Vote
from xtts_finetune.records.heard.listening_files import ALPHA_OF_TWO_LOOKS


@dataclass(frozen=True)
class Heard:
    """All that is known from listening.

    names      the candidates that were heard, in the order of the test
    listeners  how many are counted
    rated      sentences with a rating, of `planned` ones: statistics are asked only when all of them have one
    can_extend whether a pair that is not decided may have a further look
    open       pairs with sentences that are not rated yet, and how many
    alpha      the level of the look, for each pair
    """

    names: tuple[str, ...]
    preferences: tuple[Preference, ...]
    strengths: Mapping[str, Mapping[str, float]]
    marks: Mapping[str, Mark]
    listeners: int
    rated: int
    planned: int
    can_extend: bool
    open: Mapping[tuple[str, str], int] = field(default_factory=dict)
    alpha: float = LOOK_ALPHA

    @property
    def at_a_look(self) -> bool:
        """Whether all sentences of the look are rated, for every pair."""
        return not self.open

    def pair(self, one: str, other: str) -> Preference | None:
        """What is known of a pair, whichever way round."""
        return next((each for each in self.preferences if {each.first, each.second} == {one, other}), None)


def hear(votes: Mapping[str, Any] | None, order: Sequence[str]) -> Heard | None:
    """Put gathered votes through the statistics; None where none of them counts.

    order  the names of all candidates, as declared; votes on others do not count
    """
    cast = [vote for vote in _cast(votes) if vote.first in order and vote.second in order]
    if not votes or not cast:
        return None
    named = {name for vote in cast for name in (vote.first, vote.second)}
    names = tuple(name for name in order if name in named)
    means = preferences_by_sentence(cast, names)
    counts: dict[tuple[str, str], Counts] = {pair: count(of_pair.values()) for pair, of_pair in means.items()}
    asked = _asked(votes, means, order)
    left = {pair: each.planned - len(means.get(pair, ())) for pair, each in asked.items()}
    open_pairs = {pair: missing for pair, missing in left.items() if missing > 0}
    waiting = {asked[pair].after for pair in open_pairs}
    rules = {pair: Rule(each.alpha, each.after not in waiting, each.after) for pair, each in asked.items()}
    preferences = compare(counts, rules)
    settled = {(each.first, each.second) for each in preferences if each.significant}
    rated = len({vote.sentence for vote in cast})
    seed = seed_of(votes)
    strengths: dict[str, dict[str, float]] = {}
    if len(names) > 2:
        from xtts_finetune.evaluation.statistics.bradley_terry import rank_by_strength  # noqa: PLC0415  heavy

        strengths = {name: asdict(each) for name, each in rank_by_strength(means, names, seed).items()}
    return Heard(
        names=names,
        preferences=preferences,
        strengths=strengths,
        marks={name: mark for name in names if (mark := _mark(cast, name, seed)) is not None},
        listeners=len({vote.listener for vote in cast}),
        rated=rated,
        planned=rated + max(open_pairs.values(), default=0),
        can_extend=any(each.looks_left for pair, each in asked.items() if pair not in settled),
        open=open_pairs,
        alpha=min((each.alpha for each in asked.values()), default=LOOK_ALPHA),
    )


def _asked(
    votes: Mapping[str, Any], means: Mapping[tuple[str, str], Mapping[str, float]], order: Sequence[str]
) -> dict[tuple[str, str], Asked]:
    """What the tests ask about each pair; records of tests of two looks tell it of all pairs at once."""
    if "asked" in votes:
        found = [Asked(**each) for each in votes["asked"]]
        known = [each for each in found if each.first in order and each.second in order]
        return {_in_order(order, each.first, each.second): each for each in known}
    rated = len({sentence for of_pair in means.values() for sentence in of_pair})
    planned = max(int(votes.get("planned") or 0), int(votes["sentences"]))
    looks_left = 0 if votes["extended"] else 1
    return {
        pair: Asked(*pair, len(of_pair) + max(0, planned - rated), ALPHA_OF_TWO_LOOKS, looks_left, "")
        for pair, of_pair in means.items()
    }


def _in_order(order: Sequence[str], one: str, other: str) -> tuple[str, str]:
    """A pair, in the declared order."""
    return (one, other) if order.index(one) < order.index(other) else (other, one)


def marks_heard(votes: Mapping[str, Any] | None) -> dict[str, float]:
    """The mark of each candidate that was marked, to two digits, without its interval."""
    cast = _cast(votes)
    names = dict.fromkeys(name for vote in cast for name in vote.marks if OVERALL in vote.marks[name])
    return {name: rounded(_mean_mark(cast, name, OVERALL)) for name in names}


def rounded(mark: float) -> float:
    """A mark as it is shown and compared between records."""
    return round(mark, 2)


def seed_of(inputs: Mapping[str, Any]) -> int:
    """A seed that depends on the inputs alone: resampling them again draws the same."""
    text = json.dumps(inputs, sort_keys=True, ensure_ascii=False)
    return int.from_bytes(hashlib.sha256(text.encode("utf-8")).digest()[:8], "big")


def _cast(votes: Mapping[str, Any] | None) -> list[Vote]:
    """The gathered votes; those of listeners who failed their checks are not among them."""
    return [Vote(**{**each, "faults": {}, "note": ""}) for each in votes["votes"]] if votes else []


def _mark(votes: Sequence[Vote], name: str, seed: int) -> Mark | None:
    by_sentence = marks_by_sentence(votes, name)
    if not by_sentence:
        return None
    from xtts_finetune.evaluation.statistics.sentences import mark_interval  # noqa: PLC0415  heavy

    interval = mark_interval(list(by_sentence.values()), seed)
    qualities = {quality for vote in votes for quality in vote.marks.get(name, {})}
    marks = {quality: _mean_mark(votes, name, quality) for quality in sorted(qualities)}
    listeners = {vote.listener for vote in votes if OVERALL in vote.marks.get(name, {})}
    return Mark(interval.mean, interval.low, interval.high, len(by_sentence), len(listeners), marks)


def _mean_mark(votes: Sequence[Vote], name: str, quality: str) -> float:
    return fmean(marks_by_sentence(votes, name, quality).values())
