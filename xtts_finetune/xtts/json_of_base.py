"""A JSON file of a base, as editors and programs of all kinds leave it. Without torch."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.xtts.weights.file_kind import not_a_file


def read_text_of_base(path: Path, cure: str) -> str:
    """The text of a base's file, without the mark that some editors put in front of it (a byte order mark).

    Raises UserError with the reason and `cure` if it cannot be read.
    """
    if (reason := not_a_file(path)) is not None:
        raise UserError(f"{path}: {reason.partition('; ')[0]}; {cure}")
    try:
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path}: this file cannot be read ({error.strerror or error}); {cure}") from None
    except UnicodeDecodeError:
        raise UserError(f"{path}: this is not a text in UTF-8; {cure}") from None


def read_json_of_base(path: Path, cure: str) -> Any:
    """What the JSON file holds. Raises UserError with the reason and `cure` if it cannot be read."""
    text = read_text_of_base(path, cure)
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if not text.strip():
            raise UserError(f"{path}: this file is empty; {cure}") from None
        where = f"line {error.lineno}, column {error.colno}"
        raise UserError(f"{path}: this is not readable JSON (see {where}); {cure}") from None
    except (ValueError, RecursionError):
        raise UserError(f"{path}: this is not readable JSON; {cure}") from None
