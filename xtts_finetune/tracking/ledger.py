"""Brings a tracking server up to what a run's folder shows. Asked again, it logs only what is new."""

from __future__ import annotations

import hashlib
import json
import time
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any
from uuid import uuid4

import yaml

from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.json_lines import Follower
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.tracking.points import best_points, parameters_of, points_of
from xtts_finetune.tracking.server import CANDIDATE_TAG, PARENT_TAG, RUN_TAG, Logged, Server

STATUS = {"done": "FINISHED", "interrupted": "KILLED", "failed": "FAILED"}
DECISION_TAGS = ("ship", "verdict", "status")


class Ledger:
    """One run of the server for the run's folder, and one below it for each candidate that has metrics.

    What is there already, the server itself is asked: after an interruption, of this process or of the
    connection, a new ledger goes on where the last one came to. Every method raises whatever MLflow raises.
    """

    def __init__(
        self, server: Server, run: RunFolder, candidates: tuple[str, ...], declared: Mapping[str, Any]
    ) -> None:
        self._server, self._run, self._candidates, self._declared = server, run, candidates, declared
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
        decision = _json(self._run.decision)
        tags = {name: str(decision[name]) for name in DECISION_TAGS if decision.get(name) is not None}
        self._server.log_tags(self._pipeline, tags)
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

    def _log_metrics(
        self, logged: Logged, folder: CandidateFolder, info: Mapping[str, Any], key: str
    ) -> None:
        follower = self._followers.setdefault(key, Follower(folder.metrics))
        now = round(time.time() * 1000)
        for batch in follower.new():
            points = [point for line in batch.parse()[0] for point in points_of(line)]
            self._server.log_points(logged, points, now)
        self._server.log_points(logged, best_points(info), now)

    def _log_files(self, logged: Logged, files: tuple[Path, ...]) -> None:
        for file in files:
            try:
                digest = hashlib.sha256(file.read_bytes()).hexdigest()[:16]
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


def _begun(folder: CandidateFolder) -> tuple[str, Mapping[str, Any]] | None:
    """When the candidate was begun and what was declared for it; None while it is not."""
    try:
        record = yaml.safe_load(folder.phase_yaml.read_text(encoding="utf-8"))
        return str(record["started"]), dict(record["declaration"])
    except (OSError, ValueError, TypeError, KeyError, yaml.YAMLError):
        started = _json(folder.model_info).get("started")  # of the base, of averages: nobody trains them
        return (str(started), {}) if started else None


def _json(file: Path) -> dict[str, Any]:
    try:
        content = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return content if isinstance(content, dict) else {}


def _milliseconds(time_iso: str) -> int | None:
    try:
        return round(datetime.fromisoformat(time_iso).timestamp() * 1000)
    except ValueError:
        return None
