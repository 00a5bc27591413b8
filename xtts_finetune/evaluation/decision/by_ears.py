"""The answer where people have listened: their preference decides; the matrix and mel_ce are told along with it.

The matrix is read at the mark, and at both ends of the interval that the mark is known within.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xtts_finetune.evaluation.decision.by_numbers import candidate_to_read, unfinished_in_words
from xtts_finetune.evaluation.decision.evidence import Evidence
from xtts_finetune.evaluation.decision.heard import Heard
from xtts_finetune.evaluation.decision.matrix import Fit
from xtts_finetune.evaluation.decision.model import Answer, Candidate, Mark
from xtts_finetune.evaluation.decision.unsettled import answer_unsettled
from xtts_finetune.evaluation.decision.words import (
    excluded_in_words,
    listening_in_words,
    lowest_in_words,
    numbers_in_words,
    row_in_words,
    share_in_words,
)
from xtts_finetune.evaluation.statistics.preferences import Preference, more_for_mark, unbeaten, winner
from xtts_finetune.evaluation.statistics.sign_test import MOST_MORE
from xtts_finetune.records.verdict import the

# Rows are looked for between a mark and the ends of its interval in steps of this.
STEP = 0.01


def answer_by_ears(evidence: Evidence, heard: Heard, votes: Mapping[str, Any]) -> Answer:
    """Who ships by the listeners' preference.

    1. A candidate that is significantly preferred to every other that was heard and may ship, ships.
    2. Else, where the matrix names several of them within the interval of the mark, one of these that is preferred to
       the others named, and that nobody is preferred to.
    3. Else it is undecided as long as the test can be extended, and a tie afterwards: see unsettled.py.
    """
    why = listening_in_words(evidence, heard, votes) + excluded_in_words(evidence)
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
        why.append(f"The matrix would ship {the(row.ship)}; listeners prefer {the(best)}, and ears win.")
    others = [name for name in evidence.contenders if name != best]
    lowest = evidence.lowest
    ears = "; listeners hear it otherwise, and ears win"
    why += lowest_in_words(evidence, shipped, ears if lowest and lowest.name in others else ", but was not heard")
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
    pairs = [pair for name in others if (pair := heard.pair(best, name)) is not None and pair.preferred == best]
    if not pairs:
        return "the others that were heard are held back"
    shares = {pair: _share_of(best, pair) for pair in pairs}
    closest = min(pairs, key=lambda pair: shares[pair])
    low, high = (closest.low, closest.high) if closest.second == best else (1 - closest.high, 1 - closest.low)
    return (
        f"high: {the(best)} is preferred to {the(closest.other or '')} in {share_in_words(shares[closest])} of the "
        f"sentences that sound different ({share_in_words(low)} to {share_in_words(high)}); "
        f"of tests between equal voices at most 1 in 20 ends in a call"
    )


def _share_of(name: str, pair: Preference) -> float:
    return pair.share_second if pair.second == name else 1 - pair.share_second


@dataclass(frozen=True)
class Reading:
    """The matrix read for one candidate at its mark (`fit`), and at both ends of the mark's interval.

    ships  the candidates that may ship, of those that these rows name
    more   further sentences until the interval no longer reaches into a row that ships another; None for too many
    """

    read: Candidate
    fit: Fit | None
    low: Fit | None
    high: Fit | None
    ships: tuple[str, ...]
    more: int | None = 0


def read_matrix(evidence: Evidence, heard: Heard) -> Reading | None:
    """Read the matrix for the candidate that it is to be read for; None where there is none yet."""
    read, _ = candidate_to_read(evidence)
    if read is None:
        return None
    mark = heard.marks.get(read.name)
    # The mark as it is shown: its row is the one that the table of candidates names.
    ends = [read.quality] * 3 if mark is None else [read.quality, mark.low, mark.high]
    fit, low, high = (evidence.fit(read, quality) for quality in ends)
    named = [evidence.rows[each.row - 1].ship for each in (fit, low, high) if each is not None]
    ships = tuple(dict.fromkeys(name for name in named if name in evidence.contenders))
    return Reading(read, fit, low, high, ships, _more_sentences(evidence, read, mark) if mark else 0)


def matrix_in_words(evidence: Evidence, heard: Heard, reading: Reading) -> list[str]:
    """Which row holds, and whether another would within the mark's interval."""
    said = row_in_words(evidence, reading.read, reading.fit)
    mark = heard.marks.get(reading.read.name)
    shipped = [_ship(evidence, fit) for fit in (reading.low, reading.fit, reading.high)]
    if mark is None or len(set(shipped)) == 1:
        return said
    low, at_mark, high = (name or "none" for name in shipped)
    enough = f"more than {MOST_MORE}" if reading.more is None else f"about {reading.more}"
    said.append(
        f"The score is not certain enough for the matrix: at {mark.low:.2f} it ships {low}, at {mark.mark:.2f} "
        f"{at_mark}, at {mark.high:.2f} {high}; {enough} more sentences would tell."
    )
    return said


def _ship(evidence: Evidence, fit: Fit | None) -> str | None:
    return None if fit is None else evidence.rows[fit.row - 1].ship


def _more_sentences(evidence: Evidence, read: Candidate, mark: Mark) -> int | None:
    """Further sentences until both ends of the interval are on this side of where another candidate ships."""
    needed = [0]
    for end in (mark.low, mark.high):
        distance = _to_another(evidence, read, mark.mark, end)
        if distance is None:
            continue
        more = more_for_mark(mark.sentences, distance, abs(end - mark.mark))
        if more is None:
            return None
        needed.append(more)
    return max(needed)


def _to_another(evidence: Evidence, read: Candidate, mark: float, end: float) -> float | None:
    """How far from `mark` on the way to `end` the matrix begins to ship another; None where it does not."""
    here = _ship(evidence, evidence.fit(read, mark))
    way = end - mark
    steps = int(abs(way) / STEP) + 1
    for step in range(1, steps + 1):
        distance = abs(way) * step / steps
        if _ship(evidence, evidence.fit(read, mark + (distance if way > 0 else -distance))) != here:
            return distance
    return None
