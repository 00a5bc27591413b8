"""The records that close a phase, written by whoever saw it end: the child, or its parent.

STOPPING_REASON.txt comes first, as it must get there; training_history.json is the only big one and is left out
where the disk has no room for it; model_info.json is last, as it says that the phase is closed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import free_reserve, read_json, write_json_atomic, write_text_atomic
from xtts_finetune.records.candidates.facts import Judgement, PhaseFacts
from xtts_finetune.records.faults import reason_of_error
from xtts_finetune.records.metrics import EvalRecord, Metrics, QualityRecord, StepRecord, read_metrics
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.records.stopping import Reason, Status, Stop
from xtts_finetune.records.stopping_text import stopping_text
from xtts_finetune.records.values import strict_json

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
            "Lower max_tokens, and raise accumulate by the same factor. precision: bf16 needs less memory, and closing "
            "other programs helps."
        )
    if stop.reason is Reason.OUT_OF_MEMORY and facts.batch_size == 1:
        return (
            "batch_size is 1 already. gradient_checkpointing: true, optimizer_moments: bf16 and precision: bf16 need "
            "less memory, train: {lora: {}} the least. Closing other programs helps; device: cpu uses other memory."
        )
    if stop.reason is Reason.OUT_OF_MEMORY and facts.ran_with is not None:
        return (
            "What was tried still takes too much memory. optimizer_moments: bf16 and precision: bf16 need less, "
            "train: {lora: {}} the least. Closing other programs helps, too."
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


HISTORY_LEFT_OUT = "the disk had no room for training_history.json; metrics.jsonl holds the same"


def write_closing(folder: CandidateFolder, facts: PhaseFacts, stop: Stop) -> dict[str, Any]:
    """Write STOPPING_REASON.txt, training_history.json and, last, model_info.json; return the last one.

    The phase's reserve (records.reserve) is given back first, so that the short ones fit on a full disk.
    Metrics that cannot be read are said in the records, which then have no numbers. Raises OSError when even
    the short ones cannot be written.
    """
    free_reserve(folder.path)
    notes = []
    try:
        metrics = read_metrics(folder.metrics)
    except UserError as error:
        metrics = Metrics()
        notes.append(str(error))
    info = phase_info(folder.name, facts, stop, metrics, notes)
    write_text_atomic(folder.stopping_reason, stopping_text(info))
    if not _written_if_it_fits(folder, metrics):
        info["notes"].append(HISTORY_LEFT_OUT)
    try:
        write_json_atomic(folder.model_info, info)
    except OSError as error:
        if reason_of_error(error) is not Reason.DISK_FULL:
            raise
        # The history fitted, and took the room of what matters more.
        folder.training_history.unlink(missing_ok=True)
        info["notes"].append(HISTORY_LEFT_OUT)
        write_json_atomic(folder.model_info, info)
    return info


def _written_if_it_fits(folder: CandidateFolder, metrics: Metrics) -> bool:
    """Write the history; whether there was room for it. An older one would tell of another end: it goes."""
    try:
        write_json_atomic(folder.training_history, history_columns(metrics))
    except OSError as error:
        if reason_of_error(error) is not Reason.DISK_FULL:
            raise
        folder.training_history.unlink(missing_ok=True)
        return False
    return True


def rewrite_judgement(folder: CandidateFolder, info: dict[str, Any], judgement: Judgement) -> dict[str, Any]:
    """Put another judgement into a phase's closing records, where it is another; return model_info.json's content.

    Levels are declared: they may change, and listeners may have given a mark, long after the phase has ended.
    """
    judged = {**info, **judgement.to_json()}
    if judged != info:
        write_text_atomic(folder.stopping_reason, stopping_text(judged))
        write_json_atomic(folder.model_info, judged)
    return judged


def write_untrained_info(
    folder: CandidateFolder,
    started: str,
    ended: str,
    seconds: float,
    fingerprint: str,
    made_of: Sequence[Mapping[str, Any]] = (),
) -> None:
    """Write model_info.json of a candidate that was not trained, the base or a made one, from its one evaluation."""
    metrics = read_metrics(folder.metrics)
    info: dict[str, Any] = {
        "candidate": folder.name,
        "status": "done",
        "reason": None,
        "best": evaluation_info(metrics.best),
        "initial": evaluation_info(metrics.initial),
        "final": evaluation_info(metrics.final),
        "steps": 0,
        "started": started,
        "ended": ended,
        "seconds": seconds,
        "fingerprint": fingerprint,
    }
    if made_of:
        info["made_of"] = list(made_of)
    write_json_atomic(folder.model_info, info)


def read_model_info(folder: CandidateFolder) -> dict[str, Any] | None:
    """A candidate's closing record, or None while it has none. Raises UserError when it is no JSON object."""
    if not folder.model_info.is_file():
        return None
    info = read_json(folder.model_info, dict, "damaged", "remove the file and run the phase again")
    # A record of another hand without a status: with a best evaluation there is a model to show for it.
    info.setdefault("status", "done" if info.get("best") else "failed")
    return info
