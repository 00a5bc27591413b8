"""`clips.jsonl` and `dropped.jsonl`: what was read and kept, and what was left out, each with its reason."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TextIO

from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import command
from xtts_finetune.records.atomic import atomic_path
from xtts_finetune.records.run_folder import RUNS
from xtts_finetune.records.values import parse_object

Split = Literal["train", "eval"]


class DropReason(Enum):
    """Why a clip cannot be used. The value is what people read."""

    BAD_LINE = "line of the metadata cannot be read"
    DUPLICATE_ID = "id is there twice"
    EMPTY_TEXT = "text is empty"
    MISSING_FILE = "audio file is missing"
    UNREADABLE = "audio cannot be read"
    TOO_SHORT = "audio is too short"
    TOO_LONG = "audio is too long"
    UNKNOWN_CHARACTERS = "characters unknown to the vocabulary"
    TOO_MANY_TOKENS = "text is too long"
    UNREADABLE_TEXT = "text cannot be spelled out"
    NEAR_SILENT = "audio is near silent"
    UNKNOWN_LANGUAGE = "language is not in the base"


class WarningKind(Enum):
    """What is suspicious about a clip that is kept all the same. The value is what people read."""

    OTHER_WORDS = "text and sound differ"
    CLIPPING = "sound is clipped"
    SILENCE_AT_AN_END = "long silence at an end"
    PAUSE = "long pause inside"
    PACE = "suspicious number of characters a second"
    LOUDNESS = "very different loudness"
    SAME_SOUND = "same sound as another clip"
    SAME_TEXT = "same text as another clip"
    IN_TRAIN_AND_EVAL = "text is in training and in the eval set"
    OTHER_LANGUAGE = "text looks like another language"

    @classmethod
    def _missing_(cls, value: object) -> WarningKind | None:
        return cls.PACE if value == "odd number of characters a second" else None  # in records of earlier versions


@dataclass(frozen=True, slots=True)
class ClipWarning:
    """One suspicion about a kept clip; `detail` has the numbers, `severity` says how many times the limit it is.

    heard   what a recogniser heard, where the text was compared with it
    """

    kind: WarningKind
    detail: str
    severity: float = 1.0
    heard: str = ""


@dataclass(frozen=True, slots=True)
class ClipRecord:
    """One kept clip: a line of `clips.jsonl`.

    `normalised` is the text as the model sees it: cleaned, in lower case, numbers spelled out.
    """

    id: str
    dataset: str
    audio: Path
    text: str
    speaker: str
    language: str
    seconds: float
    sha256: str  # of the sound, not of the file: see data.sound.audio
    split: Split
    text_tokens: int
    normalised: str = ""
    file: Path = Path()  # where the clip is declared, with its line
    line: int = 0
    warnings: tuple[ClipWarning, ...] = ()


FIELDS = tuple(field.name for field in fields(ClipRecord))


@dataclass(frozen=True)
class DroppedClip:
    """One clip left out: a line of `dropped.jsonl`. `detail` has the finding, such as the characters."""

    id: str
    dataset: str
    audio: str
    text: str
    reason: DropReason
    detail: str
    file: Path  # the metadata file, with its line
    line: int

    @property
    def sentence(self) -> str:
        """'lake_story.wav is too long (36.6 s, limit 11.6) and will be skipped.'"""
        name = Path(self.audio).name or self.id
        if self.reason is DropReason.BAD_LINE:
            alone = Path(self.text).name == self.file.name  # a sound without text, or a text without sound
            name = self.text if alone else f"line {self.line} of {self.file.name}"
        why = "" if self.reason is DropReason.EMPTY_TEXT else f" ({self.detail})"
        return f"{name} {FAULTS[self.reason]}{why} and will be skipped."


# What is wrong with a clip that is left out, behind its name.
FAULTS = {
    DropReason.BAD_LINE: "cannot be used",
    DropReason.DUPLICATE_ID: "has the id of another clip",
    DropReason.EMPTY_TEXT: "has no text",
    DropReason.MISSING_FILE: "is missing",
    DropReason.UNREADABLE: "cannot be read",
    DropReason.TOO_SHORT: "is too short",
    DropReason.TOO_LONG: "is too long",
    DropReason.UNKNOWN_CHARACTERS: "has characters that the base does not know",
    DropReason.TOO_MANY_TOKENS: "has a text that is too long",
    DropReason.UNREADABLE_TEXT: "has a text that XTTS cannot read",
    DropReason.NEAR_SILENT: "is almost silent",
    DropReason.UNKNOWN_LANGUAGE: "is in a language that the base does not know",
}
SKIPPED_NAMED = 10


def skipped_lines(clips: Sequence[DroppedClip], rest: str) -> list[str]:
    """A sentence for each clip left out, at most ten; `rest` says where the others are named."""
    lines = [clip.sentence for clip in clips[:SKIPPED_NAMED]]
    more = len(clips) - len(lines)
    return [*lines, f"{more} more will be skipped: {rest}"] if more else lines


@contextmanager
def clips_writer(path: Path) -> Iterator[Callable[[ClipRecord], None]]:
    """Gives a function that writes one kept clip; the file is there once the block ends well, and whole then."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        yield clip_writer(file, path.parent)


