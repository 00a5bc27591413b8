"""The records that close a phase, written by whoever saw it end: the child, or its parent.

STOPPING_REASON.txt comes first, as it must get there; training_history.json is the only big one and is left out
where the disk has no room for it; model_info.json is last, as it says that the phase is closed.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import write_json_atomic, write_text_atomic
from xtts_finetune.records.closing_info import evaluation_info, history_columns, phase_info
from xtts_finetune.records.facts import PhaseFacts
from xtts_finetune.records.faults import reason_of_error
from xtts_finetune.records.levels import Judgement
from xtts_finetune.records.metrics import Metrics, read_metrics
from xtts_finetune.records.reserve import free_reserve
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.records.stopping_text import stopping_text

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
