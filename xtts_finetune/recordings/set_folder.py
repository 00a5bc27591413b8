"""The folder of a data set: who may write in it, its clips, and what is no longer needed there."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from xtts_finetune.errors import UserError
from xtts_finetune.recordings.sources import Known
from xtts_finetune.records.atomic import write_bytes_atomic
from xtts_finetune.records.json_lines import json_line, read_json_lines
from xtts_finetune.records.stretches import FOUND, METADATA, REVIEW, SOUNDS, STRETCHES, WORK, Stretch

LOCK = f"{WORK}/import.lock"


def refuse_other_data(folder: Path, recordings: Iterable[Path]) -> None:
    """Raise UserError for a folder that holds something else than a data set of imports and its recordings."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--to {folder}: this is a file; name a folder for the data set")
    if (folder / METADATA).is_file() and not (folder / STRETCHES).is_file():
        raise UserError(f"--to {folder}: there is a data set that no import made; name another folder")
    inside = [path for path in recordings if folder in path.parents]
    if any(folder / SOUNDS in path.parents for path in inside):
        raise UserError(
            f"--to {folder}: the recordings are in its {SOUNDS}/, where clips are written; name another folder"
        )
    if inside or not folder.is_dir() or (folder / STRETCHES).is_file() or (folder / WORK).is_dir():
        return
    if other := sorted(path.name for path in folder.iterdir() if not path.name.startswith(".")):
        raise UserError(f"--to {folder}: it holds other things, such as {other[0]}; name a new folder")


@contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Hold the data set for this import. Raises UserError where another one is at work on it."""
    try:
        (folder / WORK).mkdir(parents=True, exist_ok=True)
        held = FileLock(folder / LOCK, timeout=0).acquire()
    except Timeout:
        raise UserError(f"another import is at work on {folder}; wait until it is done") from None
    except OSError as error:
        raise UserError(f"--to {folder}: cannot be written to ({error.strerror})") from None
    with held:
        yield


def clips_of(folder: Path, names: Iterable[str]) -> list[Path]:
    """The clips that imports have written of the recordings with these names."""
    ours = re.compile(f"({'|'.join(map(re.escape, names))})" + r"_\d{9,}_\d{9,}\.flac")
    return [path for path in sorted((folder / SOUNDS).glob("*.flac")) if ours.fullmatch(path.name)]


def follow_moved(folder: Path, moved: Mapping[str, str]) -> None:
    """Let what was found and decided about recordings hold where they are now, by their paths before."""
    for name in (FOUND, REVIEW):
        records = [record for _, record in read_json_lines(folder / name)]
        now = [{**each, "source": moved[each["source"]]} if each.get("source") in moved else each for each in records]
        if now != records:
            write_bytes_atomic(folder / name, b"".join(map(json_line, now)))


def tidy(folder: Path, known: Known, stretches: Iterable[Stretch]) -> None:
    """Remove the clips that are in no stretch any more, and what was kept of recordings as they were before."""
    wanted = {stretch.file for stretch in stretches}
    for clip in clips_of(folder, [source.name for source in known.sources]):
        if f"{SOUNDS}/{clip.name}" not in wanted:
            clip.unlink()
    folders = {Path(source.folder).name for source in known.sources}
    for path in (folder / WORK).iterdir():
        if path.is_dir() and re.fullmatch("[0-9a-f]{16}", path.name) and path.name not in folders:
            shutil.rmtree(path)
