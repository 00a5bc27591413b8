"""The one way to close a phase, from its job, its declaration and its records. Without torch.

Closing judges the phase, too: which declared success levels it reached, and what it was worth.
"""

from __future__ import annotations

import contextlib
import math
from collections.abc import Sequence

from xtts_finetune.curves.judge import trend_of
from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import command
from xtts_finetune.look.quantities import now
from xtts_finetune.records.candidates.closing import write_closing
from xtts_finetune.records.candidates.facts import Judgement, LimitCheck, PhaseFacts, Result, Scenario
from xtts_finetune.records.job import Job, RanWith
from xtts_finetune.records.metrics import EvalRecord, Metrics, read_metrics
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.phase import PhaseSpec, Planned
from xtts_finetune.spec.pipeline import DatasetSpec
from xtts_finetune.spec.stop_rules import SuccessGoal

# What a phase's closing record repeats of its declaration.
_SHOWN = (
    "train",
    "optimization_level",
    "learning_rate",
    "schedule",
    "batch_size",
    "accumulate",
    "buckets",
    "max_tokens",
    "weight_decay",
    "gradient_clip",
    "precision",
    "optimizer_moments",
    "text_loss_weight",
    "mel_loss_weight",
    "kl_weight",
    "label_smoothing",
    "huber_tau",
    "adaptive_loss_weights",
    "mask_prompt",
    "seed",
)


def as_it_ran(phase: PhaseSpec, ran_with: RanWith | None) -> PhaseSpec:
    """The phase with what it was reduced to when memory ran out; as declared where it was not."""
    if ran_with is None:
        return phase
    return phase.in_batches(ran_with.batch_size, ran_with.accumulate, ran_with.gradient_checkpointing)


def close_phase(
    declaration: Declaration, job: Job, stop: Stop, phase: PhaseSpec | None = None, device: str = ""
) -> None:
    """Write the closing records of the job's phase: for the child, the first rank, the launcher or the command.

    `phase` is as it ran on its `device`, in words; left out, as it was to run. Raises OSError where nothing can be
    written.
    """
    phase = phase or as_it_ran(declaration.phases[job.phase], job.ran_with)
    facts = phase_facts(job, phase, declaration.pipeline.datasets, stop, device)
    write_closing(job.run.candidate(job.phase), facts, stop)


def phase_facts(
    job: Job, phase: PhaseSpec, datasets: Sequence[DatasetSpec], stop: Stop, device: str = ""
) -> PhaseFacts:
    """What the closing records say beyond the metrics, as far as the phase's other records can be read."""
    from xtts_finetune.data.batching.index import planned_of_run  # noqa: PLC0415  (NumPy: a plan needs none)

    metrics, planned = Metrics(), Planned(phase.steps or 0, phase.epochs or 0.0)
    with contextlib.suppress(UserError):  # the records say so
        metrics = read_metrics(job.run.candidate(job.phase).metrics)
    with contextlib.suppress(UserError):
        planned = planned_of_run(job.run, datasets, phase)
    declared = phase.model_dump(mode="json")
    return PhaseFacts(
        steps_planned=planned.steps,
        epochs_planned=planned.epochs,
        batch_size=phase.batch_size,
        learning_rate=phase.learning_rate,
        hyperparameters={**({"device": device} if device else {}), **{key: declared[key] for key in _SHOWN}},
        started=job.started,
        ended=now(),
        seconds=_seconds_of_work(metrics),
        trend=trend_of([each.step for each in metrics.evals], [each.mel_ce for each in metrics.evals]).to_json(),
        judgement=judge(phase.success, metrics, stop.reason),
        fingerprint=job.fingerprint,
        command=_command(job, phase, stop),
        goal=phase.goal,
        log=job.run.job_log(job.phase),
        ran_with=job.ran_with.to_json() if job.ran_with else None,
    )


def _seconds_of_work(metrics: Metrics) -> float:
    seconds = [record.seconds for record in metrics.steps]
    seconds += [record.seconds for record in metrics.evals]
    return math.fsum(seconds + [record.seconds for record in metrics.quality])


def _command(job: Job, phase: PhaseSpec, stop: Stop) -> str:
    """What the user types next."""
    if stop.reason is Reason.BAD_START:
        return ""  # the same command would end in the same way
    again = job.commands.get("again") or command(job.phase, "run_pipeline")
    less = phase.batch_size > 1 or not phase.gradient_checkpointing
    could_halve = less and phase.max_tokens is None and phase.on_out_of_memory == "stop"
    if stop.reason is Reason.OUT_OF_MEMORY and could_halve:
        return f"{again} --set {job.phase}.on_out_of_memory=halve_batch"
    return (job.commands.get("go_on") or "run_pipeline") if stop.reason.status == "done" else again


# After these the weights are what they were, or ruined: nothing that was measured is this phase's doing.
NO_SUCCESS = frozenset({Reason.NO_OP, Reason.NOT_FINITE, Reason.BAD_START})


def judge(levels: dict[str, SuccessGoal], metrics: Metrics, reason: Reason, quality: float | None = None) -> Judgement:
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
    level: SuccessGoal,
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
            f"score of at least {level.quality:g} out of 10",
            "-" if quality is None else f"{quality:g}",
        )
        result: Result = "not heard yet"
        if quality is not None:
            result = "met" if quality >= level.quality else "not met"
        checks.append(LimitCheck(name, words, marked, result))
    if level.no_overfitting:
        result = "not met" if reason is Reason.OVERFITTING else "met"
        checks.append(LimitCheck(name, "not stopped by overfitting", reason.words, result))
    return checks


def _below(level: str, words: str, value: float | None, limit: float | None, digits: int) -> LimitCheck:
    if value is None or limit is None:
        return LimitCheck(level, words, "-", "not measured")
    # More digits where fewer would show a value at its limit that is not below it, or the other way round.
    while digits < 9 and round(value, digits) == round(limit, digits) and value != limit:
        digits += 1
    return LimitCheck(level, words, f"{value:.{digits}f}", "met" if value < limit else "not met")
