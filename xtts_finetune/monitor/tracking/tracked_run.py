"""Brings a tracking server up to what a run's folder shows. Asked again, it logs only what is new."""

from __future__ import annotations

import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from xtts_finetune.monitor.tracking.server import CANDIDATE_TAG, PARENT_TAG, RUN_TAG, Logged, LoggedNumber, Server
from xtts_finetune.records.atomic import json_or_none, write_json_atomic
from xtts_finetune.records.json_lines import Follower
from xtts_finetune.records.metrics import EvalRecord, QualityRecord, StepRecord, record_of
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.records.values import file_digest, flat
from xtts_finetune.records.verdict import read_verdict

# Names as the records have them; cross-entropies in nats but for text_ce, which is in Coqui's unit.
STEP_NAMES = (
    "loss",
    "mel_ce",
    "text_ce_nats",
    "learning_rate",
    "grad_norm",
    "clips",
    "seconds",
    "load_seconds",
)
EVAL_NAMES = ("mel_ce", "text_ce", "text_ce_nats", "stop_ce", "train_mel_ce")
BEST_NAMES = ("mel_ce", "text_ce", "stop_ce")
STATUS = {"done": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}


class TrackedRun:
    """One run of the server for the run's folder, and one below it for each candidate that has metrics.

    What is there already, the server itself is asked: after an interruption, of this process or of the
    connection, a new object goes on where the last one came to. Every method raises whatever MLflow raises.
    """

    def __init__(
        self, server: Server, run: RunFolder, candidates: tuple[str, ...], declared: Mapping[str, Any]
    ) -> None:
        self._server, self._run, self._candidates = server, run, candidates
        self._id = run_id(run)
        logged = server.runs(self._id)
        self._known = {one.tags.get(CANDIDATE_TAG, ""): one for one in logged}
        self._followers: dict[str, Follower] = {}
        self._pipeline = self._known.get("") or server.create(run.root.name, None, {RUN_TAG: self._id})
        server.set_status(self._pipeline, "RUNNING")
        server.log_parameters(self._pipeline, parameters_of(declared))

    def bring_up(self) -> None:
        """Log what came since the last call."""
        for name in self._candidates:
            folder = self._run.candidate(name)
            begun = _begun(folder)
            if begun is not None:
                self._bring_up_candidate(folder, *begun)
        says = json_or_none(self._run.decision, read_verdict)
        if says is not None:
            tags = {"ship": says.ship, "status": says.status, "verdict": says.headline}
            self._server.log_tags(self._pipeline, {name: value for name, value in tags.items() if value is not None})
        self._log_files(self._pipeline, (self._run.decision, self._run.report))

    def end(self, status: str) -> None:
        """Log what came last, and how the command ended: FINISHED, FAILED or KILLED."""
        self.bring_up()
        self._server.set_status(self._pipeline, status)

    def _bring_up_candidate(self, folder: CandidateFolder, started: str, declared: Mapping[str, Any]) -> None:
        key = f"{folder.name} {started}"
        logged = self._known.get(key)
        if logged is None:
            tags = {RUN_TAG: self._id, CANDIDATE_TAG: key, PARENT_TAG: self._pipeline.id}
            logged = self._known[key] = self._server.create(folder.name, _milliseconds(started), tags)
        info = _json(folder.model_info)
        self._log_metrics(logged, folder, info, key)
        self._server.log_parameters(logged, parameters_of(declared))
        reason = info.get("reason") or {}
        ended = {"stopping_reason": reason.get("message"), "level": info.get("level")}
        self._server.log_tags(logged, {name: str(value) for name, value in ended.items() if value})
        files = (folder.phase_yaml, folder.stopping_reason, folder.record, folder.model_info)
        self._log_files(logged, files)
        self._server.set_status(logged, STATUS.get(str(info.get("status")), "RUNNING"))

    def _log_metrics(self, logged: Logged, folder: CandidateFolder, info: Mapping[str, Any], key: str) -> None:
        follower = self._followers.setdefault(key, Follower(folder.metrics))
        now = round(time.time() * 1000)
        for batch in follower.new():
            points = [point for line in batch.parse()[0] for point in points_of(line)]
            self._server.log_points(logged, points, now)
        self._server.log_points(logged, best_points(info), now)

    def _log_files(self, logged: Logged, files: tuple[Path, ...]) -> None:
        for file in files:
            try:
                digest = file_digest(file)[:16]
            except OSError:
                continue  # it is not there yet, or is being replaced
            self._server.log_file(logged, file, digest)


def run_id(run: RunFolder) -> str:
    """The name of the run's folder on servers, which it keeps wherever it is moved to; made when first asked for."""
    known = _json(run.tracking).get("id")
    if isinstance(known, str) and known.isalnum():
        return known
    made = uuid4().hex
    write_json_atomic(run.tracking, {"id": made})
    return made


def points_of(line: Mapping[str, Any]) -> tuple[LoggedNumber, ...]:
    """The points of a line of metrics.jsonl; none of a line that is no record."""
    try:
        record = record_of(line)
    except (KeyError, TypeError, ValueError):
        return ()
    match record:
        case StepRecord():
            return _named("train", record, STEP_NAMES)
        case EvalRecord():
            return _named("eval", record, EVAL_NAMES)
        case QualityRecord():
            return (LoggedNumber("utterances/sound_share", record.share, record.step),)


def best_points(info: Mapping[str, Any]) -> tuple[LoggedNumber, ...]:
    """The best evaluation of a closing record (model_info.json), under names of its own."""
    best = info.get("best")
    if not isinstance(best, Mapping) or not isinstance(best.get("step"), int):
        return ()
    values = ((name, best.get(name)) for name in BEST_NAMES)
    return tuple(
        LoggedNumber(f"best/{name}", float(value), best["step"])
        for name, value in values
        if isinstance(value, int | float)
    )


def parameters_of(declared: Mapping[str, Any]) -> dict[str, str]:
    """A declaration as flat parameters: {'resume_from.phase': 'phase1', 'stop_when.0.rule': ...}."""
    return {key: str(value) for key, value in flat(declared, lists=True).items() if value not in (None, "")}


def _named(group: str, record: StepRecord | EvalRecord, names: tuple[str, ...]) -> tuple[LoggedNumber, ...]:
    values = ((name, getattr(record, name)) for name in names)
    return tuple(
        LoggedNumber(f"{group}/{name}", float(value), record.step) for name, value in values if value is not None
    )


def _begun(folder: CandidateFolder) -> tuple[str, Mapping[str, Any]] | None:
    """When the candidate was begun and what was declared for it; None while it is not."""
    try:
        record = yaml.safe_load(folder.phase_yaml.read_text(encoding="utf-8"))
        return str(record["started"]), dict(record["declaration"])
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError):
        started = _json(folder.model_info).get("started")  # of the base, of averages: nobody trains them
        return (str(started), {}) if started else None


def _json(file: Path) -> dict[str, Any]:
    return json_or_none(file, dict) or {}


def _milliseconds(time_iso: str) -> int | None:
    try:
        return round(datetime.fromisoformat(time_iso).timestamp() * 1000)
    except ValueError:
        return None
