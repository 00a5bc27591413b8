"""`shipped.json` beside a shipped model: what it is, how it speaks, and what was compared with the candidate."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import command
from xtts_finetune.records.atomic import read_json, write_json_atomic
from xtts_finetune.records.heard.listening_files import weights_now
from xtts_finetune.records.run_folder import SHIPPED_RECORD, RunFolder
from xtts_finetune.records.values import file_digest

VERSION = 1


@dataclass(frozen=True)
class Shipped:
    """A shipped model. Nothing in it tells of the machine that it was made on.

    name         of the folder, and of the voice in it
    voices       the names of all voices in it, its own first
    candidate    that it was, and `model_sha` of its weights
    language     that it speaks unless asked otherwise
    vocoder      'hifigan', or 'preview' for a base without a trained one
    settings     of inference, as its utterances were spoken with
    precision    'half' or 'full', and why in words
    verified     what was compared with the candidate, in words
    sentences    the same, sentence by sentence
    fingerprint  of all that it was made of
    files        bytes and SHA-256 of every file but this one
    faults       of the candidate's samples: how many there were, were faulty, and still were after so many tries
    """

    name: str
    candidate: str
    model_sha: str
    language: str
    vocoder: str
    settings: Mapping[str, Any]
    precision: str
    why_precision: str
    verified: tuple[str, ...]
    sentences: tuple[Mapping[str, Any], ...]
    made: str
    versions: Mapping[str, str | None]
    fingerprint: str
    files: Mapping[str, Mapping[str, Any]]
    voices: tuple[str, ...] = ()
    faults: Mapping[str, int] | None = None

    @property
    def bytes(self) -> int:
        """Of all files together."""
        return sum(int(file["bytes"]) for file in self.files.values())


def write_shipped(folder: Path, shipped: Shipped) -> None:
    """Write the record; it comes last, so that a folder with one is whole."""
    write_json_atomic(folder / SHIPPED_RECORD, {"version": VERSION, **asdict(shipped)})


def read_shipped(folder: Path) -> Shipped:
    """The record of a shipped model. Raises UserError where there is none, or none that can be read."""
    path = folder / SHIPPED_RECORD
    if not path.is_file():
        raise UserError(f"{folder}: no shipped model is here; make one: {command('ship')}")
    return read_json(path, _shipped, "damaged", f"ship again: {command('ship')}")


def _shipped(content: Mapping[str, Any]) -> Shipped:
    if content["version"] != VERSION:
        raise ValueError(f"it is of version {content['version']}, this program knows {VERSION}")
    # Those from before a model had several voices name none.
    values = {"voices": (content["name"],), "faults": None, **content}
    values = {field.name: values[field.name] for field in fields(Shipped)}
    return Shipped(**{**values, **{name: tuple(values[name]) for name in ("verified", "sentences", "voices")}})


def reference_of(voice: str, own: str) -> str:
    """The recordings of a voice, in a folder whose own voice is `own`."""
    return "reference.wav" if voice == own else f"reference_{voice}.wav"


def files_in(folder: Path) -> dict[str, dict[str, Any]]:
    """Bytes and SHA-256 of every file of a folder but the record, by its path in it."""
    found = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != SHIPPED_RECORD)
    return {
        path.relative_to(folder).as_posix(): {"bytes": path.stat().st_size, "sha256": file_digest(path)}
        for path in found
    }


def is_outdated(run: RunFolder, shipped: Shipped) -> bool:
    """Whether the candidate that was shipped has spoken with other weights since: it was trained further, say."""
    return weights_now(run, shipped.candidate) not in (None, shipped.model_sha)


def is_whole(folder: Path, shipped: Shipped) -> bool:
    """Whether all files are there in their sizes; their content is not read."""
    return all(
        (folder / name).is_file() and (folder / name).stat().st_size == file["bytes"]
        for name, file in shipped.files.items()
    )
