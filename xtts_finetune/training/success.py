"""Which declared success levels a phase reached, and what it was worth. Without torch."""

from __future__ import annotations

from xtts_finetune.records.levels import Judgement, LimitCheck, Result, Scenario
from xtts_finetune.records.metrics import EvalRecord, Metrics
from xtts_finetune.records.stopping import Reason
from xtts_finetune.spec.success import SuccessLevel

# After these the weights are what they were, or ruined: nothing that was measured is this phase's doing.
NO_SUCCESS = frozenset({Reason.NO_OP, Reason.NOT_FINITE, Reason.BAD_START})


def judge(
    levels: dict[str, SuccessLevel], metrics: Metrics, reason: Reason, quality: float | None = None
) -> Judgement:
    """Look at every limit of every level, for the phase's best evaluation.

    The level reached is the last declared one whose measured limits are all met. A mark out of 10 is for
    listeners to give (`quality`, None before they have): until then a level that asks for one is named with
    'not heard yet'. The scenario is 'success' with any level, 'marginal' where mel_ce is below that of the start,
    and else 'none'; a phase without training, or with ruined weights, has no level and the scenario 'none'.
    """
    start, best = metrics.initial, metrics.best
    checks: list[LimitCheck] = []
    reached = None
    for name, level in levels.items():
        of_level = _checks(name, level, start, best, reason, quality)
        checks += of_level
        results = {check.result for check in of_level}
        if best is not None and results <= {"met", "not heard yet"}:
            reached = f"{name} (by its numbers; not heard yet)" if "not heard yet" in results else name
    if reason in NO_SUCCESS:
        return Judgement(None, "none", tuple(checks))
    return Judgement(reached, _scenario(start, best, reached), tuple(checks))


def _scenario(start: EvalRecord | None, best: EvalRecord | None, reached: str | None) -> Scenario:
    # A start that is NaN is never the best, so whatever is comes after it.
    if start is None or best is None or best.step == start.step:
        return "none"
    return "marginal" if reached is None else "success"


def _checks(
    name: str,
    level: SuccessLevel,
    start: EvalRecord | None,
    best: EvalRecord | None,
    reason: Reason,
    quality: float | None,
) -> list[LimitCheck]:
    checks = []
    mel_ce = None if best is None else best.mel_ce
    if level.mel_ce is not None:
        checks.append(_below(name, f"mel_ce below {level.mel_ce:g}", mel_ce, level.mel_ce, 3))
    if level.mel_ce_of_start is not None:
        limit = None if start is None else level.mel_ce_of_start * start.mel_ce
        shown = "" if limit is None else f", which is {limit:.3f}"
        words = f"mel_ce below {level.mel_ce_of_start:g} of the start's{shown}"
        checks.append(_below(name, words, mel_ce, limit, 3))
    if level.text_ce is not None:
        text_ce = None if best is None else best.text_ce
        checks.append(_below(name, f"text_ce below {level.text_ce:g}", text_ce, level.text_ce, 4))
    if level.quality is not None:
        words, marked = (
            f"mark of at least {level.quality:g} out of 10",
            "-" if quality is None else f"{quality:g}",
        )
        result: Result = "not heard yet"
        if quality is not None:
            result = "met" if quality >= level.quality else "not met"
        checks.append(LimitCheck(name, words, marked, result))
    if level.no_overfitting:
        result = "not met" if reason is Reason.OVERFITTING else "met"
        checks.append(LimitCheck(name, "not ended by overfitting", reason.words, result))
    return checks


def _below(level: str, words: str, value: float | None, limit: float | None, digits: int) -> LimitCheck:
    if value is None or limit is None:
        return LimitCheck(level, words, "-", "not measured")
    # More digits where fewer would show a value at its limit that is not below it, or the other way round.
    while digits < 9 and round(value, digits) == round(limit, digits) and value != limit:
        digits += 1
    return LimitCheck(level, words, f"{value:.{digits}f}", "met" if value < limit else "not met")
