"""The answer where listeners prefer nobody by more than chance: undecided while more sentences may tell, else a tie.

Of equals the one with fewer faults comes first, then the more similar voice, then the earlier phase.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean
from typing import Any

from xtts_finetune.evaluation.decision.by_numbers import unfinished_in_words
from xtts_finetune.evaluation.decision.evidence import Evidence
from xtts_finetune.evaluation.decision.heard import Heard
from xtts_finetune.evaluation.decision.matrix import Fit
from xtts_finetune.evaluation.decision.model import Answer
from xtts_finetune.evaluation.decision.words import listed, lowest_in_words, opening, share_in_words
from xtts_finetune.evaluation.statistics.preferences import Counts, more_for_preference, unbeaten
from xtts_finetune.evaluation.statistics.sign_test import MOST_MORE
from xtts_finetune.records.verdict import the

# Similarities nearer than this are the same.
SIMILARITY_STEP = 0.01
# Whoever lost this share of the sentences to the one in front, ties as halves, is behind it; those that lost less are
# as good as equal. Measured by benchmarks/decision_regret.py: a wider band lets the tie rule ship the worse voice more
# often (the best of two ships 89 times of 100 at 0.55, 84 at 0.6, 75 where all that is not significant is a tie).
BEHIND = 0.55
# Sentences, as many as the second look has: of fewer no trend is told, neither a preference nor that there is none.
ENOUGH = 20


def answer_unsettled(evidence: Evidence, heard: Heard, fit: Fit | None, why: Sequence[str]) -> Answer:
    """Undecided while the test can be extended, with who ships meanwhile; a tie after it.

    Of those that nobody is preferred to, one that was preferred in 55 % of the sentences to all the others ships: it is
    the best guess, though chance may have made it. Those that are nearer to each other are as good as equal, and the
    tie rule chooses. `fit` is the row of the matrix that holds, `why` what was said so far.
    """
    level = unbeaten(heard.preferences, evidence.contenders)
    front = in_front(heard, level)
    equal = [name for name in level if name == front or not _is_behind(heard, name, front)]
    chosen, reason = by_tie_rule(equal, evidence.scores) if len(equal) > 1 else (front, "it was preferred most often")
    row = None if fit is None else fit.row
    more = _more_sentences(heard, level, front)
    if len(level) > 1:
        near = f"; {listed(list(map(the, equal)))} are close together" if 1 < len(equal) < len(level) else ""
        words = f"{none_is_preferred(level)} by more than chance{near}."
        words += f" {opening(the(chosen))} comes first: {reason}."
        why = [*why, words]
    shipped = evidence.candidate(chosen)
    assert shipped is not None
    why = [*why, *lowest_in_words(evidence, shipped, "; listeners do not hear that")]
    if not heard.at_a_look or heard.can_extend:
        verdict = _undecided_in_words(heard, more)
        confidence = "not sure yet: chance alone could give these preferences"
        return Answer(None, verdict, "undecided", True, tuple(why), row, "", chosen, confidence, more)
    unfinished = unfinished_in_words(shipped)
    return Answer(
        ship=chosen,
        verdict=f"a tie by ear; {chosen} ships, as {reason}",
        status="tie",
        provisional=bool(unfinished),
        why=(*why, *unfinished),
        row=row,
        confidence=_confidence_of_tie(heard, level),
        more_sentences=more,
    )


def none_is_preferred(names: Sequence[str]) -> str:
    """'Neither phase1 nor phase2 is preferred', 'Of a, b and c none is preferred'."""
    if len(names) == 2:
        return f"Neither {the(names[0])} nor {the(names[1])} is preferred"
    return f"Of {listed(list(map(the, names)))} none is preferred"


def in_front(heard: Heard, level: Sequence[str]) -> str:
    """The strongest of `level`; of equals the first.

    Of two, who was preferred more often; of more, by Bradley and Terry's strengths.
    """

    def strength(name: str) -> float:
        if heard.strengths:
            return heard.strengths[name]["strength"]
        shares = [share for other in level if (share := _share(heard, name, other)) is not None]
        return fmean(shares) if shares else 0.0

    return max(level, key=strength)


def _share(heard: Heard, name: str, other: str) -> float | None:
    """The share of sentences in which `name` was preferred to `other`, a tie as a half; None if they were not heard."""
    pair = heard.pair(name, other)
    if pair is None or name == other:
        return None
    wins = pair.wins_second if pair.second == name else pair.wins_first
    return (wins + pair.ties / 2) / pair.sentences


def _is_behind(heard: Heard, name: str, front: str) -> bool:
    share = _share(heard, front, name)
    return share is not None and share >= BEHIND


def by_tie_rule(names: Sequence[str], scores: Mapping[str, Mapping[str, Any]]) -> tuple[str, str]:
    """Which of `names`, in the declared order and at least one, ships where none is preferred; and why, in words.

    A measure counts where all that are still in question have it. Faults are the share of utterances that fail the
    gate. The base comes before every phase: what is not better need not be shipped.
    """
    left = list(names)
    if len(left) == 1:
        return left[0], "it is the only one"
    if all(scores.get(name, {}).get("spoken") for name in left):
        faults = {name: scores[name]["gate_failures"] / scores[name]["spoken"] for name in left}
        left = [name for name in left if faults[name] == min(faults.values())]
        if len(left) == 1:
            return left[0], "fewer of its samples fail the checks"
    measured = {name: scores.get(name, {}).get("similarity") for name in left}
    similarity = {name: float(value) for name, value in measured.items() if value is not None}
    if len(similarity) == len(left):
        highest = max(similarity.values())
        left = [name for name in left if highest - similarity[name] < SIMILARITY_STEP]
        if len(left) == 1:
            return left[0], "its voice is more similar to the recordings"
    return left[0], "it is the earlier one"


def _more_sentences(heard: Heard, level: Sequence[str], front: str) -> int | None:
    """Further sentences that would tell `front` from the others of `level`; None for too many."""
    if not heard.at_a_look:
        return max(heard.open.values())
    open_pairs = sum(not each.significant for each in heard.preferences)
    needed = []
    for other in level:
        pair = heard.pair(front, other)
        if other == front or pair is None:
            continue
        counts = Counts(pair.wins_first, pair.wins_second, pair.ties)
        # As many pairs as are open share the level.
        needed.append(more_for_preference(counts, heard.alpha / open_pairs))
    known = [each for each in needed if each is not None]
    return max(known) if known and len(known) == len(needed) else None


def _undecided_in_words(heard: Heard, more: int | None) -> str:
    """The verdict."""
    if not heard.at_a_look:
        return f"undecided: {more} of the test's {heard.planned} sentences are not rated yet"
    few = f"{heard.rated} sentence{' is' if heard.rated == 1 else 's are'} too few to tell"
    if more is None and heard.rated < ENOUGH:
        return f"undecided: {few}"
    if more is None:
        return f"undecided: as it looks now, even {MOST_MORE} more sentences would not tell them apart"
    plural = "" if more == 1 else "s"
    settles = f"if the trend holds, about {more} more sentence{plural} would settle it"
    return f"undecided: {few}; {settles}" if heard.rated < ENOUGH else f"undecided: {settles}"


def _confidence_of_tie(heard: Heard, level: Sequence[str]) -> str:
    pair = heard.pair(level[0], level[-1]) if len(level) == 2 else None
    if pair is None:
        return "listeners found no order among them that is more than chance"
    return (
        f"listeners preferred {the(pair.second)} to {the(pair.first)} in {share_in_words(pair.share_second)} of the "
        f"sentences that sound different ({share_in_words(pair.low)} to {share_in_words(pair.high)}), which chance "
        f"alone could give"
    )
