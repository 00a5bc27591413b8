"""Why a folder is no data set, as far as that can be seen, and what to do."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from xtts_finetune.data.readers import Unreadable, read_dataset
from xtts_finetune.data.readers.folder import pairs_of
from xtts_finetune.data.readers.lacking import what_a_list_lacks
from xtts_finetune.data.sound.endings import is_recording
from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import quoted
from xtts_finetune.records.stretches import STRETCHES
from xtts_finetune.setup.lists import names_texts
from xtts_finetune.spec.formats import LAYOUTS_ARE, Format
from xtts_finetune.spec.pipeline import DatasetSpec

FILES_LOOKED_AT = 20_000
LISTS_NAMED, SHOWN = 3, 60
SPREADSHEETS = (".xlsx", ".xls", ".ods", ".numbers")
LAYOUT = f"""Put every text next to its sound, as
    x.wav
    x.txt      Good evening, and welcome.
or all texts into metadata.csv, one line per clip, with the sounds in wavs/:
    x|Good evening, and welcome.
{LAYOUTS_ARE}"""


def what_is_missing(folder: Path, above: Path | None) -> str:
    """The reason in words: the list that lies there and what of it is not found. `above`: a folder that would do."""
    if (folder / STRETCHES).is_file():
        review = quoted(["xtts-finetune", "review", str(folder)])
        return f"{folder} was made by import, and none of its clips is kept yet. Check what is doubtful:\n  {review}"
    if above is not None:
        return f"{folder} has no texts, but the folder above it looks like a data set: {above}"
    sounds = sum(is_recording(path) for path in _files(folder))
    stems = {path.stem for path in _files(folder) if is_recording(path)}
    lists = islice((path for path in _files(folder) if path.stem not in stems and names_texts(path)), LISTS_NAMED)
    reasons = [*_of_pairs(folder)][:1] + [f"  {reason_of(folder, path)}" for path in lists]
    reasons += [f"  {path} is a spreadsheet: save it as CSV" for path in _files(folder) if path.suffix in SPREADSHEETS][
        :1
    ]
    if reasons:
        count = f"{sounds} sounds" if sounds else "no sounds"
        return "\n".join([f"{folder} has {count}, and none of the texts there could be used:", *reasons, LAYOUTS_ARE])
    if sounds:
        return (
            f"{folder} has {sounds} sounds, but no texts that belong to them, and training needs the exact words of "
            f"every clip. {how_to_import(folder)}\n{LAYOUT}"
        )
    return f"{folder} has no recordings with their texts. {LAYOUT}"


def _of_pairs(folder: Path) -> Iterator[str]:
    """What is wrong with texts that do lie next to sounds."""
    for line in read_dataset(DatasetSpec(name="it", path=folder, format="folder"), "") if _has_pairs(folder) else ():
        if isinstance(line, Unreadable) and not line.problem.startswith("there is no "):
            yield f"  {line.file}: {line.problem}"


def _has_pairs(folder: Path) -> bool:
    spec = DatasetSpec(name="it", path=folder, format="folder")
    return any(pair.sounds and pair.texts for pair in pairs_of(spec))


def reason_of(folder: Path, file: Path) -> str:
    """Why nothing is read from a list, in a sentence."""
    formats: tuple[Format, ...] = ("jsonl",) if file.suffix.lower() in (".json", ".jsonl") else ("table",)
    spec = DatasetSpec(name="it", path=folder, format=formats[0], metadata=file.relative_to(folder))
    try:
        found = next((line for line in read_dataset(spec, "") if isinstance(line, Unreadable)), None)
    except UserError as error:
        return str(error).removeprefix("data set 'it': ").removesuffix(f" {LAYOUTS_ARE}")
    if found is None:
        return what_a_list_lacks(spec).removeprefix("data set 'it': ").removesuffix(f" {LAYOUTS_ARE}")
    return f"{file}:{found.line} has '{found.content[:SHOWN]}', but {found.problem}"


def how_to_import(recordings: Path) -> str:
    """The command that makes a data set of recordings without texts."""
    cure = quoted(["xtts-finetune", "import", str(recordings), "--to", f"{recordings.stem}_clips"])
    return f"To have the recordings cut into clips and written down: {cure}"


def _files(folder: Path) -> Iterator[Path]:
    found = (path for path in folder.rglob("*") if not any(part.startswith(".") for part in path.parts[-3:]))
    return (path for path in sorted(islice(found, FILES_LOOKED_AT)) if path.is_file())
