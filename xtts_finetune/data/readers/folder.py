"""A folder of sounds, each with its text in a file of its own: x.wav and x.txt, side by side or in two trees."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

from xtts_finetune.data.readers.encodings import code_page_of_texts, decoded
from xtts_finetune.data.readers.lines import not_utf_8
from xtts_finetune.data.readers.raw import (
    RawClip,
    Unreadable,
    clip_speaker,
    clip_text,
    is_unicode,
    metadata_of,
    printable,
)
from xtts_finetune.data.readers.sounds import files_below
from xtts_finetune.data.readers.speakers import speaker_in_names
from xtts_finetune.data.readers.subtitles import cues_of, is_timed
from xtts_finetune.data.sound.endings import SOUND_ENDINGS
from xtts_finetune.spec.pipeline import DatasetSpec

# Those first that count where several lie there. LibriTTS has a text as it was written and as it is spoken.
TEXT_ENDINGS = (".normalized.txt", ".original.txt", ".txt", ".lab", ".srt", ".vtt")
OF_ONE_TEXT = TEXT_ENDINGS[:2]
# VCTK was recorded with two microphones at once: the first counts.
MICROPHONE = re.compile(r"_mic(\d)$")


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
    pairs = pairs_of(spec)
    codec = spec.encoding or code_page_of_texts((text for pair in pairs for text in pair.texts), language)
    for pair in pairs:
        if not is_unicode(pair.name):
            for file in (*pair.sounds, *pair.texts):
                yield _alone(spec, file, "the name of the file or of its folder is not UTF-8; rename it")
        elif not pair.texts:
            for sound in pair.sounds:
                yield _alone(spec, sound, f"there is no {pair.name}.txt with its text")
        elif not pair.sounds:
            for text in pair.texts:
                yield _alone(spec, text, f"there is no {pair.name}{SOUND_ENDINGS[0]} or other sound next to the text")
        else:
            yield _clip(spec, language, pair, codec)
            chosen = pair.sounds[0].name
            for sound in pair.sounds[1:]:
                yield _alone(spec, sound, f"the text of {chosen} would count twice; keep one of the sounds")
            for text in pair.texts[1:]:
                if not text.name.endswith(OF_ONE_TEXT):
                    yield _alone(spec, text, f"{chosen} has a text already: {pair.texts[0].name}")


def pairs_of(spec: DatasetSpec) -> list[Pair]:
    """All sounds and texts of the folder by their names, in their order; no file is opened.

    Raises UserError if there is no folder.
    """
    metadata_of(spec)
    pairs: dict[str, Pair] = {}
    for path in files_below(spec.path):
        text = next((ending for ending in TEXT_ENDINGS if path.name.lower().endswith(ending)), None)
        if text is None and path.suffix.lower() not in SOUND_ENDINGS:
            continue
        # Composed and decomposed accents look the same: files that were copied from a Mac still belong together.
        stem = path.name[: -len(text or path.suffix)]
        name = unicodedata.normalize("NFC", path.relative_to(spec.path).with_name(stem or path.name).as_posix())
        pair = pairs.setdefault(name, Pair(name))
        (pair.texts if text else pair.sounds).append(path)
    for own_kind in (_with_folder, _without_folder):
        _join(pairs, own_kind)
    for pair in pairs.values():
        pair.sounds.sort(key=lambda sound: (SOUND_ENDINGS.index(sound.suffix.lower()), str(sound)))
        pair.texts.sort(key=lambda text: (_place(text), str(text)))
    return [pairs[name] for name in sorted(pairs)]


def _place(text: Path) -> int:
    return next(place for place, ending in enumerate(TEXT_ENDINGS) if text.name.lower().endswith(ending))


def _join(pairs: dict[str, Pair], key: Callable[[str], str]) -> None:
    """Give sounds without texts those that lie elsewhere under the same name, where that is one name alone."""
    texts: dict[str, list[Pair]] = {}
    sounds: dict[str, list[Pair]] = {}
    for pair in pairs.values():
        if bool(pair.sounds) != bool(pair.texts):
            (sounds if pair.sounds else texts).setdefault(key(pair.name), []).append(pair)
    for name in texts.keys() & sounds.keys():
        own, *others = sorted(sounds[name], key=lambda pair: pair.name)
        takes = [MICROPHONE.search(pair.name) for pair in (own, *others)]
        if len(texts[name]) > 1 or (others and not all(takes)):
            continue
        own.texts += pairs.pop(texts[name][0].name).texts
        for other in others:
            del pairs[other.name]


def _with_folder(name: str) -> str:
    return "/".join(PurePosixPath(MICROPHONE.sub("", name).casefold()).parts[-2:])


def _without_folder(name: str) -> str:
    return PurePosixPath(MICROPHONE.sub("", name).casefold()).name


def _clip(spec: DatasetSpec, language: str, pair: Pair, codec: str | None) -> RawClip | Unreadable:
    sound, file = pair.sounds[0], pair.texts[0]
    try:
        content = file.read_bytes()
        text = decoded(content, codec)
    except OSError as error:
        return _alone(spec, file, f"the text cannot be read: {error.strerror or error}")
    except UnicodeDecodeError as error:
        start = content.rfind(b"\n", 0, error.start) + 1
        line = content[start:].partition(b"\n")[0]
        number = content.count(b"\n", 0, error.start) + 1
        return not_utf_8(spec, line, error.start - start, file, number)
    ending = file.suffix.lower()
    if ending in (".srt", ".vtt"):
        text = " ".join(cue.text for cue in cues_of(text))
    elif is_timed(text, ending):
        return _alone(spec, file, f"it has parts of {sound.name} with their times, not the words of the whole")
    return RawClip(
        id=pair.name,
        dataset=spec.name,
        audio=sound,
        text=clip_text(text),
        speaker=clip_speaker(speaker_in_names(sound.stem, sound, spec), spec),
        language=language,
        file=file,
        line=1,
    )


def _alone(spec: DatasetSpec, file: Path, problem: str) -> Unreadable:
    shown = printable(file.relative_to(spec.path).as_posix())
    return Unreadable(spec.name, shown, problem, Path(printable(str(file))), 1)
