"""The base: five files that every XTTS v2 release has. Nothing here needs torch."""

from __future__ import annotations

import hashlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.numbers.usual import TINY, gpt_weights
from xtts_finetune.records.values import text_digest
from xtts_finetune.xtts.weights.vocabulary_file import read_json_of_base

FILE_NAMES = ("model.pth", "dvae.pth", "mel_stats.pth", "vocab.json", "config.json")
# Beside them in a base without a HiFi-GAN, if it has one: the network from latents to mels.
PREVIEW_NAME = "preview.pth"

# Known names and the folder that Coqui's own downloader makes for them.
KNOWN_BASES = {"xtts_v2": "tts_models--multilingual--multi-dataset--xtts_v2"}

# In a base's folder, while it is being fetched: files that are not whole yet.
FETCHED_PARTS = ".fetch"

# GPTTrainer's defaults, for a config.json that does not give them (XTTS v2's own does not).
MIN_CONDITIONING_SAMPLES = 66_150
MAX_CONDITIONING_SAMPLES = 132_300


@dataclass(frozen=True)
class BaseFiles:
    """A folder with the five files of a base."""

    folder: Path

    @property
    def model(self) -> Path:
        """Weights of the GPT and, in a real base, the HiFi-GAN."""
        return self.folder / "model.pth"

    @property
    def dvae(self) -> Path:
        """Weights of the discrete VAE that turns sound into codes."""
        return self.folder / "dvae.pth"

    @property
    def mel_stats(self) -> Path:
        """The 80 mel norms."""
        return self.folder / "mel_stats.pth"

    @property
    def vocab(self) -> Path:
        """The text tokenizer."""
        return self.folder / "vocab.json"

    @property
    def config(self) -> Path:
        """Sizes of the model and settings of its inference."""
        return self.folder / "config.json"

    @property
    def preview(self) -> Path:
        """The network that `vocoder: preview` makes sound with, where the base brings one."""
        return self.folder / PREVIEW_NAME

    def missing(self) -> list[str]:
        """Names of the files that are not there."""
        return [name for name in FILE_NAMES if not (self.folder / name).is_file()]

    def fingerprint(self) -> str:
        """Hash of what training depends on, cheap enough for a plan (see `quick_hash`)."""
        return text_digest("".join(quick_hash(self.folder / name) for name in FILE_NAMES))


@dataclass(frozen=True)
class ConditioningLengths:
    """How many samples (22 050 Hz) of a clip the model is conditioned on in training."""

    minimum: int
    maximum: int

    @property
    def evaluation(self) -> int:
        """Stock's evaluation takes the middle of the two."""
        return (self.minimum + self.maximum) // 2


def read_config(base: BaseFiles) -> dict[str, Any]:
    """The base's config.json as a dictionary.

    Raises UserError if it is not the JSON of an XTTS model.
    """
    config = read_json_of_base(base.config, "fetch the base again")
    if not isinstance(config, dict) or not isinstance(config.get("model_args"), dict):
        raise UserError(f"{base.config}: expected the config.json of an XTTS model with its 'model_args'")
    return config


def is_small(base: BaseFiles) -> bool:
    """Whether its GPT is so small that a CPU trains it in minutes, as it does the demo's. Raises as read_config."""
    return gpt_weights(read_config(base)["model_args"]) < TINY


def conditioning_lengths(config: dict[str, Any]) -> ConditioningLengths:
    """How much of a clip conditions the model, from config.json or GPTTrainer's defaults."""
    arguments = config["model_args"]
    return ConditioningLengths(
        minimum=int(arguments.get("min_conditioning_length") or MIN_CONDITIONING_SAMPLES),
        maximum=int(arguments.get("max_conditioning_length") or MAX_CONDITIONING_SAMPLES),
    )


