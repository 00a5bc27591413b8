"""`clips.jsonl` and `dropped.jsonl`: what was read and kept, and what was left out, each with its reason."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, fields
from enum import Enum
from pathlib import Path
from typing import Any, Literal, TextIO

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import atomic_path
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
    """What is odd about a clip that is kept all the same. The value is what people read."""

    CLIPPING = "sound is clipped"
    SILENCE_AT_AN_END = "long silence at an end"
    PAUSE = "long pause inside"
    PACE = "odd number of characters a second"
    LOUDNESS = "very different loudness"
    SAME_SOUND = "same sound as another clip"
    SAME_TEXT = "same text as another clip"
    IN_TRAIN_AND_EVAL = "text is in training and in the eval set"


@dataclass(frozen=True, slots=True)
class ClipWarning:
    """One oddity of a kept clip; `detail` has the numbers, `severity` says how many times the limit it is."""

    kind: WarningKind
    detail: str
    severity: float = 1.0


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
    sha256: str  # of the sound, not of the file: see data.audio
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


@contextmanager
def clips_writer(path: Path) -> Iterator[Callable[[ClipRecord], None]]:
    """Gives a function that writes one kept clip; the file is there once the block ends well, and whole then."""
    with atomic_path(path) as temporary, temporary.open("w", encoding="utf-8", newline="\n") as file:
        yield clip_writer(file)


def clip_writer(file: TextIO) -> Callable[[ClipRecord], None]:
    """A function that writes one clip to a file that is open, as a line of `clips.jsonl`."""
    return lambda clip: _write(file, _as_json(clip))


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


def _as_json(clip: ClipRecord) -> dict[str, Any]:
    record = {field: getattr(clip, field) for field in FIELDS}
    warnings = [{**asdict(warning), "kind": warning.kind.value} for warning in clip.warnings]
    return {**record, "audio": str(clip.audio), "file": str(clip.file), "warnings": warnings}


def _clip(path: Path, line: int, record: dict[str, Any]) -> ClipRecord:
    try:
        warnings = tuple(ClipWarning(**{**w, "kind": WarningKind(w["kind"])}) for w in record["warnings"])
        paths = {"audio": Path(record["audio"]), "file": Path(record["file"])}
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
        raise UserError(f"{path}: not there; prepare the clips first (xtts-finetune prepare)") from None
    except IsADirectoryError:
        raise UserError(
            f"{path}: this is a folder; move it away and prepare the clips (xtts-finetune prepare)"
        ) from None


def _numbered(path: Path, lines: Iterable[bytes]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield number, parse_object(line)
        except ValueError as error:
            raise _damaged(path, number, error) from None


def _damaged(path: Path, line: int, finding: object) -> UserError:
    return UserError(f"{path}:{line}: damaged ({finding}); prepare the clips again (xtts-finetune prepare)")
