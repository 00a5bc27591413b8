"""Programs that take a shipped model: what each wants where, by its own code, and a folder made so for it.

The rules were read in the code of each, at the version that `read_in` names; tests hold the folders to them.
"""

from __future__ import annotations

import shutil
import zipfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from xtts_finetune.records.atomic import atomic_path, link_or_copy
from xtts_finetune.records.candidates.shipped import reference_of
from xtts_finetune.records.run_folder import MODEL_CARD

CONFIG, MODEL, VOCABULARY, SPEAKERS, REFERENCE = (
    "config.json",
    "model.pth",
    "vocab.json",
    "speakers_xtts.pth",
    "reference.wav",
)
DVAE, MEL_STATS = "dvae.pth", "mel_stats.pth"


@dataclass(frozen=True)
class Given:
    """A shipped model on its way to a consumer: folder, name, the base, which has two files more, and its voices."""

    folder: Path
    name: str
    base: Path
    voices: tuple[str, ...]

    def recordings(self) -> Iterator[tuple[str, Path]]:
        """Each voice with the recordings that it was taken from."""
        for voice in self.voices:
            yield voice, self.folder / reference_of(voice, self.name)


@dataclass(frozen=True)
class Consumer:
    """A program that takes models.

    read_in   which version of its code the rule was read in
    wants     the files that it must have, from the folder that `make` is given
    use       what to do with it, for people, where {here} is the folder and {name} the model
    make      puts them there; None where the shipped folder does as it is
    """

    read_in: str
    wants: tuple[str, ...]
    use: str
    make: Callable[[Given, Path], None] | None = None

    def missing(self, folder: Path, name: str) -> list[str]:
        """What it would miss in a folder; nothing where it accepts it."""
        return [each for each in (want.format(name=name) for want in self.wants) if not (folder / each).is_file()]


def _for_alltalk(given: Given, to: Path) -> None:
    """A folder in models/xtts with all six files: one that lacks a file hides the other models too."""
    folder = to / "models" / "xtts" / given.name
    _take(given.folder, folder, CONFIG, MODEL, VOCABULARY, SPEAKERS)
    _take(given.base, folder, DVAE, MEL_STATS)
    for voice, recordings in given.recordings():
        _take_as(recordings, to / "voices" / f"{voice}.wav")


def _for_ebook2audiobook(given: Given, to: Path) -> None:
    """A zip without a folder in it; the recording is called ref.wav."""
    names = {CONFIG: CONFIG, MODEL: MODEL, VOCABULARY: VOCABULARY, SPEAKERS: SPEAKERS, REFERENCE: "ref.wav"}
    to.mkdir(parents=True, exist_ok=True)
    # Weights hardly get smaller: they are stored as they are.
    with atomic_path(to / f"{given.name}.zip") as temporary, zipfile.ZipFile(temporary, "w") as archive:
        for name, inside in names.items():
            archive.write(given.folder / name, inside)


def _for_xtts_api_server(given: Given, to: Path) -> None:
    """A folder in models; its voices are recordings in speakers."""
    _take(given.folder, to / "models" / given.name, CONFIG, MODEL, VOCABULARY, SPEAKERS)
    for voice, recordings in given.recordings():
        _take_as(recordings, to / "speakers" / f"{voice}.wav")


def _for_huggingface(given: Given, to: Path) -> None:
    """Everything, with the card where the hub looks for it."""
    for file in sorted(path for path in given.folder.rglob("*") if path.is_file()):
        within = file.relative_to(given.folder)
        _take_as(file, to / ("README.md" if within.as_posix() == MODEL_CARD else within))


CONSUMERS: Mapping[str, Consumer] = {
    "stock": Consumer(
        "coqui-tts 0.28.0, TTS/tts/models/xtts.py",
        (CONFIG, MODEL, VOCABULARY, SPEAKERS),
        'in Python: TTS(model_path=FOLDER, config_path=FOLDER/config.json), speaker="{name}", FOLDER being {here}',
    ),
    "tts-server": Consumer(
        "coqui-tts 0.28.0, TTS/server/server.py",
        (CONFIG, MODEL, VOCABULARY, SPEAKERS),
        "tts-server --model_path {here} --config_path {here}/config.json --speaker_idx {name}",
    ),
    "alltalk": Consumer(
        "erew123/alltalk_tts 01541c4, system/tts_engines/xtts/model_engine.py",
        (
            *(f"models/xtts/{{name}}/{each}" for each in (CONFIG, MODEL, MEL_STATS, SPEAKERS, VOCABULARY, DVAE)),
            "voices/{name}.wav",
        ),
        "copy what is in {here} over AllTalk's own folder, and choose 'xtts - {name}' and the voice '{name}.wav'",
        _for_alltalk,
    ),
    "ebook2audiobook": Consumer(
        "DrewThomasson/ebook2audiobook 04b8ec2, the files of XTTS in lib/conf_models.py",
        ("{name}.zip",),
        "ebook2audiobook --custom_model {here}/{name}.zip",
        _for_ebook2audiobook,
    ),
    "xtts-api-server": Consumer(
        "daswer123/xtts-api-server 13e0338, xtts_api_server/tts_funcs.py",
        (
            *(f"models/{{name}}/{each}" for each in (CONFIG, MODEL, VOCABULARY, SPEAKERS)),
            "speakers/{name}.wav",
        ),
        "copy models into the server's package and start it: python -m xtts_api_server --version {name} "
        "--speaker-folder {here}/speakers",
        _for_xtts_api_server,
    ),
    "huggingface": Consumer(
        "the hub's model cards: README.md with a YAML header",
        (CONFIG, MODEL, VOCABULARY, SPEAKERS, REFERENCE, "README.md"),
        "hf upload YOUR-NAME/{name} {here} .",
        _for_huggingface,
    ),
}


def handed_over_before(to: Path) -> list[str]:
    """Consumers that have a folder in `to` already: what is shipped anew is made ready for them anew."""
    return [name for name in CONSUMERS if (to / name).is_dir()]


def hand_over(given: Given, consumer: str, to: Path) -> Path:
    """Make the folder of a consumer anew, `to`/<consumer>; the shipped folder where that does as it is.

    Files are second names of the shipped ones where the disk can do that, so that nothing takes room twice.
    """
    wanted = CONSUMERS[consumer]
    if wanted.make is None:
        return given.folder
    folder, staging = to / consumer, to / f".{consumer}.new"
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    wanted.make(given, staging)
    shutil.rmtree(folder, ignore_errors=True)
    staging.rename(folder)
    return folder


def _take(source: Path, folder: Path, *names: str) -> None:
    for name in names:
        _take_as(source / name, folder / name)


def _take_as(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    link_or_copy(source, target)
