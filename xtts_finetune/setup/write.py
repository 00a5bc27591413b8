"""Writing the files of a new declaration; nothing that is there is written over unasked."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import replace_with_retry, write_text_atomic


def in_the_way(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Files that are there with another content. Raises UserError where one cannot be read."""
    found = []
    for name, text in files.items():
        try:
            if (folder / name).exists() and (folder / name).read_bytes() != text.encode("utf-8"):
                found.append(name)
        except OSError as error:
            raise UserError(f"{folder / name} cannot be looked at ({error.strerror or error})") from None
    return found


def write_files(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Write the files; what was there before stays beside as NAME.old. The names of those kept."""
    kept = []
    try:
        for name in in_the_way(folder, files):
            old = _free_name(folder / name)
            replace_with_retry(folder / name, old)
            kept.append(old.relative_to(folder).as_posix())
        for name, text in files.items():
            write_text_atomic(folder / name, text)
            if name.endswith(".sh"):
                (folder / name).chmod(
                    (folder / name).stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH
                )
    except OSError as error:
        raise UserError(
            f"{error.filename or folder} cannot be written ({error.strerror or error}); name another folder"
        ) from None
    return kept


def _free_name(path: Path) -> Path:
    number, old = 1, path.with_name(f"{path.name}.old")
    while old.exists():
        number += 1
        old = path.with_name(f"{path.name}.old{number}")
    return old
