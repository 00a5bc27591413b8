"""The verdict on a run, worded from the answer and what it was made from: the one record that every place shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from xtts_finetune.evaluation.decision.by_numbers import ENDED, candidate_to_read
from xtts_finetune.evaluation.decision.evidence import Evidence
from xtts_finetune.evaluation.decision.model import NOT_RUN, Answer, GoOn
from xtts_finetune.evaluation.decision.words import capital, listed
from xtts_finetune.records.verdict import (
    BY_EAR,
    BY_HAND,
    BY_NUMBERS,
    TIE,
    Verdict,
    headline_of,
    nothing_to_ship,
    sentence,
    the,
)


def verdict_of(evidence: Evidence, answer: Answer, further: GoOn | None, votes: Mapping[str, Any] | None) -> Verdict:
    """Word the verdict. `votes` are the gathered ones, with those that do not count."""
    named = answer.ship or answer.meanwhile
    waiting = _waiting(evidence)
    if named is None:
        headline = nothing_to_ship(_why_nothing(evidence, waiting))
    else:
        settled = answer.status != "undecided" and not waiting
        lead = _lead(evidence, answer, votes)
        headline = headline_of(lead, named, evidence.samples, settled=settled, waiting=waiting)
    found = evidence.samples.get(named or "")
    return Verdict(
        headline=headline,
        ship=answer.ship,
        meanwhile=answer.meanwhile,
        status=answer.status,
        sure=sentence(answer.confidence),
        clean=found.clean if found else None,
        spoken=found.spoken if found else None,
        by_numbers_only=by_numbers_only(evidence),
        # What the headline says already is no reason for it.
        reasons=tuple(reason for reason in answer.why if reason.rstrip(".") not in headline),
        further="" if further is None else further.words + _whatever_the_matrix_says(answer, further),
        conditions=() if further is None else further.conditions,
    )


def _whatever_the_matrix_says(answer: Answer, further: GoOn) -> str:
    """Which of two counts, where the user's own words speak of going on and how training ended speaks against it."""
    if further.advised or not re.search(r"\b(phase|train|continue)", answer.then, re.IGNORECASE):
        return ""
    return " Where your decision matrix says to continue, this counts: it looks at how training ended."


def by_numbers_only(evidence: Evidence) -> bool:
    """Whether neither a listening test nor a score of the user's own says anything of the model that is judged."""
    read, _ = candidate_to_read(evidence)
    return evidence.heard is None and (read is None or read.quality is None)


def _lead(evidence: Evidence, answer: Answer, votes: Mapping[str, Any] | None) -> str:
    """What the answer rests on."""
    if answer.status == "undecided":
        return f"{capital(answer.verdict)};"
    if answer.status == "tie":
        return TIE
    if evidence.heard is not None:
        return BY_EAR
    if by_numbers_only(evidence):
        read, _ = candidate_to_read(evidence)
        if votes:
            return "By numbers alone, no answer of a listener counts yet:"
        if read is not None and any(each.quality is not None for each in evidence.candidates):
            return f"By numbers alone, nobody has listened to {the(read.name)} yet:"
        return BY_NUMBERS
    if answer.status == "decided":
        return BY_HAND
    return "By the numbers and your own scores, without a listening test:"


def _waiting(evidence: Evidence) -> list[str]:
    """'phase2 has not been trained yet': the phases that may still change who ships."""
    phases = [found for name in evidence.phases if (found := evidence.candidate(name)) is not None]
    untrained = [each.name for each in phases if each.status == NOT_RUN and each.mel_ce is None]
    said = [f"{listed(untrained)} {'has' if len(untrained) == 1 else 'have'} not been trained yet"] if untrained else []
    open_ = [each for each in phases if each.name not in untrained and each.status != "done"]
    return [*said, *(f"{each.name} {ENDED.get(each.status, each.status)}" for each in open_)]


def _why_nothing(evidence: Evidence, waiting: list[str]) -> str:
    if evidence.heard is not None:
        return "none of the models that were heard may ship"
    return "; ".join(waiting) or "no model that may ship has been evaluated"