def find_base(name_or_path: str) -> BaseFiles:
    """The base that a declaration names: a folder, or a known name looked up where bases are kept.

    Of several places the first that has all five files counts. Raises UserError that says where it looked, what
    lies there and how to get the rest.
    """
    if name_or_path not in KNOWN_BASES:
        return _whole(BaseFiles(Path(name_or_path)))
    folders = places_of(name_or_path)
    for folder in folders:
        if not BaseFiles(folder).missing():
            return BaseFiles(folder)
    raise UserError(_not_whole_anywhere(name_or_path, folders))


def places_of(name: str) -> list[Path]:
    """Where the base of a known name may lie, in the order that the folders are asked."""
    places = [Path.cwd() / "bases" / name, _coqui_folder() / KNOWN_BASES[name]]
    if "XTTS_FINETUNE_BASES" in os.environ:
        places.insert(0, Path(os.environ["XTTS_FINETUNE_BASES"]).expanduser() / name)
    return places


def begun_in(folder: Path) -> int:
    """Bytes that `xtts-finetune fetch` has got so far of files that are not whole yet; 0 if it never began."""
    return sum(part.stat().st_size for part in (folder / FETCHED_PARTS).glob("*.part"))


def _not_whole_anywhere(name: str, folders: Sequence[Path]) -> str:
    """What to say about a known base that is nowhere whole: interrupted on its way, in parts, or not there at all."""
    for folder in folders:
        there = [file for file in FILE_NAMES if (folder / file).is_file()]
        if (folder / FETCHED_PARTS).is_dir():
            got = begun_in(folder) + sum((folder / file).stat().st_size for file in there)
            return (
                f"base: {name} is not whole yet: {got / 1e6:,.0f} MB of it are in {folder}. Continue where it "
                f"stopped, with: xtts-finetune fetch {name}"
            )
        if there:
            lacks = ", ".join(BaseFiles(folder).missing())
            return (
                f"base: {name} in {folder} lacks {lacks} (programs that only speak leave out what training needs). "
                f"Get the rest with: xtts-finetune fetch {name}"
            )
    looked = "\n".join(f"  - {folder}" for folder in folders)
    return (
        f"base: {name} is not on this machine. It was looked for in\n{looked}\n"
        f"Get it with: xtts-finetune fetch {name}\n"
        f"If you have its five files ({', '.join(FILE_NAMES)}) already: xtts-finetune fetch {name} --from FOLDER, or "
        "give their folder as 'base:' in pipeline.yaml.\n"
        "To see everything work without them now: run_pipeline --demo"
    )


def quick_hash(path: Path) -> str:
    """Hash of size, first and last MiB of a file.

    A .pth file is a zip archive whose directory, at its end, holds a checksum of every tensor: for such a
    file this stands for the whole content without reading gigabytes.
    """
    size = path.stat().st_size
    digest = hashlib.sha256(str(size).encode())
    with path.open("rb") as file:
        digest.update(file.read(1 << 20))
        if size > 1 << 20:
            file.seek(max(1 << 20, size - (1 << 20)))
            digest.update(file.read())
    return digest.hexdigest()


def _whole(base: BaseFiles) -> BaseFiles:
    if not base.folder.is_dir():
        raise UserError(
            f"base: there is no folder {base.folder}; give a folder with {', '.join(FILE_NAMES)}, "
            f"or a known name: {', '.join(KNOWN_BASES)}"
        )
    if missing := base.missing():
        raise UserError(f"base: {base.folder} lacks {', '.join(missing)}; fetch the missing files of the same release")
    return base


def _coqui_folder() -> Path:
    """Where Coqui's TTS keeps what it downloaded (the same rules as its own)."""
    for variable in ("TTS_HOME", "XDG_DATA_HOME"):
        if variable in os.environ:
            return Path(os.environ[variable]).expanduser() / "tts"
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA", Path.home() / "AppData" / "Local")) / "tts"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "tts"
    return Path.home() / ".local" / "share" / "tts"
