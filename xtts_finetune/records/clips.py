"""`clips.jsonl` and `dropped.jsonl`: what was read and kept, and what was left out, each with its reason."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from enum import Enum
from pathlib import Path
from typing import Any, Literal

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import write_text_atomic

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


@dataclass(frozen=True)
class ClipRecord:
    """One kept clip: a line of `clips.jsonl`."""

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


def write_clips(path: Path, clips: Iterable[ClipRecord]) -> None:
    """Write all kept clips, a line each, whole or not at all."""
    _write_lines(path, ({**asdict(clip), "audio": str(clip.audio)} for clip in clips))


def read_clips(path: Path, split: Split | None = None) -> list[ClipRecord]:
    """The kept clips in their order, or those of one split. Raises UserError if the file is no good."""
    clips = [_clip(path, line, record) for line, record in _read_lines(path)]
    return [clip for clip in clips if split in (None, clip.split)]


def write_dropped(path: Path, dropped: Iterable[DroppedClip]) -> None:
    """Write all clips left out, a line each, whole or not at all."""
    _write_lines(
        path, ({**asdict(clip), "reason": clip.reason.value, "file": str(clip.file)} for clip in dropped)
    )


def read_dropped(path: Path) -> list[DroppedClip]:
    """The clips left out, in their order. Raises UserError if the file is missing or damaged."""
    return [_dropped(path, line, record) for line, record in _read_lines(path)]


def _clip(path: Path, line: int, record: dict[str, Any]) -> ClipRecord:
    try:
        return ClipRecord(**{**record, "audio": Path(record["audio"])})
    except (KeyError, TypeError) as error:
        raise _damaged(path, line, error) from None


def _dropped(path: Path, line: int, record: dict[str, Any]) -> DroppedClip:
    try:
        return DroppedClip(**{**record, "reason": DropReason(record["reason"]), "file": Path(record["file"])})
    except (KeyError, TypeError, ValueError) as error:
        raise _damaged(path, line, error) from None


def _write_lines(path: Path, records: Iterable[dict[str, Any]]) -> None:
    write_text_atomic(path, "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records))


def _read_lines(path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    """Numbered records. Split at newlines alone: texts may hold other characters that end lines in Python."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise UserError(f"{path}: not there; prepare the clips first (xtts-finetune prepare)") from None
    except ValueError as error:
        raise _damaged(path, 1, error) from None
    for number, line in enumerate(text.split("\n"), start=1):
        if not line:
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            raise _damaged(path, number, error) from None
        if not isinstance(record, dict):
            raise _damaged(path, number, "not a record")
        yield number, record


def _damaged(path: Path, line: int, finding: object) -> UserError:
    return UserError(f"{path}:{line}: damaged ({finding}); prepare the clips again (xtts-finetune prepare)")
