"""What each stage was last done from: `stages.json` for the small stages, `phase.yaml` for a phase.

A record of `stages.json` is removed before its stage starts and written once the stage is done, so that it
stands for work that was finished. `phase.yaml` is written before the start; its `model_info.json` says that the
phase is done. Fingerprints of what a stage reads say in words what is different since then.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import yaml

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import json_or_none, write_json_atomic, write_text_atomic
from xtts_finetune.records.job import RanWith
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.records.values import hash_of
from xtts_finetune.spec.phase import PhaseSpec

# A part of a stage's inputs: a plain value for what people declare, a short hash for files.
Inputs = dict[str, Any]
# What a phase starts from, in words, and the fingerprints that have nothing to do with it.
# A value is shown whole up to so many characters.
LONGEST = 60
START, OF_ANY_START = "starts from", ("files base", "files clips")


def differences(before: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """In words, key by key, what changed: 'learning_rate: 1e-06 -> 2e-06'; empty when nothing did."""
    found = []
    elsewhere = before.get(START) != now.get(START)
    for key in sorted({*before, *now}):
        old, new = before.get(key), now.get(key)
        if old == new:
            continue
        if elsewhere and key.startswith("files ") and key not in OF_ANY_START:
            continue  # it starts from something else; that this did not change
        # Hashes say nothing to people; the key's name does.
        if key.startswith("files "):
            found.append(f"{key.removeprefix('files ')} changed")
        else:
            found.append(_told(key, old, new))
    return found


def _told(key: str, old: object, new: object) -> str:
    """A changed value before and after; of long ones only what differs: 'utterances.sentences: 3 added'."""
    before, after = _shown(old), _shown(new)
    if max(len(before), len(after)) <= LONGEST and before != after:
        return f"{key}: {before} -> {after}"
    if isinstance(old, list | tuple) and isinstance(new, list | tuple):
        gone, come = ([each for each in one if each not in other] for one, other in ((old, new), (new, old)))
        changed = sum(_id(each) is not None and _id(each) in map(_id, gone) for each in come)
        counts = {"added": len(come) - changed, "removed": len(gone) - changed, "changed": changed}
        return f"{key}: {', '.join(f'{count} {how}' for how, count in counts.items() if count) or 'in another order'}"
    at = next((at for at, (one, other) in enumerate(zip(before, after, strict=False)) if one != other), 0)
    start = max(0, min(at, len(before) - 1, len(after) - 1) - LONGEST // 4)
    return f"{key}: {_part(before, start)} -> {_part(after, start)}"


def _id(each: object) -> object:
    return each.get("id") if isinstance(each, dict) else None


def _part(text: str, start: int) -> str:
    part = text[start : start + LONGEST // 2]
    return f"{'...' if start else ''}{part}{'...' if start + len(part) < len(text) else ''}"


def _shown(value: object) -> str:
    if value is None:
        return "not set"
    if isinstance(value, list | tuple | dict):
        return json.dumps(value, ensure_ascii=False, default=str)
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


# libyaml's, where PyYAML has it: a plan reads these records often, and the one in Python takes ten times as long.
LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
HEADER = "# Written by xtts-finetune before the phase started: what it was trained from.\n"


def read_stage(run: RunFolder, stage: str) -> Inputs | None:
    """Inputs that the stage was last done from, or None when it is not done."""
    inputs = _read_stages(run).get(stage)
    return inputs if isinstance(inputs, dict) else None


def write_stage(run: RunFolder, stage: str, inputs: Inputs) -> None:
    """Record that the stage was done from these inputs."""
    write_json_atomic(run.stages, {**_read_stages(run), stage: inputs})


def forget_stage(run: RunFolder, stage: str) -> None:
    """Record that the stage is not done; a second call does nothing."""
    stages = _read_stages(run)
    if stages.pop(stage, None) is not None:
        write_json_atomic(run.stages, stages)


def _read_stages(run: RunFolder) -> dict[str, Any]:
    # The worst that a lost record does is that cheap stages are done again.
    return json_or_none(run.stages, dict) or {}


def write_phase_yaml(
    folder: CandidateFolder,
    inputs: Inputs,
    declared: Mapping[str, Any],
    started: str,
    ran_with: Mapping[str, Any] | None = None,
    continued: Sequence[Mapping[str, Any]] = (),
    ran_on: Mapping[str, str] | None = None,
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
    if ran_on is not None:
        record["ran_on"] = dict(ran_on)
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


def recorded_batches(record: Mapping[str, Any] | None, fingerprint: str, phase: PhaseSpec) -> RanWith | None:
    """The batches that phase.yaml says this phase was reduced to; None for the declared ones.

    They are forgotten with the inputs that they were found for: a phase that is trained from something else, or
    with another declared batch, begins as declared.
    """
    found = (record or {}).get("ran_with")
    if record is None or record.get("fingerprint") != fingerprint or not isinstance(found, dict):
        return None
    try:
        ran_with = RanWith(
            int(found["batch_size"]),
            int(found["accumulate"]),
            int(found["from_step"]),
            str(found["why"]),
            bool(found.get("gradient_checkpointing")),
        )
    except (KeyError, TypeError, ValueError):
        return None
    declared = phase.batch_size * phase.accumulate
    return ran_with if ran_with.batch_size * ran_with.accumulate == declared else None
