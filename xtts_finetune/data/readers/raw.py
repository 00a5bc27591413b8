"""What every reader gives."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.spec.formats import LAYOUTS_ARE, find_metadata
from xtts_finetune.spec.languages import as_xtts_names_it
from xtts_finetune.spec.pipeline import DatasetSpec


@dataclass(frozen=True)
class RawClip:
    """One clip of a data set as it stands, nothing checked yet. The audio may be missing.

    `language` is XTTS's code where XTTS speaks the language, else what the data set says.
    """

    id: str
    dataset: str
    audio: Path
    text: str
    speaker: str
    language: str
    file: Path
    line: int


@dataclass(frozen=True)
class Unreadable:
    """What is no clip: what is wrong with it, and its content as far as it can be shown."""

    dataset: str
    content: str
    problem: str
    file: Path
    line: int


def metadata_of(spec: DatasetSpec) -> Path | None:
    """The data set's metadata file, None for a format without one. Raises UserError if it is missing."""
    if not spec.path.is_dir():
        raise UserError(f"data set '{spec.name}': there is no folder {spec.path}; correct its 'path' in pipeline.yaml")
    try:
        return find_metadata(spec.path, spec.format, spec.metadata)
    except ValueError as error:
        raise UserError(
            f"data set '{spec.name}' of the format '{spec.format}': {spec.path} {error}. {LAYOUTS_ARE}"
        ) from None


def lines_of(spec: DatasetSpec) -> Path:
    """The metadata file of a format that has one; ValueError for another format."""
    metadata = metadata_of(spec)
    if metadata is None:
        raise ValueError(f"the format '{spec.format}' has no metadata file")
    return metadata


def clip_text(text: str) -> str:
    """A text in one line and in composed Unicode (NFC), as the vocabulary has its letters."""
    return re.sub(r"\s*[\r\n]+\s*", " ", unicodedata.normalize("NFC", text).strip())


def clip_language(written: str | None, language: str) -> str:
    """The language that a line gives, as XTTS names it; `language` where it gives none."""
    return as_xtts_names_it(written) if written and written.strip() else language


def clip_speaker(written: str | None, spec: DatasetSpec) -> str:
    """The speaker that a line gives, else the data set's."""
    return (written or "").strip() or spec.speaker or spec.name


def is_unicode(text: str) -> bool:
    """Whether a text can be written as UTF-8: a file name or an escape in JSON may hold half of a character."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def printable(text: str) -> str:
    """`text` with escapes for what cannot be written as UTF-8."""
    return text.encode("utf-8", errors="backslashreplace").decode("utf-8")
