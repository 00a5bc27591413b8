"""Everything that a decision weighs, read once from its inputs, and who is held back: ships only if asked for."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from xtts_finetune.evaluation.decision.by_checks import MORE_FAULTY, compared, held_back_by_checks, held_back_by_others
from xtts_finetune.evaluation.decision.by_readings import held_back_by_readings
from xtts_finetune.evaluation.decision.heard import Heard, hear, rounded
from xtts_finetune.evaluation.decision.matrix import Fit, Values, first_fit
from xtts_finetune.evaluation.decision.model import NOT_RUN, Candidate
from xtts_finetune.evaluation.statistics.preferences import Preference
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.numbers.usual import MEL_CE_NOISE
from xtts_finetune.records.verdict import Samples, samples_of
from xtts_finetune.spec.decision import RowSpec


@dataclass(frozen=True)
class Evidence:
    """What is known of a run.

    read        whose numbers the rows are to be read for; None: the last phase
    candidates  with the listeners' mark where they were heard, else the one that was written by hand
    excluded    who is held back, each with why
    passed_over those of them that have a model: the rows that ship them do not count
    by_gate     those of them that fail the gate more than the base
    warnings    what is to be said of the gate besides
    left_out    candidates that the others are compared without, each with why; rows that ship them do not count
    uncounted   whether people listened, and none of their answers counts
    """

    rows: tuple[RowSpec, ...]
    read: str | None
    phases: tuple[str, ...]
    candidates: tuple[Candidate, ...]
    scores: Mapping[str, Mapping[str, Any]]
    heard: Heard | None
    excluded: Mapping[str, str]
    passed_over: Mapping[str, str]
    by_gate: Mapping[str, str]
    warnings: tuple[str, ...]
    left_out: Mapping[str, str] = field(default_factory=dict)
    uncounted: bool = False

    @property
    def names(self) -> tuple[str, ...]:
        """All candidates, as declared."""
        return tuple(each.name for each in self.candidates)

    @property
    def base(self) -> Candidate | None:
        """The base, where it is a candidate."""
        return next((each for each in self.candidates if each.name == BASE), None)

    @property
    def lowest(self) -> Candidate | None:
        """The candidate with the lowest mel_ce of those that may ship."""
        return min(self._may_ship, key=lambda each: each.mel_ce or 0.0, default=None)

    @property
    def _may_ship(self) -> list[Candidate]:
        return [each for each in self.candidates if each.can_ship and each.name not in self.excluded]

    @property
    def clean_enough(self) -> list[Candidate]:
        """Those that may ship, but for any that fails the checks more often than another of them: by two samples.

        Trained too long, a model loses its words while mel_ce still falls: benchmarks/known_order.py.
        """
        there = self._may_ship
        kept = [each for each in there if not any(self.fails_more(each.name, other.name) for other in there)]
        return kept or there

    def fails_more(self, name: str, other: str) -> bool:
        """Whether at least two samples more fail of what both spoke; not where one of them was not checked."""
        checked = name in self.scores and other in self.scores
        return checked and compared(self.scores, name, other)[0] >= MORE_FAULTY

    @property
    def best_by_numbers(self) -> Candidate | None:
        """Of those whose samples are clean enough and whose mel_ce is the lowest but for noise, who has the most clean
        samples; of equals the earliest.

        Two are compared by what both spoke; one that was not checked is neither better nor worse.
        """
        there = self.clean_enough
        if not there:
            return None
        limit = min(each.mel_ce or 0.0 for each in there) * (1 + MEL_CE_NOISE)
        best, *others = [each for each in there if (each.mel_ce or 0.0) <= limit]
        for other in others:
            if best.name in self.scores and other.name in self.scores:
                best = other if compared(self.scores, best.name, other.name)[0] > 0 else best
        return best

    @property
    def contenders(self) -> tuple[str, ...]:
        """Those of the heard candidates that may ship, in the declared order."""
        if self.heard is None:
            return ()
        return tuple(
            each.name
            for each in self.candidates
            if each.name in self.heard.names and each.has_model and each.name not in self.excluded
        )

    @property
    def samples(self) -> Mapping[str, Samples]:
        """How many samples of each candidate that spoke are clean."""
        return samples_of(self.scores)

    def candidate(self, name: str | None) -> Candidate | None:
        """A candidate by name."""
        return next((each for each in self.candidates if each.name == name), None)

    def fit(self, candidate: Candidate, quality: float | None, heeded: bool = True) -> Fit | None:
        """The first row that holds for a candidate's numbers with this mark, of those that may be followed.

        heeded  False: also of those that ship one who is held back
        """
        out = {*self.passed_over, *self.left_out} if heeded else ()
        return first_fit(self.rows, self.values(candidate, quality), out)

    def values(self, candidate: Candidate, quality: float | None) -> Values:
        """A candidate's numbers as rows look at them."""
        share = None
        if self.base is not None and self.base.mel_ce and candidate.mel_ce is not None:
            share = candidate.mel_ce / self.base.mel_ce
        return Values(candidate.mel_ce, share, candidate.text_ce, quality)


def read_evidence(inputs: Mapping[str, Any]) -> Evidence:
    """Read gathered inputs; those of an older decision.json lack scores and votes."""
    measured = tuple(Candidate(**entry) for entry in inputs["candidates"])
    scores = inputs.get("scores") or {}
    heard = hear(inputs.get("votes"), [each.name for each in measured])
    by_gate, warnings = held_back_by_checks(scores)
    without = excluded_without_model(measured, heard.names if heard else ())
    may_ship = [each.name for each in measured if each.can_ship and each.name not in {**by_gate, **without}]
    # Where people have listened, they say which of two models is the better one.
    if heard:
        passed_over = excluded_by_ears(heard.preferences)
    else:
        passed_over = held_back_by_readings(scores, may_ship) | held_back_by_others(scores, may_ship)
    passed_over |= by_gate
    phases = inputs.get("phases")
    evidence = Evidence(
        rows=tuple(RowSpec.model_validate(row) for row in inputs["rows"]),
        read=inputs["read"],
        phases=tuple(each.name for each in measured if each.name != BASE) if phases is None else tuple(phases),
        candidates=tuple(_marked(each, heard) for each in measured),
        scores=scores,
        heard=heard,
        excluded={**passed_over, **without},
        passed_over=passed_over,
        by_gate=by_gate,
        warnings=tuple(warnings),
        left_out=inputs.get("left_out") or {},
        uncounted=heard is None and bool((inputs.get("votes") or {}).get("listeners")),
    )
    return replace(evidence, candidates=tuple(_with_row(evidence, each) for each in evidence.candidates))


def _marked(candidate: Candidate, heard: Heard | None) -> Candidate:
    """With the listeners' mark in place of one that was written by hand."""
    mark = heard.marks.get(candidate.name) if heard else None
    return candidate if mark is None else replace(candidate, quality=rounded(mark.mark))


def _with_row(evidence: Evidence, candidate: Candidate) -> Candidate:
    """With the row that the candidate's own numbers fall in, whether or not what it ships may ship."""
    if candidate.mel_ce is None:
        return candidate
    found = first_fit(evidence.rows, evidence.values(candidate, candidate.quality))
    return replace(candidate, row=found.row if found else None)


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
