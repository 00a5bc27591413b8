"""One file a format; `read_dataset` finds the reader by the name in the declaration."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from xtts_finetune.data.readers.audiofolder import read_audiofolder
from xtts_finetune.data.readers.common_voice import read_common_voice
from xtts_finetune.data.readers.coqui import read_coqui
from xtts_finetune.data.readers.folder import read_folder
from xtts_finetune.data.readers.jsonl import read_jsonl
from xtts_finetune.data.readers.ljspeech import read_ljspeech
from xtts_finetune.data.readers.raw import RawClip, Unreadable, metadata_of
from xtts_finetune.data.readers.recognise import check_format
from xtts_finetune.spec.formats import Format
from xtts_finetune.spec.pipeline import DatasetSpec

__all__ = ["READERS", "RawClip", "Unreadable", "check_dataset", "metadata_of", "read_dataset"]

Reader = Callable[[DatasetSpec, str], Iterator[RawClip | Unreadable]]

READERS: dict[Format, Reader] = {
    "ljspeech": read_ljspeech,
    "coqui": read_coqui,
    "folder": read_folder,
    "common_voice": read_common_voice,
    "jsonl": read_jsonl,
    "audiofolder": read_audiofolder,
}


def read_dataset(spec: DatasetSpec, language: str) -> Iterator[RawClip | Unreadable]:
    """Every clip of a data set, not checked yet, or the problem with it; no audio is read.

    `language` is the pipeline's; the data set's own wins, and a line's wins over both. Raises UserError if
    folder or metadata is missing, or plainly in another format than the declared one.
    """
    check_format(spec)
    return READERS[spec.format](spec, spec.language or language)


def check_dataset(spec: DatasetSpec) -> None:
    """Raise UserError for what makes a whole data set useless, from its first clip alone."""
    next(read_dataset(spec, ""), None)
