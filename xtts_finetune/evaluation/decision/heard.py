"""What the listeners said, put through the statistics: preferences, strengths and marks of a run."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import Any

from xtts_finetune.evaluation.decision.model import Mark
from xtts_finetune.evaluation.statistics.preferences import Counts, Preference, compare, count
from xtts_finetune.evaluation.statistics.sentences import OVERALL, marks_by_sentence, preferences_by_sentence
from xtts_finetune.records.listening import Vote


@dataclass(frozen=True)
class Heard:
    """All that is known from listening.

    names      the candidates that were heard, in the order of the test
    listeners  how many are counted
    rated      sentences with a rating, of `planned` ones: statistics are asked only when all of them have one
    can_extend whether the one extension is left
    """

    names: tuple[str, ...]
    preferences: tuple[Preference, ...]
    strengths: Mapping[str, Mapping[str, float]]
    marks: Mapping[str, Mark]
    listeners: int
    rated: int
    planned: int
    can_extend: bool

    @property
    def at_a_look(self) -> bool:
        """Whether all sentences of the look are rated."""
        return self.rated >= self.planned

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
    rated = len({vote.sentence for vote in cast})
    planned = max(int(votes.get("planned") or 0), int(votes["sentences"]))
    counts: dict[tuple[str, str], Counts] = {pair: count(of_pair.values()) for pair, of_pair in means.items()}
    seed = seed_of(votes)
    strengths: dict[str, dict[str, float]] = {}
    if len(names) > 2:
        from xtts_finetune.evaluation.statistics.bradley_terry import rank_by_strength  # noqa: PLC0415  heavy

        strengths = {name: asdict(each) for name, each in rank_by_strength(means, names, seed).items()}
    return Heard(
        names=names,
        preferences=compare(counts, at_a_look=rated >= planned),
        strengths=strengths,
        marks={name: mark for name in names if (mark := _mark(cast, name, seed)) is not None},
        listeners=len({vote.listener for vote in cast}),
        rated=rated,
        planned=planned,
        can_extend=not votes["extended"],
    )


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
