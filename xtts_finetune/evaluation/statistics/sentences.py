"""Ratings brought to one number a sentence: listeners hear the same sentences, so their ratings are not independent.

Ratings of several listeners taken as if each were a sentence of its own called 17 % of equal voices different at a
nominal 5 %; the means of the sentences 4 %.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from statistics import fmean

from xtts_finetune.records.listening import Vote

Pair = tuple[str, str]
OVERALL = "overall"


def preferences_by_sentence(votes: Iterable[Vote], order: Sequence[str]) -> dict[Pair, dict[str, float]]:
    """The mean preference of each sentence for each pair that was heard: above 0 the pair's second is preferred.

    A listener's votes on a sentence (of several seeds) are averaged first, then the listeners, each counting once.
    Pairs are named in `order`, whichever way round a vote names them; pairs and sentences come sorted.
    """
    heard: dict[Pair, dict[str, dict[str, list[float]]]] = {}
    place = {name: number for number, name in enumerate(order)}
    for vote in votes:
        swapped = place[vote.first] > place[vote.second]
        pair = (vote.second, vote.first) if swapped else (vote.first, vote.second)
        of_sentence = heard.setdefault(pair, {}).setdefault(vote.sentence, {})
        of_sentence.setdefault(vote.listener, []).append(-vote.preference if swapped else vote.preference)
    pairs = sorted(heard, key=lambda pair: (place[pair[0]], place[pair[1]]))
    return {pair: _means(heard[pair]) for pair in pairs}


def marks_by_sentence(votes: Iterable[Vote], candidate: str, quality: str = OVERALL) -> dict[str, float]:
    """The mean mark out of 10 of each sentence that `candidate` spoke; votes without the mark do not count."""
    heard: dict[str, dict[str, list[float]]] = defaultdict(dict)
    for vote in votes:
        mark = vote.marks.get(candidate, {}).get(quality)
        if mark is not None:
            heard[vote.sentence].setdefault(vote.listener, []).append(mark)
    return _means(heard)


def _means(heard: Mapping[str, Mapping[str, Sequence[float]]]) -> dict[str, float]:
    """{sentence: {listener: values}} to {sentence: mean over listeners of each one's mean}."""
    return {
        sentence: fmean(fmean(values) for _, values in sorted(of_sentence.items()))
        for sentence, of_sentence in sorted(heard.items())
    }
