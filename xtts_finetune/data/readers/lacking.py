"""Why nothing can be read from a list: what it begins with, and which sound was looked for where."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

from xtts_finetune.data.readers.layouts import SHOWN
from xtts_finetune.data.readers.lines import NAMES, SEPARATORS, Fields, Line, is_quoted, read_fields, read_lines
from xtts_finetune.data.readers.raw import lines_of, printable
from xtts_finetune.data.readers.sounds import Sounds, clip_id, existing, files_below, names_a_file
from xtts_finetune.data.sound.endings import is_recording
from xtts_finetune.spec.formats import LAYOUTS_ARE
from xtts_finetune.spec.pipeline import DatasetSpec

# Files next to the data set that are looked at.
FILES_BESIDE = 20_000


def what_a_list_lacks(spec: DatasetSpec) -> str:
    """Why no clip can be read from a list: its first line, what was looked for, and where to read more."""
    metadata = lines_of(spec)
    start, line = f"data set '{spec.name}': {metadata}", _first_line(spec)
    if not line:
        return f"{start} is empty"
    start += f" begins with '{line[:SHOWN]}'"
    separator = spec.separator or next((each for each in SEPARATORS if each in line), "")
    if not separator:
        return f"{start}, which has no columns: no '|', tab, ';' or ','. {LAYOUTS_ARE}"
    sounds = Sounds(spec, metadata)
    rows = [
        f.values for f in islice(read_fields(spec, separator, is_quoted(spec, separator)), 2) if isinstance(f, Fields)
    ]
    name = next((value for row in reversed(rows) for value in row if names_a_file(value)), "")
    looked = sounds.find(name) if name else metadata.parent
    if existing(looked) is None:
        return f"{start}, but there is no sound {looked}{_elsewhere(sounds, looked, spec.path)}. {LAYOUTS_ARE}"
    by = NAMES.get(separator, f"'{separator}'")
    return (
        f"{start}. Its columns are separated by {by}, but in none of them are texts that differ from line to line: "
        f"name them with 'columns', such as [audio, speaker, text]. {LAYOUTS_ARE}"
    )


def _first_line(spec: DatasetSpec) -> str:
    lines = (line.text if isinstance(line, Line) else line.content for line in read_lines(spec))
    return next((printable(line.strip()) for line in lines if line.strip()), "")


def _elsewhere(sounds: Sounds, looked: Path, folder: Path) -> str:
    """Where sounds of that name lie: within the folder, where they are several, or beside it."""
    if several := sounds.of_that_name(looked.name):
        return f"; sounds of that name are {several[0]} and {several[-1]}: say which by its folder"
    beside = (path for path in islice(files_below(folder.parent), FILES_BESIDE) if is_recording(path))
    wanted = clip_id(looked.name).casefold()
    found = next((path for path in beside if clip_id(path.name).casefold() == wanted), None)
    return ", nor one of that name in its folder" + (f"; one lies at {found}" if found else "")
