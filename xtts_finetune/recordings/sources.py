"""The recordings of a data set: found in folders, each once by its content, under a name that it keeps."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from xtts_finetune.data.sound.endings import is_recording
from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import read_json, write_json_atomic
from xtts_finetune.records.stretches import SOUNDS, STRETCHES, WORK
from xtts_finetune.records.values import file_digest
from xtts_finetune.spec.made_names import slug, unused_name

KNOWN = f"{WORK}/sources.json"


@dataclass(frozen=True)
class Source:
    """A recording that belongs to a data set.

    name     begins the names of its clips; no other source has it, and it stays when sources are added
    path     where it was found, absolute, with '/'
    sha256   of the file; `size` and `changed` (ns) tell that it need not be taken again
    reading  the settings that its words were read with; '' before that
    written  of what content the clips are; '' before there are any
    fault    why it breaks off, or cannot be read; '' where it is whole
    """

    name: str
    path: str
    sha256: str
    size: int
    changed: int
    reading: str = ""
    written: str = ""
    fault: str = ""

    @property
    def folder(self) -> str:
        """Where its part of the work is kept, within the data set's folder."""
        return f"{WORK}/{self.sha256[:16]}"


@dataclass(frozen=True)
class Known:
    """What a data set remembers: its sources in their order, and the answers given for all of them.

    voice  a source and a second of it in which the voice speaks whose clips are wanted
    """

    sources: tuple[Source, ...] = ()
    language: str = ""
    speaker: str = ""
    voice: tuple[str, float] | None = None


def read_known(folder: Path) -> Known:
    """What earlier imports into the folder remember. Raises UserError for a damaged file."""
    path = folder / KNOWN
    if not path.is_file():
        return Known()
    return read_json(path, _known, "damaged", "remove the file; what was read before is then found by its content")


def write_known(folder: Path, known: Known) -> None:
    """Remember."""
    write_json_atomic(folder / KNOWN, asdict(known))


def find_recordings(given: Sequence[Path], data_set: Path) -> list[Path]:
    """The files themselves, and every recording in the folders and those below; no hidden ones, no clips of `data_set`.

    In natural order: 'part 2' before 'part 10'. Raises UserError for what is not there, and a folder without any.
    """
    found: dict[Path, None] = {}
    for path in (each.expanduser().absolute() for each in given):
        if path.is_file():
            found[path] = None
        elif path.is_dir():
            inside = [each for each in _below(path, data_set.absolute()) if is_recording(each)]
            if not inside:
                raise UserError(f"{path} has no recordings: no file in it has the ending of a sound or a video")
            found |= dict.fromkeys(inside)
        else:
            raise UserError(f"there is no file or folder {path}")
    return sorted(found, key=lambda path: natural_order(path.as_posix()))


def natural_order(text: str) -> list[tuple[int, int, str]]:
    """A key that sorts numbers within a text by their value."""
    parts = re.split(r"(\d+)", text)
    return [(1, int(part), "") if part.isdecimal() else (0, 0, part.casefold()) for part in parts]


def identified(paths: Iterable[Path], known: Sequence[Source]) -> tuple[list[Source], list[tuple[Path, str]]]:
    """The paths as sources, with the names that they have or get; and those that are another's copy, with its path.

    A file that is as large and as old as before is not read.
    """
    by_path = {source.path: source for source in known}
    by_content = {source.sha256: source for source in known}
    names = {source.name for source in known}
    found: dict[str, Source] = {}
    copies: list[tuple[Path, str]] = []
    for path in paths:
        status = path.stat()
        old = by_path.get(path.as_posix())
        if old is None or (old.size, old.changed) != (status.st_size, status.st_mtime_ns):
            sha256 = file_digest(path)
        else:
            sha256 = old.sha256
        there = found.get(sha256) or by_content.get(sha256)
        if there is not None and there.path != path.as_posix() and Path(there.path).is_file():
            copies.append((path, there.path))
            continue
        if old is not None and old.sha256 != sha256:
            there = replace(old, reading="", fault="")
        if there is None:
            there = Source(unused_name(slug(path.stem), names), "", "", 0, 0)
            names.add(there.name)
        found[sha256] = replace(
            there, path=path.as_posix(), sha256=sha256, size=status.st_size, changed=status.st_mtime_ns
        )
    return list(found.values()), copies


def together(known: Sequence[Source], now: Sequence[Source]) -> tuple[Source, ...]:
    """Those of before and those of now, which replace their own, in natural order."""
    by_name = {source.name: source for source in (*known, *now)}
    return tuple(sorted(by_name.values(), key=lambda source: natural_order(source.path)))


def _below(folder: Path, data_set: Path) -> Iterator[Path]:
    try:
        inside = sorted(folder.iterdir())
    except OSError as error:
        raise UserError(f"the folder {folder} cannot be read ({error.strerror})") from None
    for path in inside:
        clips = path.name == SOUNDS and any((folder / name).exists() for name in (STRETCHES, WORK))  # of an import
        if clips or path.name.startswith(".") or path in (data_set, data_set / SOUNDS):
            continue
        if path.is_dir() and not path.is_symlink():
            yield from _below(path, data_set)
        elif path.is_file():
            yield path


def _known(record: Mapping[str, Any]) -> Known:
    sources = tuple(
        Source(**{key: type_of(each[key]) for key, type_of in _FIELDS.items()}) for each in record["sources"]
    )
    voice = (str(record["voice"][0]), float(record["voice"][1])) if record["voice"] else None
    return Known(sources, str(record["language"]), str(record["speaker"]), voice)


_FIELDS: Mapping[str, Callable[[Any], Any]] = {
    **dict.fromkeys(("name", "path", "sha256", "reading", "written", "fault"), str),
    **dict.fromkeys(("size", "changed"), int),
}
