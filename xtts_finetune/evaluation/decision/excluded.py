"""Who does not ship by itself: without a model, with more faults than the base, or worse than it to the ears."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xtts_finetune.evaluation.decision.model import BASE, NOT_RUN, Candidate
from xtts_finetune.evaluation.statistics.preferences import Preference
from xtts_finetune.evaluation.statistics.sign_test import sign_test

# So many more faulty utterances than the base's exclude: a single one comes and goes with the seed.
MORE_FAULTY = 2


def excluded_by_gate(scores: Mapping[str, Mapping[str, Any]]) -> tuple[dict[str, str], list[str]]:
    """Candidates whose utterances fail the gate more than the base's, each with why; and what is to be said besides.

    Utterances that both spoke (the same sentence and seed) are compared. At least two more faulty ones than the
    base has exclude, whether or not so many are beyond chance: of 10 utterances chance allows too much.
    """
    excluded: dict[str, str] = {}
    said: list[str] = []
    base = scores.get(BASE)
    if base is None:
        return excluded, said
    of_base = _faulty(base)
    for name, found in scores.items():
        of_candidate = _faulty(found)
        both = of_base.keys() & of_candidate.keys()
        only_base = sum(of_base[key] and not of_candidate[key] for key in both)
        only_candidate = sum(of_candidate[key] and not of_base[key] for key in both)
        more = only_candidate - only_base
        if name == BASE or more <= 0:
            continue
        counts = f"{sum(of_candidate[key] for key in both)} against {sum(of_base[key] for key in both)} of {len(both)}"
        if more >= MORE_FAULTY:
            # McNemar's exact test: of the utterances that only one fails, half are the candidate's by chance.
            p = sign_test(only_candidate, only_base).p / 2
            excluded[name] = (
                f"more of its utterances fail the gate than of the base's: {counts} (p = {p:.2g})"
            )
        else:
            said.append(
                f"{name}: one utterance more fails the gate than of the base's ({counts}): listen to it."
            )
    return excluded, said


def excluded_by_ears(preferences: Sequence[Preference]) -> dict[str, str]:
    """Candidates that listeners significantly prefer the base to, each with why."""
    excluded = {}
    for each in preferences:
        if each.preferred == BASE and each.other is not None:
            lost, won = sorted((each.wins_first, each.wins_second))
            excluded[each.other] = (
                f"listeners prefer the base to it, in {won} of {won + lost} sentences (p = {each.p_holm:.2g})"
            )
    return excluded


def excluded_without_model(candidates: Sequence[Candidate], heard: Sequence[str]) -> dict[str, str]:
    """Candidates that were trained or heard, but have no model or nothing that they could be judged by."""
    excluded = {}
    for each in candidates:
        if each.name == BASE:
            continue
        if each.status == NOT_RUN:
            excluded[each.name] = "it is not there yet"
        elif not each.has_model:
            excluded[each.name] = "it has no model to ship"
        elif each.mel_ce is None and each.name not in heard:
            excluded[each.name] = "it has no evaluation"
    return excluded


def _faulty(scores: Mapping[str, Any]) -> dict[tuple[str, int], bool]:
    return {(str(id_), int(seed)): bool(faulty) for id_, seed, faulty in scores["utterances"]}
