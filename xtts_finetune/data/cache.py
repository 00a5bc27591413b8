"""What is computed once a clip and read from disk ever after: codes, mels and text tokens, memory-mapped.

One .npy file a thing, named after all that it depends on, and replaced whole: a kill at any time leaves
only files that are right, and a changed clip is one more file. Nothing stays in memory between two clips.
"""

from __future__ import annotations

import io
import math
import mmap
import shutil
import struct
import threading
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import command
from xtts_finetune.numbers.fixed import HOP, MEL_CHANNELS
from xtts_finetune.records.atomic import json_or_none, remove_abandoned, write_bytes_atomic, write_json_atomic
from xtts_finetune.records.clips import ClipRecord
from xtts_finetune.records.run_folder import CACHE_KEYS
from xtts_finetune.records.values import text_digest

PREFIX = struct.Struct("<8sH")  # magic string with version, and the length of the header after it


@dataclass(frozen=True)
class Item:
    """One clip as the model needs it.

    samples             length at 22 050 Hz
    codes               int16 (codes,), one for 1024 samples begun
    text                int32 (tokens,), without start and stop
    conditioning        float16 (80, samples // 256 + 1), the whole clip; memory-mapped
    eval_conditioning   float32 (80, frames), exactly stock's for evaluation; clips of the eval set alone
    """

    samples: int
    codes: NDArray[np.int16]
    text: NDArray[np.int32]
    conditioning: NDArray[np.float16]
    eval_conditioning: NDArray[np.float32] | None


@dataclass(frozen=True)
class ClipCache:
    """The cache of a run for one base: `encoder` and `vocabulary` are what its arrays depend on."""

    folder: Path
    encoder: str
    vocabulary: str

    @classmethod
    def open(cls, folder: Path) -> ClipCache:
        """The cache as it was last prepared. Raises UserError if it never was."""
        keys = json_or_none(folder / CACHE_KEYS, lambda it: (str(it["encoder"]), str(it["vocabulary"])))
        if keys is None:
            raise UserError(f"{folder}: no prepared clips; prepare them first: {command('prepare')}")
        return cls(folder, *keys)

    def item(self, clip: ClipRecord) -> Item:
        """Everything of one prepared clip. Raises UserError if a file is missing or damaged."""
        found = self.find(clip.sha256, text_key(clip.text, clip.language), evaluation=clip.split == "eval")
        if found is None:
            raise self.not_whole(clip)
        return found

    def find(self, sha256: str, text: str, *, evaluation: bool) -> Item | None:
        """What is kept of a sound and, by its `text_key`, of a text; None if a file is missing or damaged."""
        sound, tokens = _load(self._sound(sha256)), _load(self._text(text))
        eval_conditioning = _load(self._evaluation(sha256)) if evaluation else None
        if sound is None or tokens is None or (evaluation and eval_conditioning is None):
            return None
        return Item(
            samples=int(sound["samples"][0]),
            codes=np.array(sound["codes"][0]),
            text=np.array(tokens),
            conditioning=sound["conditioning"][0],
            eval_conditioning=eval_conditioning,
        )

    def not_whole(self, clip: ClipRecord) -> UserError:
        """The error of a clip of which `find` finds nothing whole."""
        return UserError(
            f"{self.folder}: nothing whole is kept for clip {clip.dataset}/{clip.id}; "
            f"prepare the clips again: {command('prepare')}"
        )

    def text(self, text: str, language: str) -> NDArray[np.int32] | None:
        """Tokens (tokens,) of a text, or None if they are not kept."""
        tokens = _load(self._text(text_key(text, language)))
        return None if tokens is None else np.array(tokens)

    def has_sound(self, sha256: str) -> bool:
        """Whether codes and conditioning mel of a sound are kept whole."""
        return _load(self._sound(sha256)) is not None

    def has_evaluation(self, sha256: str) -> bool:
        """Whether the eval conditioning of a sound is kept whole."""
        return _load(self._evaluation(sha256)) is not None

    def add_text(self, text: str, language: str, tokens: list[int]) -> NDArray[np.int32]:
        """Keep the tokens of a text that passed the audit; gives them as int32 (tokens,)."""
        kept = np.asarray(tokens, dtype=np.int32)
        _save(self._text(text_key(text, language)), kept)
        return kept

    def add_sound(self, sha256: str, samples: int, codes: NDArray[np.int16], conditioning: NDArray[np.float32]) -> None:
        """Keep a sound's codes (codes,) and its whole conditioning mel (80, samples // 256 + 1).

        Raises ValueError for a mel of another shape.
        """
        frames = samples // HOP + 1
        if conditioning.shape != (MEL_CHANNELS, frames):
            raise ValueError(f"expected a conditioning mel of {(MEL_CHANNELS, frames)} but got {conditioning.shape}")
        layout = [
            ("samples", "<i8"),
            ("codes", "<i2", (len(codes),)),
            ("conditioning", "<f2", conditioning.shape),
        ]
        record = np.zeros(1, dtype=np.dtype(layout))
        record["samples"], record["codes"], record["conditioning"] = samples, codes, conditioning
        _save(self._sound(sha256), record)

    def add_evaluation(self, sha256: str, conditioning: NDArray[np.float32]) -> None:
        """Keep the eval conditioning mel (80, frames) of a sound."""
        _save(self._evaluation(sha256), np.ascontiguousarray(conditioning, dtype=np.float32))

    def sweep(self) -> None:
        """Remove the temporary files that a kill left behind."""
        remove_abandoned(self.folder.rglob(".*.tmp"))

    def make_current(self) -> None:
        """Let `open` find this base's arrays, and drop what was kept for other bases."""
        write_json_atomic(self.folder / CACHE_KEYS, {"encoder": self.encoder, "vocabulary": self.vocabulary})
        for kind, key in (("sounds", self.encoder), ("evaluation", self.encoder), ("texts", self.vocabulary)):
            others = (self.folder / kind).glob("*")
            for other in others:
                if other.name != _short(key):
                    shutil.rmtree(other, ignore_errors=True)

    def _sound(self, sha256: str) -> Path:
        return self._file("sounds", self.encoder, sha256)

    def _evaluation(self, sha256: str) -> Path:
        return self._file("evaluation", self.encoder, sha256)

    def _text(self, key: str) -> Path:
        return self._file("texts", self.vocabulary, key)

    def _file(self, kind: str, key: str, content: str) -> Path:
        # A folder for each first byte: no folder gets slow with 100 000 files.
        return self.folder / kind / _short(key) / content[:2] / f"{content}.npy"


