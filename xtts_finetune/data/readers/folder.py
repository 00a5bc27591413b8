"""A folder of sounds, each with its text next to it: x.wav and x.txt, in sub-folders too."""

from __future__ import annotations

import os
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from xtts_finetune.data.readers.lines import BYTE_ORDER_MARK, ENDINGS, UTF_16_MARKS, not_utf_8
from xtts_finetune.data.readers.raw import (
    RawClip,
    Unreadable,
    clip_speaker,
    clip_text,
    is_unicode,
    metadata_of,
    printable,
)
from xtts_finetune.spec.pipeline import DatasetSpec

TEXT_ENDING = ".txt"
# Sounds that soundfile does not read count too: the audit names them, rather than nobody.
SOUND_ENDINGS = tuple(dict.fromkeys(ending.lower() for ending in (*ENDINGS, ".m4a", ".aac", ".wma", ".amr", ".webm")))


@dataclass
class Pair:
    """The files of one name, which should be one sound and one text. `name` is relative, without ending."""

    name: str
    sounds: list[Path] = field(default_factory=list)
    texts: list[Path] = field(default_factory=list)


def read_folder(spec: DatasetSpec, language: str) -> Iterator[RawClip | Unreadable]:
    """A clip for every sound with a text; what stands alone is named. Files that begin with a dot do not count.

    The line of a clip is 1 in its text's file; of a sound without text, 1 in the sound's.
    """
    for pair in pairs_of(spec):
        if not is_unicode(pair.name):
            for file in (*pair.sounds, *pair.texts):
                yield _alone(spec, file, "the name of the file or of its folder is not UTF-8; rename it")
        elif not pair.texts:
            for sound in pair.sounds:
                yield _alone(spec, sound, f"there is no {pair.name}{TEXT_ENDING} with its text")
        elif not pair.sounds:
            for text in pair.texts:
                yield _alone(spec, text, f"there is no {pair.name}{ENDINGS[0]} or other sound next to the text")
        else:
            yield _clip(spec, language, pair)
            chosen = pair.sounds[0].name
            for sound in pair.sounds[1:]:
                yield _alone(spec, sound, f"the text of {chosen} would count twice; keep one of the sounds")
            for text in pair.texts[1:]:
                yield _alone(spec, text, f"{chosen} has a text already: {pair.texts[0].name}")


def pairs_of(spec: DatasetSpec) -> list[Pair]:
    """All sounds and texts of the folder by their names, in their order; no file is opened.

    Raises UserError if there is no folder.
    """
    metadata_of(spec)
    pairs: dict[str, Pair] = {}
    for path in _files(spec.path):
        ending = path.suffix.lower()
        if ending != TEXT_ENDING and ending not in SOUND_ENDINGS:
            continue
        # Composed and decomposed accents look the same: files that were copied from a Mac still belong together.
        name = unicodedata.normalize("NFC", path.relative_to(spec.path).with_suffix("").as_posix())
        pair = pairs.setdefault(name, Pair(name))
        (pair.texts if ending == TEXT_ENDING else pair.sounds).append(path)
    for pair in pairs.values():
        pair.sounds.sort(key=lambda sound: (SOUND_ENDINGS.index(sound.suffix.lower()), str(sound)))
        pair.texts.sort()
    return [pairs[name] for name in sorted(pairs)]


def _files(folder: Path) -> Iterator[Path]:
    """All files below a folder but hidden ones; links to folders are followed, once each."""
    seen: set[str] = set()
    for root, folders, names in os.walk(folder, followlinks=True):
        real = os.path.realpath(root)
        if real in seen:
            folders.clear()
            continue
        seen.add(real)
        # In order: which way a folder is reached first must not depend on the file system.
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (Path(root) / name for name in names if not name.startswith("."))


def _clip(spec: DatasetSpec, language: str, pair: Pair) -> RawClip | Unreadable:
    sound, file = pair.sounds[0], pair.texts[0]
    try:
        content = file.read_bytes()
    except OSError as error:
        return _alone(spec, file, f"the text cannot be read: {error.strerror or error}")
    if content.startswith(UTF_16_MARKS):
        return _alone(spec, file, "this is UTF-16 text; save it as UTF-8")
    content = content.removeprefix(BYTE_ORDER_MARK)
    try:
        text = content.decode("utf-8")
    except UnicodeDecodeError as error:
        start = content.rfind(b"\n", 0, error.start) + 1
        line = content[start:].partition(b"\n")[0]
        number = content.count(b"\n", 0, error.start) + 1
        return not_utf_8(spec, line, error.start - start, file, number)
    return RawClip(
        id=pair.name,
        dataset=spec.name,
        audio=sound,
        text=clip_text(text),
        speaker=clip_speaker(None, spec),
        language=language,
        file=file,
        line=1,
    )


def _alone(spec: DatasetSpec, file: Path, problem: str) -> Unreadable:
    shown = printable(file.relative_to(spec.path).as_posix())
    return Unreadable(spec.name, shown, problem, Path(printable(str(file))), 1)
