"""The answer where no listening test counts: the matrix read for what was measured, and marks written by hand."""

from __future__ import annotations

from xtts_finetune.evaluation.decision.evidence import Evidence
from xtts_finetune.evaluation.decision.matrix import Fit
from xtts_finetune.evaluation.decision.model import NOBODY_LISTENED, Answer, Candidate
from xtts_finetune.evaluation.decision.words import excluded_in_words, numbers_in_words, row_in_words
from xtts_finetune.fixed import BASE

ENDED = {"failed": "failed", "interrupted": "was interrupted", "unfinished": "has not come to its end"}
MARKED_BY_HAND = "the mark was written by hand, so nobody can say how sure it is"
BY_NUMBERS = "low: mel_ce and the gate tell which model to listen to, not which one sounds best"


def answer_by_numbers(evidence: Evidence) -> Answer:
    """The first row that holds for the candidate that is read says who ships.

    Rows that ship an excluded candidate are passed over. Where no row holds, the lowest mel_ce ships for now. Without
    a mark the answer is provisional; no mark is ever made up.
    """
    read, why = candidate_to_read(evidence)
    provisional = bool(why)
    if read is not None:
        why += numbers_in_words(evidence, read)
        if read.quality is not None:
            why.append(f"Listeners gave it {read.quality:g} out of 10.")
        else:
            provisional = True
            why.append(NOBODY_LISTENED)
    why += excluded_in_words(evidence)
    fit = evidence.fit(read, read.quality) if read is not None else None
    if fit is None:
        if read is not None:
            why.append(f"No row of the matrix holds for {read.name}.")
        return _fall_back(evidence, why)
    return _by_row(evidence, fit, why, provisional)


def candidate_to_read(evidence: Evidence) -> tuple[Candidate | None, list[str]]:
    """Whose numbers the rows look at, and why it is not the one that was declared, if so."""
    measured = [each for each in evidence.candidates if each.mel_ce is not None]
    if evidence.read is not None:
        for candidate in measured:
            if candidate.name == evidence.read:
                return candidate, []
    state = "is left out" if evidence.read in evidence.left_out else "has not been evaluated"
    missing = f"The matrix is to be read for {evidence.read}, which {state}."
    why = [missing] if evidence.read else []
    phases = [each for each in measured if each.name in evidence.phases]
    if not phases:
        return None, [*why, "No phase has been evaluated yet."]
    waiting = [
        each.name for each in evidence.candidates if each.mel_ce is None and each.name not in (BASE, evidence.read)
    ]
    if waiting:
        why.append(f"Not evaluated yet: {', '.join(waiting)}; the matrix is read for {phases[-1].name}.")
    return phases[-1], why


def unfinished_in_words(shipped: Candidate) -> list[str]:
    """Said of a phase that ships before it has come to its end."""
    if shipped.status == "done" or shipped.name == BASE:
        return []
    return [f"{shipped.name} {ENDED.get(shipped.status, shipped.status)}: its best model so far ships."]


def _by_row(evidence: Evidence, fit: Fit, why: list[str], provisional: bool) -> Answer:
    row, lowest = evidence.rows[fit.row - 1], evidence.lowest
    why.append(row_in_words(fit))
    shipped = evidence.candidate(row.ship)
    if shipped is None or not shipped.can_ship:
        why.append(f"Row {fit.row} ships {row.ship}, which has no model to ship.")
        return _fall_back(evidence, why, fit.row)
    if lowest is not None and lowest.name != shipped.name:
        why.append(
            f"{lowest.name} has the lowest mel_ce ({lowest.mel_ce:.3f} against {shipped.mel_ce:.3f} of "
            f"{shipped.name}); the matrix still ships {shipped.name}."
        )
    unfinished = unfinished_in_words(shipped)
    provisional = provisional or bool(unfinished) or bool(fit.open)
    return Answer(
        ship=row.ship,
        verdict=row.verdict,
        status="provisional" if provisional else "decided",
        provisional=provisional,
        why=(*why, *unfinished),
        row=fit.row,
        then=row.then,
        confidence=BY_NUMBERS if provisional else MARKED_BY_HAND,
    )


def _fall_back(evidence: Evidence, why: list[str], row: int | None = None) -> Answer:
    """Where the matrix gives no answer, the lowest mel_ce does for now."""
    lowest = evidence.lowest
    if lowest is None:
        why.append("There is no evaluated model to ship.")
        return Answer(None, "nothing to ship yet", "nothing", True, tuple(why), row)
    why.append(f"Until then {lowest.name} ships: of all models here it has the lowest mel_ce, {lowest.mel_ce:.3f}.")
    verdict = "the matrix gives no answer; the lowest mel_ce ships for now"
    return Answer(lowest.name, verdict, "provisional", True, tuple(why), row, confidence=BY_NUMBERS)
