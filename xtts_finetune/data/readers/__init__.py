"""One file a format; `read_dataset` finds the reader by the name in the declaration."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from xtts_finetune.data.readers.coqui import read_coqui
from xtts_finetune.data.readers.ljspeech import read_ljspeech
from xtts_finetune.data.readers.raw import RawClip, Unreadable, metadata_of
from xtts_finetune.spec.pipeline import DatasetSpec, Format

__all__ = ["READERS", "RawClip", "Unreadable", "metadata_of", "read_dataset"]

Reader = Callable[[DatasetSpec, str], Iterator[RawClip | Unreadable]]

READERS: dict[Format, Reader] = {"ljspeech": read_ljspeech, "coqui": read_coqui}


def read_dataset(spec: DatasetSpec, language: str) -> Iterator[RawClip | Unreadable]:
    """Every line of a data set, as a clip not checked yet or as the problem with it; no audio is read.

    `language` is the pipeline's; the data set's own wins. Raises UserError if folder or metadata is missing.
    """
    return READERS[spec.format](spec, spec.language or language)
