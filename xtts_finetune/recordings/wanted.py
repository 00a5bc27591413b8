"""What somebody asks `import` for, and what of it can be refused before anything is heard or written."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.data.sound.streamed import open_stream
from xtts_finetune.data.sound.unbroken import AudioError
from xtts_finetune.errors import UserError
from xtts_finetune.recordings.screen import Screen


@dataclass(frozen=True)
class Wanted:
    """What somebody asks for; None where it is to be found."""

    sources: tuple[Path, ...]
    folder: Path
    language: str | None = None
    model: str | None = None
    speaker: str | None = None
    voice: str | None = None
    texts: Path | None = None


def check_answers(wanted: Wanted) -> None:
    """Raise UserError for a voice or a name of the speaker that can be nothing."""
    if wanted.voice is not None and not re.fullmatch("[A-Za-z]{1,2}", wanted.voice):
        path = Path(wanted.voice).expanduser()
        if not path.is_file():
            raise UserError(f"--voice: '{path}' is neither a letter, such as A for who speaks most, nor a sound file")
        try:
            with open_stream(path):
                pass
        except (AudioError, OSError) as error:
            raise UserError(f"--voice: {path} {error}") from None
    if wanted.speaker is not None and (not wanted.speaker.strip() or re.search(r'[|"\n\r\t]', wanted.speaker)):
        raise UserError(f"--speaker: '{wanted.speaker}' cannot be a name; use letters, digits and spaces")


def readable(paths: Sequence[Path], screen: Screen) -> list[Path]:
    """Those that hold sound; each other one is named. Raises UserError where none does."""
    faults: dict[Path, str] = {}
    for path in paths:
        try:
            with open_stream(path) as stream:
                next(stream.blocks(1.0))
        except (AudioError, OSError) as error:
            faults[path] = str(error)
        except StopIteration:
            faults[path] = "holds no sound"
    named = [f"{path} {fault}" for path, fault in faults.items()]
    if len(faults) == len(paths):
        raise UserError("\n".join([*named, "none of the recordings can be read; nothing was written"]))
    for line in named:
        screen.say(f"{line}; it is left out")
    return [path for path in paths if path not in faults]
