"""The data sets in a folder: which files hold the texts, how each is declared, and what was not taken."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path

from xtts_finetune.data.readers import RawClip
from xtts_finetune.data.readers.encodings import code_page_of_texts, encoding_of
from xtts_finetune.data.readers.folder import pairs_of
from xtts_finetune.data.readers.found_table import table_of
from xtts_finetune.data.readers.sounds import files_below
from xtts_finetune.data.sound.endings import is_recording
from xtts_finetune.errors import UserError
from xtts_finetune.setup.lists import Kind, kind_of, names_texts, split_of
from xtts_finetune.setup.missing_data import how_to_import, what_is_missing
from xtts_finetune.setup.readings import best_reading, chosen, lists_in, read_like, reading_of
from xtts_finetune.spec.formats import METADATA
from xtts_finetune.spec.languages import LANGUAGES, as_xtts_names_it
from xtts_finetune.spec.made_names import slug, unused_name
from xtts_finetune.spec.names import is_name
from xtts_finetune.spec.pipeline import DatasetSpec

# Folders within folders, as M-AILABS has them, and how many of them at most.
DEPTH, FOLDERS = 6, 2000
# Above a folder may lie a whole disk: with so many files it is not looked through.
FILES_ABOVE = 50_000


@dataclass(frozen=True)
class FoundSet:
    """One data set: how to declare it, and its clips that have a text and a sound.

    own_speakers  whether its lines say who speaks
    not_taken     other files that hold texts, each with the reason why it is left alone
    """

    spec: DatasetSpec
    clips: tuple[RawClip, ...]
    own_speakers: bool
    not_taken: tuple[str, ...] = ()

    def __str__(self) -> str:
        spec = self.spec
        file = f" ({spec.metadata})" if spec.metadata else ""
        encoding = f", in {spec.encoding}" if spec.encoding else ""
        held_out = ", all held out" if spec.held_out else ""
        return f"{spec.path}: {len(self.clips)} recordings with texts, format {spec.format}{file}{encoding}{held_out}"


def find_data(folders: Sequence[Path]) -> list[FoundSet]:
    """The data sets in the folders; a folder that is none itself may have some as its sub-folders.

    Raises UserError that says what lies there instead, and how recordings should lie.
    """
    found: list[FoundSet] = []
    names: set[str] = set()
    for folder in folders:
        if not folder.is_dir():
            if folder.is_file() and is_recording(folder):
                raise UserError(f"{folder} is a recording, and a data set is a folder. {how_to_import(folder)}")
            kind = "is a file; give its folder" if folder.is_file() else "is not there"
            raise UserError(f"the folder {folder} {kind}")
        here = _found_in(folder, names)
        if not here:
            above = folder.resolve().parent
            small = sum(1 for _ in islice(files_below(above), FILES_ABOVE)) < FILES_ABOVE
            raise UserError(what_is_missing(folder, above if small and look_at(above, set()) else None))
        found += here
    return found


def _found_in(folder: Path, names: set[str]) -> list[FoundSet]:
    """What is found in a folder or below it, with what is held out by a sub-folder's name."""
    own: set[str] = set(names)
    whole = look_at(folder, own)
    splits = _has_splits(folder)
    pairs = bool(whole) and whole[0].spec.format == "folder"
    lone = not whole or (pairs and (splits or _without_texts(folder) > len(whole[0].clips)))
    below_names = set(names)
    below = _below(folder, below_names, DEPTH) if lone else []
    if not whole and not below:
        # A list may lie apart from the sounds, in filelists/ or transcripts/.
        whole = look_at(folder, own, apart=True)
    lead = sum(len(part.clips) for part in below) - sum(len(part.clips) for part in whole)
    if lead > 0 or (lead == 0 and splits and below):
        names |= below_names
        return _splits_apart(below)
    names |= own
    return whole


def _below(folder: Path, names: set[str], depth: int) -> list[FoundSet]:
    found: list[FoundSet] = []
    parts = sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith("."))
    for path in parts[:FOLDERS] if depth else ():
        found += look_at(path, names) or _below(path, names, depth - 1)
    return found


def _has_splits(folder: Path) -> bool:
    """Whether its folders are named as what is trained on and what is held out: train and test, say."""
    names = [path.name.lower() for path in folder.iterdir() if path.is_dir()]
    return any("train" in name for name in names) and any(kind_of(name) is not Kind.TRAINING for name in names)


def _without_texts(folder: Path) -> int:
    spec = DatasetSpec(name="x", path=folder, format="folder")
    return sum(bool(pair.sounds) and not pair.texts for pair in pairs_of(spec))


