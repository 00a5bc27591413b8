"""The answer where people have listened: their preference decides, the matrix and mel_ce are read beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xtts_finetune.evaluation.decision.by_numbers import unfinished_in_words
from xtts_finetune.evaluation.decision.evidence import Evidence
from xtts_finetune.evaluation.decision.heard import Heard
from xtts_finetune.evaluation.decision.model import Answer
from xtts_finetune.evaluation.decision.reading import Reading, matrix_in_words, read_matrix
from xtts_finetune.evaluation.decision.tie import by_tie_rule
from xtts_finetune.evaluation.decision.words import (
    excluded_in_words,
    listed,
    listening_in_words,
    numbers_in_words,
)
from xtts_finetune.evaluation.statistics.looks import LOOK_ALPHA, MOST_MORE
from xtts_finetune.evaluation.statistics.preferences import Counts, Preference, unbeaten, winner
from xtts_finetune.evaluation.statistics.sample_size import more_for_preference

EXTEND = "xtts-finetune listen --extend, once more sentences are declared; then rate them"
FINISH = "rate the sentences that are left"


def answer_by_ears(evidence: Evidence, heard: Heard, votes: Mapping[str, Any]) -> Answer:
    """Who ships by the listeners' preference.

    1. A candidate that is significantly preferred to every other that was heard and may ship, ships.
    2. Else, where the matrix names several of them within the interval of the mark, one of these that is preferred to
       the others named, and that nobody is preferred to.
    3. Else it is undecided as long as the test can be extended, and a tie afterwards, which the tie rule settles.
    """
    why = listening_in_words(heard, votes) + excluded_in_words(evidence)
    if not evidence.contenders:
        why.append("Of those that were heard, none may ship.")
        return Answer(None, "nothing to ship yet", "nothing", True, tuple(why))
    reading = read_matrix(evidence, heard)
    if reading is not None:
        why += numbers_in_words(evidence, reading.read) + matrix_in_words(evidence, heard, reading)
    if heard.at_a_look:
        best = winner(heard.preferences, evidence.contenders)
        if best is None and reading is not None and len(reading.ships) > 1:
            best = _between_those_named(evidence, heard, reading)
        if best is not None:
            return _decided(evidence, heard, reading, best, why)
    return _open(evidence, heard, reading, why)


def _between_those_named(evidence: Evidence, heard: Heard, reading: Reading) -> str | None:
    best = winner(heard.preferences, reading.ships)
    return best if best in unbeaten(heard.preferences, evidence.contenders) else None


def _decided(evidence: Evidence, heard: Heard, reading: Reading | None, best: str, why: list[str]) -> Answer:
    shipped = evidence.candidate(best)
    assert shipped is not None
    row = None if reading is None or reading.fit is None else evidence.rows[reading.fit.row - 1]
    agrees = row is not None and row.ship == best
    if row is not None and not agrees:
        why.append(f"The matrix would ship {row.ship}; listeners prefer {best}, and ears win.")
    others = [name for name in evidence.contenders if name != best]
    lowest = evidence.lowest
    if lowest is not None and lowest.name != best:
        than = f" against {shipped.mel_ce:.3f} of {best}" if shipped.mel_ce is not None else ""
        ears = (
            "; listeners hear it otherwise, and ears win" if lowest.name in others else ", but was not heard"
        )
        why.append(f"{lowest.name} has the lowest mel_ce ({lowest.mel_ce:.3f}{than}){ears}.")
    unfinished = unfinished_in_words(shipped)
    return Answer(
        ship=best,
        verdict=row.verdict if row is not None and agrees else f"listeners prefer {best}",
        status="decided",
        provisional=bool(unfinished),
        why=(*why, *unfinished),
        row=None if reading is None or reading.fit is None else reading.fit.row,
        then=row.then if row is not None and agrees else "",
        confidence=_confidence(heard, best, others),
    )


def _open(evidence: Evidence, heard: Heard, reading: Reading | None, why: list[str]) -> Answer:
    """Nobody is preferred: undecided or a tie, and who ships by the tie rule."""
    level = unbeaten(heard.preferences, evidence.contenders)
    chosen, reason = by_tie_rule(level, evidence.scores)
    row = None if reading is None or reading.fit is None else reading.fit.row
    more = _more_sentences(heard, level)
    if len(level) > 1:
        why.append(
            f"Of {listed(level)} none is preferred by more than chance; by the tie rule {chosen}: {reason}."
        )
    if not heard.at_a_look or heard.can_extend:
        verdict, then = _undecided_in_words(heard, more)
        confidence = "none yet: chance alone could give these preferences"
        return Answer(None, verdict, "undecided", True, tuple(why), row, then, chosen, confidence, more)
    shipped = evidence.candidate(chosen)
    unfinished = unfinished_in_words(shipped) if shipped is not None else []
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


def _more_sentences(heard: Heard, level: Sequence[str]) -> int | None:
    """Further sentences that would tell the one in front from the others of `level`; None for too many."""
    if not heard.at_a_look:
        return heard.planned - heard.rated
    front = _in_front(heard, level)
    open_pairs = sum(not each.significant for each in heard.preferences)
    needed = []
    for other in level:
        pair = heard.pair(front, other)
        if other == front or pair is None:
            continue
        counts = Counts(pair.wins_first, pair.wins_second, pair.ties)
        # As many pairs as are open share the level.
        needed.append(more_for_preference(counts, LOOK_ALPHA / open_pairs))
    known = [each for each in needed if each is not None]
    return max(known) if known and len(known) == len(needed) else None


def _in_front(heard: Heard, level: Sequence[str]) -> str:
    if heard.strengths:
        return max(level, key=lambda name: heard.strengths[name]["strength"])
    pair = heard.pair(level[0], level[-1])
    if pair is None:
        return level[0]
    return pair.second if pair.wins_second > pair.wins_first else pair.first


def _undecided_in_words(heard: Heard, more: int | None) -> tuple[str, str]:
    """The verdict, and what to do."""
    if not heard.at_a_look:
        return f"undecided: {more} of the test's {heard.planned} sentences are not rated yet", FINISH
    if more is None:
        too_many = f"more than {MOST_MORE} further sentences would be needed to tell them apart"
        return f"undecided: {too_many}; treat them as equal", EXTEND
    plural = "" if more == 1 else "s"
    words = f"undecided: about {more} further sentence{plural} would settle it, if they go as those so far"
    return words, EXTEND


def _confidence(heard: Heard, best: str, others: Sequence[str]) -> str:
    """How clear the closest of the winner's pairs was."""
    pairs = [
        pair for name in others if (pair := heard.pair(best, name)) is not None and pair.preferred == best
    ]
    if not pairs:
        return "the others that were heard do not ship by themselves"
    shares = {pair: _share_of(best, pair) for pair in pairs}
    closest = min(pairs, key=lambda pair: shares[pair])
    low, high = (closest.low, closest.high) if closest.second == best else (1 - closest.high, 1 - closest.low)
    return (
        f"high: {best} is preferred to {closest.other} in {shares[closest]:.0%} of the sentences that sound different "
        f"({low:.0%} to {high:.0%}); of tests between equal voices at most 1 in 20 ends in a call"
    )


def _share_of(name: str, pair: Preference) -> float:
    return pair.share_second if pair.second == name else 1 - pair.share_second


def _confidence_of_tie(heard: Heard, level: Sequence[str]) -> str:
    pair = heard.pair(level[0], level[-1]) if len(level) == 2 else None
    if pair is None:
        return "listeners found no order among them that is more than chance"
    return (
        f"listeners preferred {pair.second} to {pair.first} in {pair.share_second:.0%} of the sentences that sound "
        f"different ({pair.low:.0%} to {pair.high:.0%}): a large difference would have shown"
    )
