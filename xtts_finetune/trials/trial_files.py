"""A trial's folder as a pipeline of one phase: the declaration that is written there."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from xtts_finetune.records.atomic import write_text_atomic
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.files import is_base_folder

HEADER = (
    "# Written by xtts-finetune: what this trial is trained from. Change the remedy's own file instead.\n"
)

# A trial has few steps and is judged by mel_ce: speaking meanwhile is left to the phase that adopts it.
_LEFT_OUT = frozenset({"resume_from", "utterances_every_evals", "success", "search"})


def write_trial_declaration(
    of: Declaration,
    folder: Path,
    name: str,
    phase: Mapping[str, Any],
    start: Path | None,
    optimizer: str,
    matrix: Mapping[str, Any],
) -> Path:
    """Write pipeline.yaml and what it names into a trial's folder; return pipeline.yaml.

    `phase` is the phase as a phase's file holds it; `start` the checkpoint of its first weights, None for the base;
    `matrix` what the decision matrix has besides rows. Nothing is touched that is there already, word for word.
    Paths are relative wherever they can be, so that machines may have the shared folder in different places.
    """
    pipeline = {
        **of.pipeline.model_dump(mode="json", exclude_unset=True),
        "name": name,
        "base": _base(of, folder),
        "datasets": [_dataset(data, folder) for data in of.pipeline.datasets],
        "phases": [name],
        "utterances": _relative(of.pipeline.utterances, folder),
        "decision": "decision.yaml",
    }
    values = {key: value for key, value in phase.items() if key not in _LEFT_OUT}
    values["stop_when"] = [
        rule for rule in values.get("stop_when") or () if rule["rule"] != "quality_falling"
    ]
    if start is not None:
        values["resume_from"] = {"checkpoint": _relative(start, folder / "phases"), "optimizer": optimizer}
    # Nothing is decided here, but a declaration has a matrix.
    rows = [{"mel_ce": {"below": 1000}, "ship": "base", "verdict": "one of a race"}]
    decision = {**matrix, "rows": rows}
    file = folder / "pipeline.yaml"
    for path, content in (
        (folder / "decision.yaml", decision),
        (folder / "phases" / f"{name}.yaml", values),
        (file, pipeline),
    ):
        _write(path, content)
    return file


def _write(path: Path, content: Mapping[str, Any]) -> None:
    text = HEADER + yaml.safe_dump(dict(content), sort_keys=False, allow_unicode=True)
    if not path.is_file() or path.read_text(encoding="utf-8") != text:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_text_atomic(path, text)


def _dataset(data: Any, folder: Path) -> dict[str, Any]:
    return {**data.model_dump(mode="json", exclude_unset=True), "path": _relative(data.path, folder)}


def _base(of: Declaration, folder: Path) -> str:
    base = of.pipeline.base
    return _relative(Path(base), folder) if is_base_folder(of.folder, base) else base


def _relative(path: Path, folder: Path) -> str:
    """The path as a file in `folder` names it; absolute where there is no other way, as on another drive."""
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:
        return str(path)
