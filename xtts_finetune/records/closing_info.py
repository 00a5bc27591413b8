"""The content of model_info.json and training_history.json. STOPPING_REASON.txt says the same for people."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

from xtts_finetune.records.atomic import strict_json
from xtts_finetune.records.facts import PhaseFacts
from xtts_finetune.records.metrics import EvalRecord, Metrics, QualityRecord, StepRecord
from xtts_finetune.records.stopping import Reason, Status, Stop

# A phase that ended by these could have gone on: whether it was still learning is what people ask.
COULD_GO_ON = frozenset({Reason.ALL_STEPS_DONE, Reason.TIME_LIMIT})


def phase_info(
    candidate: str, facts: PhaseFacts, stop: Stop, metrics: Metrics, notes: Sequence[str] = ()
) -> dict[str, Any]:
    """The content of model_info.json, as JSON's own values: NaN is None."""
    last = metrics.steps[-1] if metrics.steps else None
    reason = {**stop.to_json(), "message": " ".join(stop.message.split()), "words": stop.reason.words}
    info = {
        "candidate": candidate,
        "goal": facts.goal,
        "status": status_of(stop, metrics),
        "reason": reason,
        "meaning": stop.reason.meaning,
        "advice": advice_of(stop, metrics, facts),
        "command": facts.command,
        **facts.judgement.to_json(),
        "best": evaluation_info(metrics.best),
        "initial": evaluation_info(metrics.initial),
        "final": evaluation_info(metrics.final),
        "trend": dict(facts.trend),
        "quality": asdict(metrics.quality[-1]) if metrics.quality else None,
        "steps": last.step if last else 0,
        "steps_planned": facts.steps_planned,
        "epochs": last.epoch if last else 0.0,
        "epochs_planned": facts.epochs_planned,
        "batch_size": facts.batch_size,
        "learning_rate": facts.learning_rate,
        "hyperparameters": facts.hyperparameters,
        "ran_with": facts.ran_with,
        "seconds": facts.seconds,
        "started": facts.started,
        "ended": facts.ended,
        "log": facts.log,
        "fingerprint": facts.fingerprint,
        "notes": list(notes),
    }
    return dict(strict_json(info))


def status_of(stop: Stop, metrics: Metrics) -> Status:
    """The status that the reason stands for, but nothing is done where there is no model to show for it."""
    return "failed" if stop.reason.status == "done" and metrics.best is None else stop.reason.status


def advice_of(stop: Stop, metrics: Metrics, facts: PhaseFacts) -> str:
    """What to do next: what the reason advises, and what this phase's own end adds to it."""
    if stop.reason is Reason.OUT_OF_MEMORY and facts.hyperparameters.get("max_tokens") is not None:
        return (
            "Lower max_tokens, and raise accumulate by as much. precision: bf16 needs less memory, and so do other "
            "programs that are closed."
        )
    if stop.reason is Reason.OUT_OF_MEMORY and facts.batch_size == 1:
        return (
            "batch_size is 1 already. precision: bf16 needs less memory, and so do a base with fewer layers and "
            "other programs that are closed; device: cpu uses the computer's own memory."
        )
    if stop.reason is Reason.OUT_OF_MEMORY and facts.ran_with is not None:
        return (
            "The smaller batches were still too large. Start it again: with on_out_of_memory: halve_batch they are "
            "divided once more. Closing other programs helps, too, and precision: bf16 needs less memory."
        )
    best, final = metrics.best, metrics.final
    if stop.reason not in COULD_GO_ON or best is None or final is None:
        return stop.reason.advice
    if facts.trend["verdict"] == "falling":
        more = "A further phase that starts from this one's best may bring more. "
        return f"mel_ce was {facts.trend['words']}. {more}{stop.reason.advice}"
    if best.step != final.step:
        return f"The best model is from step {best.step}, before the end. {stop.reason.advice}"
    return stop.reason.advice


def evaluation_info(record: EvalRecord | None) -> dict[str, Any] | None:
    """The numbers of one evaluation that are shown everywhere."""
    if record is None:
        return None
    return {name: getattr(record, name) for name in ("step", "mel_ce", "text_ce", "stop_ce")}


def history_columns(metrics: Metrics) -> dict[str, dict[str, list[Any]]]:
    """The metrics as columns, for spreadsheets and plots: {"steps": {"step": [...], ...}, "evals": ..., ...}."""

    def columns(kind: type[Any], records: Sequence[Any]) -> dict[str, list[Any]]:
        return {field.name: [getattr(record, field.name) for record in records] for field in fields(kind)}

    return {
        "steps": columns(StepRecord, metrics.steps),
        "evals": columns(EvalRecord, metrics.evals),
        "quality": columns(QualityRecord, metrics.quality),
    }
