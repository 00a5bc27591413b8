"""Warnings and gauges of a phase: each is a pure function of what was seen, and a warning comes with its cure."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

from xtts_finetune.curves.judge import (
    EPOCHS,
    GAP_EVALS,
    WINDOW,
    ends_not_finite,
    eval_std,
    gap_at,
    gap_of,
    improvement,
    jumps,
    rise_of,
    unrest,
)
from xtts_finetune.look.quantities import NOT_FINITE
from xtts_finetune.monitor.seen import Limits, Seen
from xtts_finetune.monitor.view import Gauge, Warned


def warnings_of(seen: Seen, limits: Limits) -> list[Warned]:
    """All warnings that hold now, the gravest first."""
    found = (rule(seen, limits) for rule in RULES)
    return [warning for warning in found if warning is not None]


# fp16 skips a step now and then while it looks for its scale; more than these are a fault.
MOST_SKIPPED, FEWEST_TO_SKIP = 0.05, 20


def not_finite(seen: Seen, limits: Limits) -> Warned | None:
    """Warn when the last evaluation or a recent loss is no number, or more than one of twenty steps was left out."""
    ruined = [record for record in seen.steps if record.stepped and ends_not_finite([record.mel_ce])]
    skipped = [record for record in seen.steps if not record.stepped]
    if seen.evals and ends_not_finite([seen.evals[-1].mel_ce]):
        found = f"mel_ce of the evaluation at step {seen.evals[-1].step} is {NOT_FINITE}"
    elif ruined:
        found = f"the training mel_ce of step {ruined[-1].step} is {NOT_FINITE}"
    elif len(seen.steps) >= FEWEST_TO_SKIP and len(skipped) > MOST_SKIPPED * len(seen.steps):
        found = f"{len(skipped)} of the last {len(seen.steps)} steps were left out: their gradients overflowed"
    else:
        return None
    return Warned(
        "not_finite",
        "Numbers overflow",
        found,
        f"Lower learning_rate{_lower_rate(seen.learning_rate)}, with warm-up steps; with precision: fp16, use bf16 or "
        "fp32.",
    )


def unsteady_eval(seen: Seen, limits: Limits) -> Warned | None:
    """Warn when the standard deviation of the last evaluations around their course is above the limit."""
    values = [record.mel_ce for record in seen.evals]
    found = unrest(values)
    if found is None or not jumps(values, limits.eval_std):
        return None
    window = values[-WINDOW:]
    return Warned(
        "unsteady_eval",
        "The eval loss jumps up and down",
        f"over the last {len(window)} evaluations mel_ce moved between {min(window):.3f} and {max(window):.3f}: a "
        f"standard deviation of {found:.3f} around its course, where {limits.eval_std:g} is the limit",
        f"Lower learning_rate{_lower_rate(seen.learning_rate)}, or average over more clips a step: double batch_size "
        "or accumulate. Train with fewer terms in the loss. With fewer than 16 eval clips a larger eval set alone "
        "calms the curve (eval_set: fraction).",
    )


def slow_training(seen: Seen, limits: Limits) -> Warned | None:
    """Warn when the mean training mel_ce of an epoch is hardly below that of five epochs before.

    A phase whose eval loss is where the config wants it may be slow.
    """
    found = improvement(seen.epochs)
    best = seen.lowest
    reached = seen.goal is not None and best is not None and best.mel_ce <= seen.goal
    if found is None or found >= limits.improvement or (reached and found >= 0):
        return None
    moved = f"fell by {found:.3f}" if found >= 0 else f"rose by {-found:.3f}"
    slow = (
        f"Raise learning_rate{_higher_rate(seen.learning_rate)} or lower weight_decay. If the eval loss is where it "
        "is to be, the phase has done its work: listen to its best model, or continue with the next phase."
    )
    rising = (
        f"A training loss that rises comes from too large steps: lower learning_rate{_lower_rate(seen.learning_rate)}, "
        "with warm-up steps."
    )
    return Warned(
        "slow_training",
        "Training hardly improves" if found >= 0 else "The training loss rises",
        f"over the last {EPOCHS} epochs the training mel_ce {moved}, where {limits.improvement:g} is the least",
        slow if found > -limits.improvement else rising,
    )


def _risen(seen: Seen, limits: Limits) -> tuple[float | None, float]:
    """How far the eval loss has risen since its lowest, and its limit; None for fewer than three evaluations."""
    best = None if seen.lowest is None else seen.lowest.mel_ce
    return rise_of([record.mel_ce for record in seen.evals], best, limits.rise, seen.least_rise)


def rising_eval(seen: Seen, limits: Limits) -> Warned | None:
    """Warn when the last evaluations are well above the lowest one; with what the training loss does meanwhile.

    Of evaluations that jump, which are warned of already, the lowest is chance.
    """
    found, limit = _risen(seen, limits)
    best = seen.lowest
    if found is None or best is None or found <= limit or unsteady_eval(seen, limits):
        return None
    apart, before = gap_of([gap_at(record) for record in seen.evals]), gap_at(best)
    widens = apart is not None and (before is None or apart > before)
    return Warned(
        "rise",
        "The eval loss rises",
        f"mel_ce of the last {GAP_EVALS} evaluations is {found:.3f} above its lowest, {best.mel_ce:.3f} at step "
        f"{best.step} ({limit:.3f} is the limit)"
        + (f", while the training loss keeps falling: it is {apart:.3f} lower. The model memorises" if widens else ""),
        "Stop the phase: its best model is kept. More varied clips help most. Otherwise raise weight_decay, or train "
        "fewer weights (train: [heads] or {lora: {}}). The stop rule 'overfitting' stops a phase by itself."
        if widens
        else f"Lower learning_rate{_lower_rate(seen.learning_rate)}, with warm-up steps. The best model is kept.",
    )


def gap(seen: Seen, limits: Limits) -> Warned | None:
    """Warn when the eval mel_ce is further above the training mel_ce than a limit that somebody asked for."""
    found = gap_of([gap_at(record) for record in seen.evals])
    if found is None or limits.gap is None or found <= limits.gap:
        return None
    return Warned(
        "gap",
        "Training and eval loss are apart",
        f"eval mel_ce is {found:.3f} above training mel_ce (median of the last {GAP_EVALS} evaluations), where "
        f"{limits.gap:g} is the limit",
        "A gap by itself harms nothing; it matters once the eval loss rises. More varied clips narrow it, so do a "
        "higher weight_decay and fewer trained weights (train: [heads] or {lora: {}}). A larger eval set (eval_set: "
        "{fraction: 0.25}, in a new run) tells whether the gap is real: a few hard clips make one, too.",
    )


MOST_LOADING, FEWEST_TIMED = 0.3, 50  # share of the time, steps


def slow_loading(seen: Seen, limits: Limits) -> Warned | None:
    """Warn when loading clips takes more than three tenths of the time of the last steps."""
    known = [record for record in seen.steps if math.isfinite(record.seconds + record.load_seconds)]
    seconds = math.fsum(record.seconds for record in known)
    loading = math.fsum(record.load_seconds for record in known)
    if len(known) < FEWEST_TIMED or seconds <= 0 or loading <= MOST_LOADING * seconds:
        return None
    return Warned(
        "slow_loading",
        "Steps wait for their clips",
        f"{loading / seconds:.0%} of the time of the last {len(known)} steps went into loading clips",
        "Put the run's folder, whose cache the clips are read from, on a local disk, and close programs that use it.",
    )


# A new checkpoint and a new best model are written before the old ones go.
SPARE = 1.2


def disk_nearly_full(seen: Seen, limits: Limits) -> Warned | None:
    """Warn when the disk has less room than one more checkpoint and one more best model need."""
    if seen.free is None or not seen.needed or seen.free >= SPARE * seen.needed:
        return None
    return Warned(
        "disk_nearly_full",
        "The disk is nearly full",
        f"{seen.free / 1e9:.1f} GB are free; one more checkpoint with a best model needs {seen.needed / 1e9:.1f} GB",
        "Make room on the run's disk; a phase that meets a full disk stops, and continues from its last checkpoint.",
    )


RULES: tuple[Callable[[Seen, Limits], Warned | None], ...] = (
    not_finite,
    unsteady_eval,
    slow_training,
    rising_eval,
    gap,
    slow_loading,
    disk_nearly_full,
)


def gauges_of(seen: Seen, limits: Limits) -> tuple[Gauge, ...]:
    """The three numbers of a healthy run, with the limit that is warned of and the target; the gap if it has a limit.

    How much the eval loss jumps, improvement of training, and the eval loss above its lowest, as they are now.
    """
    values = [record.mel_ce for record in seen.evals]
    std, moved = eval_std(values), improvement(seen.epochs)
    calm = std is not None and (unrest(values) is None or std < limits.eval_std)
    risen, most = _risen(seen, limits)
    most = float(f"{most:.2g}")
    found = [
        Gauge("eval_std", "how much the eval loss jumps (standard deviation)", std, limits.eval_std,
              limits.eval_std, _state(std, unsteady_eval(seen, limits) is not None, calm)),
        Gauge("improvement", "training improvement over 5 epochs", moved, limits.improvement,
              limits.target_improvement, _state(moved, slow_training(seen, limits) is not None,
                                                moved is not None and moved > limits.target_improvement)),
        Gauge("rise", "eval loss above its lowest", risen, most, most,
              _state(risen, rising_eval(seen, limits) is not None, True)),
    ]  # fmt: skip
    if limits.gap is not None:
        apart = gap_of([gap_at(record) for record in seen.evals])
        state = _state(apart, gap(seen, limits) is not None, True)
        found.append(Gauge("gap", "eval loss above training loss", apart, limits.gap, limits.gap, state))
    return tuple(found)


def _state(value: float | None, warned: bool, good: bool) -> Literal["too early", "good", "fair", "warning"]:
    if value is None:
        return "too early"
    if warned:
        return "warning"
    return "good" if good else "fair"


def _lower_rate(rate: float) -> str:
    """A half and a fifth of the rate, as words for a cure; '' where it is not known."""
    return f" from {rate:g} to {_round(rate / 2)} or {_round(rate / 5)}" if rate > 0 else ""


def _higher_rate(rate: float) -> str:
    """Twice the rate; '' where it is not known."""
    return f" from {rate:g} to {_round(rate * 2)}" if rate > 0 else ""


def _round(rate: float) -> str:
    return f"{float(f'{rate:.1e}'):g}"