def clip_writer(file: TextIO, folder: Path) -> Callable[[ClipRecord], None]:
    """A function that writes one clip to a file that is open in `folder`, as a line of `clips.jsonl`."""
    return lambda clip: _write(file, _as_json(clip, folder))


def write_clips(path: Path, clips: Iterable[ClipRecord]) -> None:
    """Write all kept clips, a line each, whole or not at all."""
    with clips_writer(path) as write:
        for clip in clips:
            write(clip)


def iter_clips(path: Path, split: Split | None = None) -> Iterator[ClipRecord]:
    """The kept clips in their order, or those of one split, one in memory at a time.

    Raises UserError if the file is no good.
    """
    for line, record in _read_lines(path):
        clip = _clip(path, line, record)
        if split in (None, clip.split):
            yield clip


def read_clips(path: Path, split: Split | None = None) -> list[ClipRecord]:
    """The kept clips in their order, or those of one split. Raises UserError if the file is no good."""
    return list(iter_clips(path, split))


def write_dropped(path: Path, dropped: Iterable[DroppedClip]) -> None:
    """Write all clips left out, a line each, whole or not at all."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        for clip in dropped:
            _write(file, {**asdict(clip), "reason": clip.reason.value, "file": str(clip.file)})


def read_dropped(path: Path) -> list[DroppedClip]:
    """The clips left out, in their order. Raises UserError if the file is missing or damaged."""
    return [_dropped(path, line, record) for line, record in _read_lines(path)]


def _from(folder: Path, path: Path) -> str:
    """A path as a record in run/NAME has it: from there where it is in the project, which may then be moved."""
    inside = folder.parent.name == RUNS and path.is_relative_to(folder.parent.parent)
    inside = inside and not path.is_relative_to(folder)  # `_to` knows by the '../' what to put together again
    return Path(os.path.relpath(path, folder)).as_posix() if inside else str(path)


def _to(folder: Path, written: str) -> Path:
    return Path(os.path.normpath(folder / written)) if written.startswith("../") else Path(written)


def _as_json(clip: ClipRecord, folder: Path) -> dict[str, Any]:
    record = {field: getattr(clip, field) for field in FIELDS}
    warnings = [_warning_as_json(warning) for warning in clip.warnings]
    return {**record, "audio": _from(folder, clip.audio), "file": _from(folder, clip.file), "warnings": warnings}


def _warning_as_json(warning: ClipWarning) -> dict[str, Any]:
    record = {**asdict(warning), "kind": warning.kind.value}
    if not warning.heard:
        del record["heard"]
    return record


def _clip(path: Path, line: int, record: dict[str, Any]) -> ClipRecord:
    try:
        warnings = tuple(ClipWarning(**{**w, "kind": WarningKind(w["kind"])}) for w in record["warnings"])
        paths = {name: _to(path.parent, record[name]) for name in ("audio", "file")}
        return ClipRecord(**{**record, **paths, "warnings": warnings})
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, line, error) from None


def _dropped(path: Path, line: int, record: dict[str, Any]) -> DroppedClip:
    try:
        return DroppedClip(**{**record, "reason": DropReason(record["reason"]), "file": Path(record["file"])})
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, line, error) from None


def _write(file: TextIO, record: dict[str, Any]) -> None:
    file.write(json.dumps(record, ensure_ascii=False) + "\n")


def _read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbered records. Split at newlines alone: texts may hold other characters that end lines in Python."""
    try:
        with path.open("rb") as file:
            yield from _numbered(path, file)
    except FileNotFoundError:
        raise UserError(f"{path}: not there; prepare the clips first: {command('prepare')}") from None
    except IsADirectoryError:
        raise UserError(f"{path}: this is a folder; move it away and prepare the clips: {command('prepare')}") from None


def _numbered(path: Path, lines: Iterable[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield number, parse_object(line)
        except ValueError as error:
            raise _damaged(path, number, error) from None


def _damaged(path: Path, line: int, finding: object) -> UserError:
    return UserError(f"{path}:{line}: damaged ({finding}); prepare the clips again: {command('prepare')}")
