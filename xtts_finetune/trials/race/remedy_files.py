"""A remedy as a file in the language of a phase, with what it changes and why as comments."""

from __future__ import annotations

import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import yaml

from xtts_finetune.errors import DeclarationError
from xtts_finetune.spec.reading.yaml_file import read_document
from xtts_finetune.trials.race.remedies import Remedy

WIDTH = 110


def remedy_text(remedy: Remedy, values: Mapping[str, Any], unchanged: Mapping[str, Any], of: str) -> str:
    """The file's text: the remedy's `values`, each with what it is in `unchanged`, the control's values."""
    lines = [
        f"# Remedy '{remedy.name}' for {of}, written by xtts-finetune solve. What you change here is kept."
    ]
    for title, words in (
        ("Change", remedy.change),
        ("Why", remedy.why),
        ("Expected", remedy.expect),
    ):
        lines += textwrap.wrap(
            f"{title}: {words}.", WIDTH, initial_indent="# ", subsequent_indent="#   ", break_long_words=False
        )
    for key, value in values.items():
        before = unchanged.get(key)
        comment = "" if before == value else f"   # {'was ' + _flow(before) if key in unchanged else 'new'}"
        lines.append(f"{key}: {_flow(value)}{comment}")
    return "\n".join(lines) + "\n"


def read_remedy(file: Path) -> dict[str, Any]:
    """The values of a remedy's file. Raises DeclarationError when it cannot be read; no value is checked yet."""
    document = read_document(file, file.name)
    if document.data is None:
        raise DeclarationError(document.problems())
    return dict(document.data)


def _flow(value: object) -> str:
    """A value on one line of YAML."""
    text = yaml.safe_dump(value, default_flow_style=True, sort_keys=False, width=10_000, allow_unicode=True)
    return text.removesuffix("\n").removesuffix("\n...")
