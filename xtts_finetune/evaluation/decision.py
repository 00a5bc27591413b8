"""Which candidate ships: the declared matrix read against what the run measured. Without torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from xtts_finetune.evaluation.candidates import candidate_names
from xtts_finetune.evaluation.matrix import Fit, Values, first_fit
from xtts_finetune.records.atomic import strict_json, write_json_atomic
from xtts_finetune.records.closing import read_model_info
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.decision import RowSpec
from xtts_finetune.spec.declaration import Declaration

BASE = "base"
NOT_RUN = "not run"
ENDED = {"failed": "failed", "interrupted": "was interrupted", "unfinished": "has not come to its end"}
NOBODY_LISTENED = "provisional: nobody has listened yet"


@dataclass(frozen=True)
class Candidate:
    """What is known of a candidate. The numbers are those of its best evaluation; None before it has any.

    mel_ce and stop_ce in nats, text_ce in 0.01 x nats, quality the listeners' mark out of 10. `status` is
    that of its closing record, 'unfinished' before it has one, or 'not run'. `row` is the row of the matrix
    that its own numbers fall in, from 1.
    """

    name: str
    status: str
    has_model: bool
    mel_ce: float | None = None
    text_ce: float | None = None
    stop_ce: float | None = None
    step: int | None = None
    quality: float | None = None
    row: int | None = None

    @property
    def can_ship(self) -> bool:
        """Whether there are both a model and a number to judge it by."""
        return self.has_model and self.mel_ce is not None


@dataclass(frozen=True)
class Decision:
    """The answer: `ship` is None when there is nothing to ship; `row` is None when no row decided.

    Where `provisional`, `why` says what is missing. `inputs` are all that the answer was made from.
    """

    ship: str | None
    verdict: str
    provisional: bool
    why: tuple[str, ...]
    row: int | None
    then: str
    candidates: tuple[Candidate, ...]
    inputs: Mapping[str, Any]

    def to_json(self) -> dict[str, Any]:
        """As decision.json holds it."""
        return {**asdict(self), "why": list(self.why), "candidates": [asdict(c) for c in self.candidates]}


def decide(declaration: Declaration, run: RunFolder) -> Decision:
    """Decide from what the run's folder holds now. Raises UserError for a record that cannot be read."""
    return decide_from(gather_inputs(declaration, run))


def write_decision(run: RunFolder, decision: Decision) -> None:
    """Write decision.json."""
    write_json_atomic(run.decision, decision.to_json())


def gather_inputs(declaration: Declaration, run: RunFolder) -> dict[str, Any]:
    """Everything that the decision depends on, as plain JSON values."""
    names = candidate_names(declaration)
    inputs = {
        "read": declaration.decision.read,
        "rows": [row.model_dump(mode="json", exclude_none=True) for row in declaration.decision.rows],
        "candidates": [
            {**_measured(run.candidate(name)), "quality": declaration.decision.quality.get(name)}
            for name in names
        ],
    }
    # A number that JSON lacks must decide as it does when it is read back.
    return dict(strict_json(inputs))


def _measured(folder: CandidateFolder) -> dict[str, Any]:
    best = read_metrics(folder.metrics).best
    info = read_model_info(folder)
    if best is None:
        status = NOT_RUN if info is None else str(info.get("status"))
        return {"name": folder.name, "status": status, "has_model": False}
    return {
        "name": folder.name,
        "status": "unfinished" if info is None else str(info.get("status")),
        # The base's weights lie where the user keeps them; what was evaluated can ship.
        "has_model": folder.name == BASE or folder.best_model.is_file(),
        "mel_ce": best.mel_ce,
        "text_ce": best.text_ce,
        "stop_ce": best.stop_ce,
        "step": best.step,
    }


