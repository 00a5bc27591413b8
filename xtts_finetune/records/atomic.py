"""Writing whole files or none: a temporary file in the same folder, fsync, then a replace.

A little room on the disk, kept so that a phase can say why it ended even when the disk is full.

`.reserve` is made in the phase's folder when the phase starts. Whoever closes the phase removes it first: its
256 kB are then free for STOPPING_REASON.txt and model_info.json, which need a few kB each. Its content is random,
so that a file system that compresses keeps as much room as it says.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar

from xtts_finetune.errors import UserError
from xtts_finetune.records.run_folder import RESERVE
from xtts_finetune.records.values import parse_object, strict_json

Made = TypeVar("Made")
# What a record that is not whole, or of other times, raises in whoever reads it.
UNREADABLE = (OSError, ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError)

RESERVE_BYTES = 256 * 1024


def make_reserve(folder: Path) -> None:
    """Make the reserve in `folder` where it is missing or short.

    Raises OSError where there is no room for it: then there is none for the phase.
    """
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / RESERVE
    if file.is_file() and file.stat().st_size >= RESERVE_BYTES:
        return
    try:
        with file.open("wb") as output:
            output.write(os.urandom(RESERVE_BYTES))
            output.flush()
            os.fsync(output.fileno())
    except OSError:
        free_reserve(folder)
        raise


def free_reserve(folder: Path) -> None:
    """Give the reserve's room back; nothing happens where there is none."""
    with contextlib.suppress(OSError):
        (folder / RESERVE).unlink()


# Under a virus scanner on Windows a fresh file cannot be moved for a moment: pauses of about 2.5 s in all.
RETRY_PAUSES = (0.01, 0.02, 0.05, 0.1, 0.2, 0.4, 0.7, 1.0)
# Clocks of processes and of file systems differ by this much.
SAME_START_SECONDS = 2.0


def replace_with_retry(source: Path, target: Path) -> None:
    """Move `source` over `target`, which then is either the old file or the new one, never a mixture.

    Raises UserError where a folder has the target's name, PermissionError when the file cannot be replaced after all
    tries, and any other OSError at once.
    """
    if target.is_dir() and source.is_file():
        raise UserError(
            f"{target}: this is a folder, but a file with this name must be written here; move the folder away"
        )
    for pause in RETRY_PAUSES:
        try:
            source.replace(target)
            break
        except PermissionError:
            time.sleep(pause)
    else:
        source.replace(target)
    _sync_folder(target.parent)


def _sync_folder(folder: Path) -> None:
    """Make the new name survive a power cut, where a system lets folders be flushed (Windows does not)."""
    if os.name == "nt":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network file systems refuse
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


LEFT_BEHIND = ".*.[0-9]*.[0-9]*.tmp"
"""The names that `atomic_path` gives: what a kill leaves of a file that was being written."""


@contextlib.contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """Give a temporary path beside `path` to write to; `path` gets its content only when the block ends well.

    The folder is made where it is missing. When the block raises, the temporary file is removed and `path`
    keeps its old content.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Two threads of one process may write the same file too.
    temporary = path.with_name(f".{path.name}.{threading.get_ident()}.{os.getpid()}.tmp")
    try:
        yield temporary
        # Windows flushes only what is open for writing, hence r+.
        with temporary.open("r+b") as file:
            os.fsync(file.fileno())
        replace_with_retry(temporary, path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise


def link_or_copy(source: Path, target: Path) -> None:
    """Give a file a second name: a hard link, which needs no rights and no room; a copy where there are no links."""
    temporary = target.with_name(f".{target.name}.{os.getpid()}.tmp")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:
        shutil.copyfile(source, temporary)
    replace_with_retry(temporary, target)


def is_abandoned(temporary: Path) -> bool:
    """Whether nobody writes a temporary file of `atomic_path` any more.

    So it is when the process that it is named after is gone, or is a later one of the same number.
    """
    import psutil  # noqa: PLC0415  (only those who tidy up need it)

    try:
        started = psutil.Process(int(temporary.suffixes[-2][1:])).create_time()
        return started > temporary.stat().st_mtime + SAME_START_SECONDS
    except (psutil.Error, IndexError, ValueError, OverflowError, OSError):
        return True


def remove_abandoned(temporaries: Iterable[Path]) -> None:
    """Remove those of the temporary files that a kill left behind."""
    for left in temporaries:
        if is_abandoned(left):
            left.unlink(missing_ok=True)


def write_bytes_atomic(path: Path, content: bytes) -> None:
    """Write `content` to `path`, whole or not at all."""
    with atomic_path(path) as temporary:
        temporary.write_bytes(content)


def write_text_atomic(path: Path, text: str) -> None:
    """Write `text` as UTF-8 with plain newlines on every system, whole or not at all."""
    write_bytes_atomic(path, text.encode("utf-8"))


def read_json(path: Path, make: Callable[[dict[str, Any]], Made], wrong: str, cure: str) -> Made:
    """What `make` makes of the JSON object in `path`: the one reader of a run's records.

    Raises UserError with the path, `wrong` (such as 'damaged'), what was found, and `cure`, when the file cannot be
    read, holds no JSON object, or `make` finds that it lacks a key or holds another value.
    """
    try:
        return make(json_object(path))
    except UNREADABLE as error:
        raise UserError(f"{path}: {wrong} ({finding(error)}); {cure}") from None


def finding(error: Exception) -> str:
    """What was found in a record, for people: of an `UNREADABLE` error."""
    return f"it has no {error}" if isinstance(error, KeyError) else str(error)


def json_or_none(path: Path, make: Callable[[dict[str, Any]], Made]) -> Made | None:
    """The same of a record that may be missing, torn, of other times, or being written right now: None then."""
    try:
        return make(json_object(path))
    except UNREADABLE:
        return None


def json_object(path: Path) -> dict[str, Any]:
    """The JSON object in a file. Raises ValueError that says what is wrong with it."""
    try:
        return parse_object(path.read_bytes())
    except OSError as error:
        raise ValueError(f"it cannot be read: {error.strerror or error}") from None


def write_json_atomic(path: Path, value: object) -> None:
    """Write `value` as indented JSON, whole or not at all; NaN and infinity become null."""
    text = json.dumps(strict_json(value), ensure_ascii=False, indent=2, allow_nan=False)
    write_text_atomic(path, text + "\n")
