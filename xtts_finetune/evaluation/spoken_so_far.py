"""What a candidate has said already and need not say again: a record a line while it speaks, as it is finished."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.utterance_state import UtterancePlan, read_record
from xtts_finetune.records.atomic import write_bytes_atomic
from xtts_finetune.records.json_lines import json_line, read_json_lines
from xtts_finetune.records.run_folder import CandidateFolder


def keep_current(plan: UtterancePlan, folder: CandidateFolder) -> dict[str, dict[str, Any]]:
    """Records by file of the utterances on disk that are as `plan` wants them; all others are taken away.

    From then on utterances.json is gone and the lines hold what was kept, so that whoever is killed in between
    loses nothing that was right.
    """
    known = _known(folder)
    kept = {
        str(record["file"]): record
        for record in known
        if plan.fingerprints.get(str(record.get("file")), "") == record.get("fingerprint")
        and (folder.utterances / str(record["file"])).is_file()
    }
    if known:
        write_bytes_atomic(folder.spoken_lines, b"".join(json_line(record) for record in kept.values()))
    folder.utterances_json.unlink(missing_ok=True)
    _remove(folder, {str(record.get("file")) for record in known} | set(plan.fingerprints), kept)
    return kept


def _known(folder: CandidateFolder) -> list[dict[str, Any]]:
    """All that was written down, be it right or not."""
    listed = read_record(folder.utterances_json).get("utterances")
    finished = listed if isinstance(listed, list) else []
    try:
        lines = [record for _, record in read_json_lines(folder.spoken_lines)]
    except UserError:  # damaged: then everything in it is spoken again
        lines = []
    return [record for record in (*finished, *lines) if isinstance(record, dict)]


def _remove(folder: CandidateFolder, names: Iterable[str], kept: Iterable[str]) -> None:
    """Take away sound that is out of date."""
    # Only the names count: a record that was tampered with must not reach out of the folder.
    for name in {Path(name).name for name in names} - set(kept) - {""}:
        file = folder.utterances / name
        if file.suffix == ".wav":
            file.unlink(missing_ok=True)