def decide_from(inputs: Mapping[str, Any]) -> Decision:
    """Decide from gathered inputs alone: the same inputs always give the same answer."""
    rows = [RowSpec.model_validate(row) for row in inputs["rows"]]
    measured = [Candidate(**entry) for entry in inputs["candidates"]]
    base = next((c for c in measured if c.name == BASE), None)
    fits = {c.name: first_fit(rows, _values(c, base)) for c in measured if c.mel_ce is not None}
    candidates = tuple(_with_row(c, fits.get(c.name)) for c in measured)
    lowest = min((c for c in candidates if c.can_ship), key=lambda c: c.mel_ce or 0.0, default=None)

    read, why = _candidate_to_read(inputs["read"], candidates)
    provisional = bool(why)
    fit = fits.get(read.name) if read is not None else None
    if read is not None:
        why += _numbers_in_words(read, base)
        if read.quality is None:
            provisional = True
            why.append(NOBODY_LISTENED)

    if fit is None:
        if read is not None:
            why.append(f"No row of the matrix holds for {read.name}.")
        return _fall_back(lowest, candidates, why, inputs)
    row = rows[fit.row - 1]
    why.append(_row_in_words(fit))
    shipped = next((c for c in candidates if c.name == row.ship), None)
    if shipped is None or not shipped.can_ship:
        why.append(f"Row {fit.row} ships {row.ship}, which has no model to ship.")
        return _fall_back(lowest, candidates, why, inputs, fit.row)
    if lowest is not None and lowest.name != shipped.name:
        why.append(
            f"{lowest.name} has the lowest mel_ce ({lowest.mel_ce:.3f} against {shipped.mel_ce:.3f} of "
            f"{shipped.name}); the matrix still ships {shipped.name}."
        )
    if shipped.status != "done" and shipped.name != BASE:
        provisional = True
        why.append(
            f"{shipped.name} {ENDED.get(shipped.status, shipped.status)}: its best model so far ships."
        )
    provisional = provisional or bool(fit.open)
    return Decision(row.ship, row.verdict, provisional, tuple(why), fit.row, row.then, candidates, inputs)


def _values(candidate: Candidate, base: Candidate | None) -> Values:
    share = None
    if base is not None and base.mel_ce and candidate.mel_ce is not None:
        share = candidate.mel_ce / base.mel_ce
    return Values(candidate.mel_ce, share, candidate.text_ce, candidate.quality)


def _with_row(candidate: Candidate, fit: Fit | None) -> Candidate:
    return Candidate(**{**asdict(candidate), "row": fit.row if fit else None})


def _candidate_to_read(
    declared: str | None, candidates: tuple[Candidate, ...]
) -> tuple[Candidate | None, list[str]]:
    """Whose numbers the rows look at, and why it is not the one that was declared, if so."""
    run = [c for c in candidates if c.mel_ce is not None]
    if declared is not None:
        for candidate in run:
            if candidate.name == declared:
                return candidate, []
    why = [f"The matrix is to be read for {declared}, which has not been evaluated."] if declared else []
    phases = [c for c in run if c.name != BASE]
    if not phases:
        return None, [*why, "No phase has been evaluated yet."]
    waiting = [c.name for c in candidates if c.mel_ce is None and c.name not in (BASE, declared)]
    if waiting:
        why.append(f"Not evaluated yet: {', '.join(waiting)}; the matrix is read for {phases[-1].name}.")
    return phases[-1], why


def _numbers_in_words(read: Candidate, base: Candidate | None) -> list[str]:
    text_ce = "unknown" if read.text_ce is None else f"{read.text_ce:.4f}"
    words = f"{read.name} is best at step {read.step}: mel_ce {read.mel_ce:.3f}, text_ce {text_ce}"
    share = _values(read, base).mel_ce_of_base
    if share is not None and base is not None and base is not read:
        words += f"; its mel_ce is {share:.0%} of the base's {base.mel_ce:.3f}"
    if read.step == 0:
        words += "; training has not improved on where it started"
    marks = [] if read.quality is None else [f"Listeners gave it {read.quality:g} out of 10."]
    return [words + ".", *marks]


def _row_in_words(fit: Fit) -> str:
    met = f": {', '.join(fit.met)}" if fit.met else ""
    if fit.open:
        return f"Row {fit.row} of the matrix may hold{met}; still open: {', '.join(fit.open)}."
    return f"Row {fit.row} of the matrix is the first that holds{met}."


def _fall_back(
    lowest: Candidate | None,
    candidates: tuple[Candidate, ...],
    why: list[str],
    inputs: Mapping[str, Any],
    row: int | None = None,
) -> Decision:
    """Where the matrix gives no answer, the lowest mel_ce does for now."""
    if lowest is None:
        why.append("There is no evaluated model to ship.")
        return Decision(None, "nothing to ship yet", True, tuple(why), row, "", candidates, inputs)
    why.append(
        f"Until then {lowest.name} ships: of all models here it has the lowest mel_ce, {lowest.mel_ce:.3f}."
    )
    verdict = "the matrix gives no answer; the lowest mel_ce ships for now"
    return Decision(lowest.name, verdict, True, tuple(why), row, "", candidates, inputs)