def _splits_apart(found: list[FoundSet]) -> list[FoundSet]:
    """Data sets whose folders are named train, dev and test: one of those held out is the eval set."""
    kinds = [kind_of(part.spec.path.name) for part in found]
    if Kind.TRAINING not in kinds:
        return found
    chosen = next((kind for kind in (Kind.EVAL, Kind.TEST) if kind in kinds), None)
    taken = []
    left = tuple(
        f"{part.spec.path}: it is held out by its name, and another one is the eval set"
        for part, kind in zip(found, kinds, strict=True)
        if kind not in (Kind.TRAINING, chosen)
    )
    for part, kind in zip(found, kinds, strict=True):
        if kind is Kind.TRAINING:
            taken.append(part)
        elif kind is chosen:
            taken.append(replace(part, spec=part.spec.model_copy(update={"held_out": True})))
    return [replace(taken[0], not_taken=(*taken[0].not_taken, *left)), *taken[1:]]


def look_at(folder: Path, names: set[str], apart: bool = False) -> list[FoundSet]:
    """The data sets that lie in a folder itself, those held out by their names marked so; none if it is none.

    With `apart`, its lists may lie in folders within it.

    Lists of the same sounds count once. What is read is added to `names`.
    """
    name = unused_name(slug(folder.resolve().name), names)
    readings, unread = [], []
    for file in lists_in(folder, apart):
        reading = best_reading(folder, file, name)
        if reading is not None:
            readings.append(reading)
        elif names_texts(folder / file):
            unread.append(f"{file}: none of its lines has a text and a sound that is here")
    taken, left = chosen(readings)
    pairs = reading_of(DatasetSpec(name=name, path=folder, format="folder"), "")
    if len(pairs.clips) > sum(len(reading.clips) for reading in taken):
        taken, left = [pairs], [f"{reading.file}: the texts next to the sounds are taken" for reading in readings]
    found: list[FoundSet] = []
    if taken:
        main = _declared(taken[0].spec, folder)
        taken[1:] = [read_like(main.model_copy(update={"speaker": None, "language": None}), each) for each in taken[1:]]
    for reading in taken:
        own = name if not found else unused_name(f"{name}_{slug(split_of(reading.file))}"[:50], names)
        names.add(own)
        spec = _declared(reading.spec.model_copy(update={"name": own}), folder)
        clips = tuple(replace(clip, dataset=own, speaker=_speaker(clip, name, own, spec)) for clip in reading.clips)
        found.append(FoundSet(spec, clips, spec.speaker is None and any(clip.speaker != own for clip in clips)))
    if found:
        found[0] = replace(found[0], not_taken=(*left, *unread))
    return found


def _speaker(clip: RawClip, name: str, own: str, spec: DatasetSpec) -> str:
    return spec.speaker or (own if clip.speaker == name else clip.speaker)


def _declared(spec: DatasetSpec, folder: Path) -> DatasetSpec:
    """The data set with all that was found out about it, so that preparing reads exactly that."""
    update: dict[str, object] = {}
    if spec.format == "folder":
        texts = (text for pair in pairs_of(spec) for text in pair.texts)
        update["encoding"] = code_page_of_texts(texts, "")
    elif spec.format != "parquet":
        encoding = encoding_of(folder / (spec.metadata or ""), spec.encoding)
        update["encoding"] = encoding.codec if encoding.guessed else spec.encoding
        if spec.metadata and len(METADATA[spec.format]) == 1 and spec.metadata.as_posix() in METADATA[spec.format]:
            update["metadata"] = None
    if spec.format == "table":
        table = table_of(spec)
        update |= {"separator": table.separator, "header": table.header, "columns": table.roles}
    if spec.speaker is None and (reader := _reader_of(folder)):
        update["speaker"] = reader
    update["language"] = _language_beside(folder)
    return spec.model_copy(update=update)


def _reader_of(folder: Path) -> str | None:
    """Who reads, as M-AILABS has it in its folders: by_book/female/ANNA/BOOK."""
    parts = folder.resolve().parts
    if len(parts) < 4 or parts[-4] != "by_book" or not is_name(parts[-2]):
        return None
    return parts[-2]


def _language_beside(folder: Path) -> str | None:
    """The language that a file lang.txt in the folder names, as Coqui's demo writes it."""
    try:
        written = (folder / "lang.txt").read_text(encoding="utf-8-sig").strip()
    except (OSError, ValueError):
        return None
    code = as_xtts_names_it(written[:40])
    return code if code in LANGUAGES else None