def text_key(text: str, language: str) -> str:
    """By which the tokens of a text are found: 64 hexadecimal digits."""
    return text_digest(f"{language}\n{text}")


def _short(key: str) -> str:
    """A key as a folder's name, whatever characters and length it has."""
    return text_digest(key)[:16]


def _save(path: Path, array: NDArray[Any]) -> None:
    buffer = io.BytesIO()
    np.save(buffer, array, allow_pickle=False)
    write_bytes_atomic(path, buffer.getvalue())


def _load(path: Path) -> NDArray[Any] | None:
    """The array, memory-mapped, or None for a file that is missing or not whole."""
    # np.load does the same in four times the time: it parses each header as Python.
    try:
        with path.open("rb", buffering=0) as file:
            mapped = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        start = PREFIX.unpack_from(mapped)[-1] + PREFIX.size
        dtype, shape = _layout(mapped[:start])
        array: NDArray[Any] = np.frombuffer(mapped, dtype, math.prod(shape), start)
    except (OSError, ValueError, struct.error):
        return None
    return array.reshape(shape)


# Python 3.11's parser counts its depth for all threads together, and now and then gives up where two use it at once
# (CPython issue 106905).
_ONE_PARSER = threading.Lock()


@lru_cache(maxsize=4096)
def _layout(header: bytes) -> tuple[np.dtype[Any], tuple[int, ...]]:
    """Type and shape from the start of a .npy file, as `_save` writes it. Raises ValueError if it is damaged."""
    file = io.BytesIO(header)
    if np.lib.format.read_magic(file) != (1, 0):
        raise ValueError("not one of our files")
    with _ONE_PARSER:
        shape, fortran_order, dtype = np.lib.format.read_array_header_1_0(file)
    if fortran_order or dtype.hasobject:
        raise ValueError("not one of our arrays")
    return dtype, shape
