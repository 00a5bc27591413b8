"""Adding a candidate to a decision matrix file, with every comment of the file left as it is."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from pathlib import Path

import yaml

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import write_bytes_atomic

CANDIDATES = "candidates"


def declare_candidate(
    file: Path, name: str, model: Path, declared: Sequence[str], check: Callable[[], object]
) -> None:
    """Write `{name: NAME, checkpoint: MODEL}` into the matrix; `declared` are the candidates that there are now.

    `check` reads the declaration again: where it finds a fault the file gets its old content back.
    Raises UserError, with the line to write by hand, for a file that cannot be changed.
    """
    entry = f"{{name: {name}, checkpoint: {_quoted(_relative(model, file.parent))}}}"
    by_hand = f"write it by hand, among the 'candidates' of {file}:  - {entry}"
    try:
        before = file.read_bytes()
        text = with_candidate(before.decode("utf-8-sig"), entry, declared)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{file}: it cannot be changed ({error}); {by_hand}") from None
    try:
        write_bytes_atomic(file, text.encode("utf-8"))
        check()
    except OSError as error:
        raise UserError(f"{file}: it cannot be written ({error.strerror or error}); {by_hand}") from None
    except UserError:
        write_bytes_atomic(file, before)
        raise


def with_candidate(text: str, entry: str, declared: Sequence[str]) -> str:
    """The YAML text with one candidate more. Raises ValueError where its form leaves no place for one."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise ValueError("its keys do not stand on lines of their own")
    end = "\r\n" if "\r\n" in text else "\n"
    found = next((value for key, value in root.value if key.value == CANDIDATES), None)
    if found is None:
        names = [name for name in declared if name != "base"]
        lines = [f"{CANDIDATES}:", *(f"  - {each}" for each in [*names, entry])]
        return text.rstrip("\r\n") + end * 2 + end.join(lines) + end
    if not isinstance(found, yaml.SequenceNode) or not found.value:
        raise ValueError(f"'{CANDIDATES}' is no list with entries")
    last = found.value[-1]
    if found.flow_style:
        at = last.end_mark.index
        return f"{text[:at]}, {entry}{text[at:]}"
    # After the whole line of the last entry: a comment may stand behind it.
    at = text.find("\n", last.end_mark.index - 1 if last.end_mark.column == 0 else last.end_mark.index)
    head, tail = (text + end, "") if at < 0 else (text[: at + 1], text[at + 1 :])
    indent = " " * found.start_mark.column
    return f"{head}{indent}- {entry}{end}{tail}"


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return path.as_posix()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
