"""RECORD.md in a phase's folder: the form that is filled in after a phase, from its records and the decision."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.decision import marks_given
from xtts_finetune.pipeline.phase.record_text import record_text
from xtts_finetune.records.atomic import write_text_atomic
from xtts_finetune.records.closing import read_model_info, rewrite_judgement
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.stopping import Reason
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.training.success import judge


def update_records(declaration: Declaration, run: RunFolder) -> None:
    """Bring the levels and RECORD.md of every closed phase up to what is declared and decided by now.

    Success levels and listeners' marks may come or change after a phase has ended; neither trains it anew.
    Nothing is written where nothing changed. Raises UserError for a record that cannot be read.
    """
    for name in declaration.phases:
        write_record(declaration, run, name)


def write_record(declaration: Declaration, run: RunFolder, name: str) -> Path | None:
    """Write RECORD.md of a closed phase and return its path; None for a phase that is not closed.

    Raises UserError for a record that cannot be read, OSError when the disk has no room.
    """
    folder = run.candidate(name)
    info = read_model_info(folder)
    # A record of an older version has no levels to bring up to date.
    if info is None or "levels" not in info or name not in declaration.phases:
        return None
    quality = marks_given(declaration, run).get(name)
    try:
        reason = Reason(info["reason"]["name"])
        judgement = judge(declaration.phases[name].success, read_metrics(folder.metrics), reason, quality)
        info = rewrite_judgement(folder, info, judgement)
        text = record_text(info, declaration, read_decision(run, info, quality))
    except (LookupError, TypeError, ValueError) as error:
        raise UserError(
            f"{folder.model_info}: damaged, or of another version ({type(error).__name__}: {error}); "
            f"train the phase anew: run_pipeline {name} --fresh"
        ) from None
    path = folder.record
    if not path.is_file() or path.read_text(encoding="utf-8", errors="replace") != text:
        write_text_atomic(path, text)
    return path


def read_decision(run: RunFolder, info: Mapping[str, Any], quality: float | None) -> Mapping[str, Any] | None:
    """decision.json, if it was made with this phase's best evaluation and mark; None for one of before."""
    try:
        decision = json.loads(run.decision.read_text(encoding="utf-8"))
        (seen,) = (each for each in decision["candidates"] if each["name"] == info["candidate"])
    except (OSError, ValueError, KeyError, TypeError):
        return None
    best = info["best"] or {}
    known = [seen.get("step"), seen.get("mel_ce"), seen.get("quality"), seen.get("status")]
    now = [best.get("step"), best.get("mel_ce"), quality, info["status"]]
    return decision if known == now and isinstance(decision, dict) else None
