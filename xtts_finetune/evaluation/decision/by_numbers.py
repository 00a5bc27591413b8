"""The answer where no listening test counts: the matrix read for what was measured, and marks written by hand."""

from __future__ import annotations

from xtts_finetune.evaluation.decision.by_checks import compared
from xtts_finetune.evaluation.decision.evidence import Evidence
from xtts_finetune.evaluation.decision.matrix import Fit
from xtts_finetune.evaluation.decision.model import NOT_RUN, Answer, Candidate
from xtts_finetune.evaluation.decision.words import (
    excluded_in_words,
    listed,
    lowest_in_words,
    numbers_in_words,
    opening,
    row_in_words,
)
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.numbers.usual import MEL_CE_NOISE
from xtts_finetune.records.verdict import the

ENDED = {"failed": "failed", "interrupted": "was interrupted", "unfinished": "is not finished"}
MARKED_BY_HAND = "nobody can say: the score is your own, without a listening test"
BY_NUMBERS = "not very: mel_ce and the checks tell which model to listen to, not which one sounds best"


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
            why.append(f"You gave {the(read.name)} {read.quality:g} out of 10.")
        else:
            provisional = True
    why += excluded_in_words(evidence)
    if read is None:
        return _fall_back(evidence, why)
    fit = evidence.fit(read, read.quality)
    why += row_in_words(evidence, read, fit)
    return _fall_back(evidence, why) if fit is None else _by_row(evidence, fit, why, provisional)


def candidate_to_read(evidence: Evidence) -> tuple[Candidate | None, list[str]]:
    """Whose numbers the rows look at, and why it is not the one that the matrix names, if so."""
    measured = [each for each in evidence.candidates if each.mel_ce is not None]
    named = next((each for each in measured if each.name == evidence.read), None)
    if named is not None:
        return named, []
    phases = [each for each in measured if each.name in evidence.phases]
    why = missing_in_words(evidence)
    if evidence.read in evidence.left_out:
        why.append(f"The decision matrix looks at {evidence.read}, which is left out.")
    if not phases:
        return None, why
    if why:
        why.append(f"The decision matrix is read for {phases[-1].name} until then.")
    return phases[-1], why


def missing_in_words(evidence: Evidence) -> list[str]:
    """'phase2 and phase3 have not been trained yet.', and so on: why candidates have no numbers."""
    waiting = [each for each in evidence.candidates if each.mel_ce is None and each.name != BASE]
    phases = [each.name for each in waiting if each.status == NOT_RUN and each.name in evidence.phases]
    made = [each.name for each in waiting if each.status == NOT_RUN and each.name not in evidence.phases]
    others = [each.name for each in waiting if each.status != NOT_RUN]
    said = []
    for names, missing in ((phases, "been trained yet"), (made, "been made yet"), (others, "been evaluated")):
        if names:
            said.append(f"{listed(names)} {'has' if len(names) == 1 else 'have'} not {missing}.")
    return said


def unfinished_in_words(shipped: Candidate) -> list[str]:
    """Said of a phase that ships before it has come to its end."""
    if shipped.status == "done" or shipped.name == BASE:
        return []
    return [f"{shipped.name} {ENDED.get(shipped.status, shipped.status)}: its best model so far ships."]


def _by_row(evidence: Evidence, fit: Fit, why: list[str], provisional: bool) -> Answer:
    row = evidence.rows[fit.row - 1]
    shipped = evidence.candidate(row.ship)
    if shipped is None or not shipped.can_ship:
        untrained = shipped is not None and shipped.status == NOT_RUN and row.ship in evidence.phases
        why.append(f"But {row.ship} {'has not been trained' if untrained else 'has no model'} yet.")
        return _fall_back(evidence, why, fit.row)
    unfinished = unfinished_in_words(shipped)
    provisional = provisional or bool(unfinished) or bool(fit.open)
    why += lowest_in_words(evidence, shipped, f"; the matrix still ships {the(shipped.name)}")
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
    """Where the matrix gives no answer, mel_ce does for now; of those within its noise, the clean samples."""
    lowest, best = evidence.lowest, evidence.best_by_numbers
    if lowest is None or best is None:
        why.append("No model that may ship has been evaluated.")
        return Answer(None, "nothing to ship yet", "nothing", True, tuple(why), row)
    measured = [each.mel_ce for each in evidence.candidates if each.mel_ce is not None]
    first = lowest_in_words(evidence, best)
    if len(measured) == 1:
        first = [f"{opening(the(lowest.name))} is the only model that has been evaluated so far."]
    elif lowest.mel_ce != min(measured):
        words = f"Of the models that may ship, {the(lowest.name)} has the lowest mel_ce: {lowest.mel_ce:.3f}."
        first = [words, *first]
    verdict = "the lowest mel_ce of the models that may ship"
    if best is not lowest:
        cleaner = next((each for each in evidence.clean_enough if evidence.fails_more(lowest.name, each.name)), None)
        if cleaner is not None:
            _, counts = compared(evidence.scores, lowest.name, cleaner.name)
            first.append(f"{opening(the(lowest.name))} does not come first: {counts}.")
            verdict = "the lowest mel_ce of the models with the fewest faulty samples"
        else:
            first.append(within_noise_in_words(evidence, best, lowest))
            verdict = "the best of the models with the lowest mel_ce, give or take its noise"
    why = [*first, *why, *unfinished_in_words(best)]
    return Answer(best.name, verdict, "provisional", True, tuple(why), row, confidence=BY_NUMBERS)


def within_noise_in_words(evidence: Evidence, best: Candidate, lowest: Candidate) -> str:
    """Why another one ships than that with the lowest mel_ce."""
    alike = f"The mel_ce of {the(best.name)} and {the(lowest.name)} differs by less than {MEL_CE_NOISE:.0%}, its noise"
    if best.name in evidence.scores and lowest.name in evidence.scores:
        more, counts = compared(evidence.scores, lowest.name, best.name)
        if more > 0:
            return f"{alike}, but of {the(lowest.name)} {counts}: {the(best.name)} comes first."
    return f"{alike}: the earlier one, {the(best.name)}, comes first."
