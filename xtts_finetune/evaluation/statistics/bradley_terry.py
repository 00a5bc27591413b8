"""How strong each of several voices is, from all pairs together: the order of more than two candidates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.evaluation.statistics.preferences import TIE
from xtts_finetune.evaluation.statistics.sentences import Pair
from xtts_finetune.evaluation.statistics.sign_test import CONFIDENCE

Array = NDArray[np.float64]

RESAMPLES = 2_000
# Each pair gets one made-up sentence that is a tie: else a voice that wins every sentence is infinitely strong.
PRIOR_TIES = 1.0
MOST_ROUNDS = 2_000
CLOSE = 1e-9


@dataclass(frozen=True)
class Strength:
    """How often a voice would be preferred to another one of the test, 0 to 1, with its interval.

    first   share of the resampled tests in which no other is stronger
    """

    strength: float
    low: float
    high: float
    first: float


def strengths(wins: Array) -> Array:
    """Bradley and Terry's strengths, each row of them with a sum of 1, by Hunter's MM algorithm.

    wins     (..., candidates, candidates): sentences in which the row's was preferred to the column's, a tie as a half
    returns  (..., candidates), from w_i <- W_i / sum_j n_ij / (w_i + w_j), n_ij the sentences of the pair

    Each candidate that was heard counts one tie more with each that it was heard against.
    (R. A. Bradley, M. E. Terry, 1952, Biometrika 39; D. R. Hunter, 2004, 'MM algorithms for generalized
    Bradley-Terry models', Annals of Statistics 32)
    """
    heard = (wins + np.swapaxes(wins, -1, -2)) > 0
    wins = wins + 0.5 * PRIOR_TIES * heard
    played = wins + np.swapaxes(wins, -1, -2)
    total = wins.sum(-1)
    count = wins.shape[-1]
    strength = np.full(wins.shape[:-1], 1.0 / count)
    for _ in range(MOST_ROUNDS):
        share = (played / (strength[..., :, None] + strength[..., None, :])).sum(-1)
        # Who was never heard stays at the mean.
        new = np.where(share > 0, total / np.where(share > 0, share, 1.0), 1.0 / count)
        new /= new.sum(-1, keepdims=True)
        moved = float(np.abs(new - strength).max())
        strength = new
        if moved < CLOSE:
            break
    return strength


def preferred_share(strength: Array) -> Array:
    """How often each would be preferred to another one chosen at random: mean over j of w_i / (w_i + w_j)."""
    against = strength[..., :, None] / (strength[..., :, None] + strength[..., None, :])
    return np.asarray((against.sum(-1) - 0.5) / (strength.shape[-1] - 1))


def rank_by_strength(
    means: Mapping[Pair, Mapping[str, float]],
    names: Sequence[str],
    seed: int,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
) -> dict[str, Strength]:
    """Each candidate's strength with its percentile interval from resampling whole sentences.

    means  for each pair, each sentence's mean preference (above 0: the second); every candidate of a pair is in names

    A sentence is drawn with all its pairs, since they are not independent: a hard one is hard for every voice.
    """
    table = _wins_by_sentence(means, names)
    observed = preferred_share(strengths(table.sum(0)))
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(len(table), np.full(len(table), 1 / len(table)), size=resamples)
    again = preferred_share(strengths(np.einsum("rs,sij->rij", drawn.astype(np.float64), table)))
    tail = 50 * (1 - confidence)
    low, high = np.percentile(again, [tail, 100 - tail], axis=0)
    best = again >= again.max(-1, keepdims=True) - CLOSE
    first = (best / best.sum(-1, keepdims=True)).mean(0)
    return {
        name: Strength(*(float(values[index]) for values in (observed, low, high, first)))
        for index, name in enumerate(names)
    }


def _wins_by_sentence(means: Mapping[Pair, Mapping[str, float]], names: Sequence[str]) -> Array:
    """(sentences, candidates, candidates): 1 where the row's was preferred to the column's, 0.5 for a tie."""
    sentences = sorted({sentence for of_pair in means.values() for sentence in of_pair})
    place = {name: index for index, name in enumerate(names)}
    table = np.zeros((len(sentences), len(names), len(names)))
    for (first, second), of_pair in means.items():
        i, j = place[first], place[second]
        for row, sentence in enumerate(sentences):
            if sentence in of_pair:
                mean = of_pair[sentence]
                won = 0.5 if abs(mean) <= TIE else float(mean > 0)
                table[row, j, i] += won
                table[row, i, j] += 1 - won
    return table
