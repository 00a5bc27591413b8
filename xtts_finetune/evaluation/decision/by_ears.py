"""The answer where people have listened: their preference decides, the matrix and mel_ce are read beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from xtts_finetune.evaluation.decision.by_numbers import unfinished_in_words
from xtts_finetune.evaluation.decision.evidence import Evidence
from xtts_finetune.evaluation.decision.heard import Heard
from xtts_finetune.evaluation.decision.model import Answer
from xtts_finetune.evaluation.decision.reading import Reading, matrix_in_words, read_matrix
from xtts_finetune.evaluation.decision.unsettled import answer_unsettled
from xtts_finetune.evaluation.decision.words import (
    excluded_in_words,
    listening_in_words,
    numbers_in_words,
)
from xtts_finetune.evaluation.statistics.preferences import Preference, unbeaten, winner


def answer_by_ears(evidence: Evidence, heard: Heard, votes: Mapping[str, Any]) -> Answer:
    """Who ships by the listeners' preference.

    1. A candidate that is significantly preferred to every other that was heard and may ship, ships.
    2. Else, where the matrix names several of them within the interval of the mark, one of these that is preferred to
       the others named, and that nobody is preferred to.
    3. Else it is undecided as long as the test can be extended, and a tie afterwards: see unsettled.py.
    """
    why = listening_in_words(heard, votes, evidence.names) + excluded_in_words(evidence)
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
    return answer_unsettled(evidence, heard, None if reading is None else reading.fit, why)


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
