"""What each stage was last done from: `stages.json` for the small stages, `phase.yaml` for a phase.

A record of `stages.json` is removed before its stage starts and written once the stage is done, so that it
stands for work that was finished. `phase.yaml` is written before the start; that the phase is done is said by
its `model_info.json`.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.plan.fingerprints import Inputs, hash_of
from xtts_finetune.records.atomic import write_json_atomic, write_text_atomic
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder

# libyaml's, where PyYAML has it: a plan reads these records often, and the one in Python takes ten times as long.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
HEADER = "# Written by xtts-finetune before the phase started: what it was trained from.\n"


def stages_file(run: RunFolder) -> Path:
    """The record of the stages that have no folder of their own."""
    return run.root / "stages.json"


def read_stage(run: RunFolder, stage: str) -> Inputs | None:
    """Inputs that the stage was last done from, or None when it is not done."""
    inputs = _read_stages(run).get(stage)
    return inputs if isinstance(inputs, dict) else None


def write_stage(run: RunFolder, stage: str, inputs: Inputs) -> None:
    """Record that the stage was done from these inputs."""
    write_json_atomic(stages_file(run), {**_read_stages(run), stage: inputs})


def forget_stage(run: RunFolder, stage: str) -> None:
    """Record that the stage is not done; a second call does nothing."""
    stages = _read_stages(run)
    if stages.pop(stage, None) is not None:
        write_json_atomic(stages_file(run), stages)


def _read_stages(run: RunFolder) -> dict[str, Any]:
    file = stages_file(run)
    if not file.is_file():
        return {}
    try:
        stages = json.loads(file.read_text(encoding="utf-8"))
    except ValueError:
        # The worst that a lost record does is that cheap stages are done again.
        return {}
    return stages if isinstance(stages, dict) else {}


def write_phase_yaml(
    folder: CandidateFolder,
    inputs: Inputs,
    declared: Mapping[str, Any],
    started: str,
    ran_with: Mapping[str, Any] | None = None,
    continued: Sequence[Mapping[str, Any]] = (),
) -> str:
    """Write what the phase is about to be trained from and return its fingerprint.

    `started` is the ISO 8601 time of the first start; a run that is resumed keeps it. `ran_with` are the batches
    that it was reduced to when memory ran out; they are no input, as a step's clips are the same. `continued` says for
    each time that it went on under other values from which step, when and what was changed.
    """
    fingerprint = hash_of(inputs)
    record: dict[str, Any] = {
        "phase": folder.name,
        "started": started,
        "fingerprint": fingerprint,
        "inputs": dict(inputs),
        "declaration": dict(declared),
    }
    if ran_with is not None:
        record["ran_with"] = dict(ran_with)
    if continued:
        record["continued"] = [dict(each) for each in continued]
    text = yaml.safe_dump(record, sort_keys=False, allow_unicode=True, width=110)
    write_text_atomic(folder.phase_yaml, HEADER + text)
    return fingerprint


def read_phase_yaml(folder: CandidateFolder) -> dict[str, Any] | None:
    """The phase's record, or None when it was never started. Raises UserError for a broken file."""
    file = folder.phase_yaml
    if not file.is_file():
        return None
    try:
        record = yaml.load(file.read_text(encoding="utf-8"), Loader=LOADER)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{file}: cannot be read ({error}); train the phase anew with --fresh") from None
    if not isinstance(record, dict) or not isinstance(record.get("inputs"), dict):
        raise UserError(f"{file}: this is no record of a phase; train the phase anew with --fresh")
    return record
