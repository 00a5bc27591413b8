"""The records that close a phase, written by whoever saw it end: the child, or its parent."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import strict_json, write_json_atomic, write_text_atomic
from xtts_finetune.records.metrics import EvalRecord, Metrics, StepRecord, read_metrics
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.records.stopping import Reason, Stop


@dataclass(frozen=True)
class PhaseFacts:
    """What the closing records say beyond the metrics.

    steps_planned counts optimizer steps, epochs_planned passes over the clips. `hyperparameters` is printed
    for people as it stands. `started` and `ended` are ISO 8601 times, `seconds` the time that was worked in
    between. `level` is the success level reached, None for none. `command` is what the user types next.
    """

    steps_planned: int
    epochs_planned: float
    batch_size: int
    learning_rate: float
    hyperparameters: Mapping[str, object]
    started: str
    ended: str
    seconds: float
    level: str | None
    fingerprint: str
    command: str
    log: Path | None = None


def write_closing(folder: CandidateFolder, facts: PhaseFacts, stop: Stop) -> dict[str, Any]:
    """Write training_history.json, STOPPING_REASON.txt and, last, model_info.json; return the last one."""
    metrics = read_metrics(folder.metrics)
    info = phase_info(folder.name, facts, stop, metrics)
    write_json_atomic(folder.training_history, history_columns(metrics))
    write_text_atomic(folder.stopping_reason, stopping_text(folder.name, facts, stop, metrics))
    write_json_atomic(folder.model_info, info)
    return info


def write_base_info(
    folder: CandidateFolder, started: str, ended: str, seconds: float, fingerprint: str
) -> None:
    """Write the base's model_info.json from its one evaluation."""
    metrics = read_metrics(folder.metrics)
    info = {
        "candidate": folder.name,
        "status": "done",
        "reason": None,
        "best": _short(metrics.best),
        "initial": _short(metrics.initial),
        "final": _short(metrics.final),
        "steps": 0,
        "started": started,
        "ended": ended,
        "seconds": seconds,
        "fingerprint": fingerprint,
    }
    write_json_atomic(folder.model_info, info)


def read_model_info(folder: CandidateFolder) -> dict[str, Any] | None:
    """A candidate's closing record, or None while it has none. Raises UserError when it is no JSON object."""
    if not folder.model_info.is_file():
        return None
    try:
        info = json.loads(folder.model_info.read_text(encoding="utf-8"))
    except ValueError as error:
        raise UserError(
            f"{folder.model_info}: no JSON ({error}); remove the file and run the phase again"
        ) from None
    if not isinstance(info, dict):
        raise UserError(
            f"{folder.model_info}: expected a JSON object; remove the file and run the phase again"
        )
    return info


def phase_info(candidate: str, facts: PhaseFacts, stop: Stop, metrics: Metrics) -> dict[str, Any]:
    """The content of model_info.json."""
    last = metrics.steps[-1] if metrics.steps else None
    info = {
        "candidate": candidate,
        "status": stop.reason.status,
        "reason": stop.to_json(),
        "best": _short(metrics.best),
        "initial": _short(metrics.initial),
        "final": _short(metrics.final),
        "steps": last.step if last else 0,
        "steps_planned": facts.steps_planned,
        "epochs": last.epoch if last else 0.0,
        "epochs_planned": facts.epochs_planned,
        "batch_size": facts.batch_size,
        "learning_rate": facts.learning_rate,
        "seconds": facts.seconds,
        "started": facts.started,
        "ended": facts.ended,
        "level": facts.level,
        "fingerprint": facts.fingerprint,
    }
    return dict(strict_json(info))


def _short(record: EvalRecord | None) -> dict[str, Any] | None:
    if record is None:
        return None
    return {
        "step": record.step,
        "mel_ce": record.mel_ce,
        "text_ce": record.text_ce,
        "stop_ce": record.stop_ce,
    }


def history_columns(metrics: Metrics) -> dict[str, dict[str, list[Any]]]:
    """The metrics as columns: {"steps": {"step": [...], ...}, "evals": {...}}, for spreadsheets and plots."""
    steps = {field.name: [getattr(r, field.name) for r in metrics.steps] for field in fields(StepRecord)}
    evals = {field.name: [getattr(r, field.name) for r in metrics.evals] for field in fields(EvalRecord)}
    return {"steps": steps, "evals": evals}


def stopping_text(candidate: str, facts: PhaseFacts, stop: Stop, metrics: Metrics) -> str:
    """The content of STOPPING_REASON.txt."""
    step = metrics.steps[-1].step if metrics.steps else 0
    epoch = metrics.steps[-1].epoch if metrics.steps else 0.0
    rows = {
        "Reason": stop.reason.words,
        "Best": _numbers(metrics.best),
        "At the start": _numbers(metrics.initial),
        "At the end": _numbers(metrics.final),
        "Steps": f"{step} of {facts.steps_planned}",
        "Epochs": f"{epoch:.1f} of {facts.epochs_planned:g}",
        "Level reached": facts.level or "none",
        "Time": f"{facts.started} to {facts.ended} ({duration(facts.seconds)} of work)",
    }
    if facts.log is not None:
        rows["Log"] = str(facts.log)
    parts = [
        f"{candidate} stopped at step {step} of {facts.steps_planned}: {stop.message}",
        _table(rows),
        "Hyperparameters\n" + textwrap.indent(_table(_flat(facts.hyperparameters)), "  "),
        "What it means\n" + _paragraph(stop.reason.meaning),
        "What to do next\n" + _paragraph(_advice(stop, metrics)) + f"\n    {facts.command}",
    ]
    return "\n\n".join(parts) + "\n"


def now() -> str:
    """This moment in ISO 8601 with its time zone, to the second."""
    return datetime.now().astimezone().isoformat(timespec="seconds")


def duration(seconds: float) -> str:
    """A time span for people: '8 h 12 min', '3 min 5 s', '0.4 s'."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    if hours:
        return f"{hours} h {minutes} min"
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"


def _advice(stop: Stop, metrics: Metrics) -> str:
    best, final = metrics.best, metrics.final
    if stop.reason is Reason.ALL_STEPS_DONE and best is not None and final is not None:
        if best.step == final.step and len(metrics.evals) > 1:
            still = (
                "The last evaluation was the best one: mel_ce was still falling, so more epochs may help. "
            )
            return still + stop.reason.advice
        return f"The best model is from step {best.step}, before the end. " + stop.reason.advice
    return stop.reason.advice


def _numbers(record: EvalRecord | None) -> str:
    if record is None:
        return "not evaluated"
    values = f"mel_ce {record.mel_ce:.3f}, text_ce {record.text_ce:.4f}, stop_ce {record.stop_ce:.3f}"
    return f"{values} at step {record.step}"


def _flat(values: Mapping[str, object], prefix: str = "") -> dict[str, object]:
    """Nested settings as lines of their own: 'schedule.kind'."""
    rows: dict[str, object] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            rows |= _flat(value, f"{prefix}{key}.")
        else:
            rows[f"{prefix}{key}"] = value
    return rows


def _table(rows: Mapping[str, object]) -> str:
    width = max((len(name) for name in rows), default=0)
    return "\n".join(f"{name:<{width}}  {value}" for name, value in rows.items())


def _paragraph(text: str) -> str:
    return textwrap.fill(text, 100, initial_indent="  ", subsequent_indent="  ")
