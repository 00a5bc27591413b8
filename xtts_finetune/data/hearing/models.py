"""Which recognisers this machine has: folders of faster-whisper, fetched by name, brought by a package, or given."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.machine.packages import install_extra

WEIGHTS = "model.bin"
# Best first: where no model is named, the first that is installed reads.
BY_QUALITY = ("large-v3", "large-v3-turbo", "turbo", "large-v2", "large", "medium", "small", "base", "tiny")
ENGLISH_ALONE = ".en"


@dataclass(frozen=True)
class RecogniserModel:
    """A recogniser that is on this machine."""

    name: str
    folder: Path

    @property
    def english_alone(self) -> bool:
        """Whether it reads English and nothing else; its configuration would not tell."""
        vocabulary = next((self.folder / name for name in ("vocabulary.txt", "vocabulary.json")), None)
        return self.name.endswith(ENGLISH_ALONE) or (vocabulary is not None and _words_in(self.folder) == 51864)


def recogniser_installed() -> bool:
    """Whether the library is there; it is not loaded."""
    return find_spec("faster_whisper") is not None


def how_to_install() -> str:
    """The command that installs the library."""
    return install_extra("transcribe", "faster-whisper")


def installed_models() -> list[RecogniserModel]:
    """Every recogniser on this machine, the best first; none where the library is missing."""
    if not recogniser_installed():
        return []
    found = {model.name: model for model in (*_of_packages(), *_fetched())}
    return sorted(found.values(), key=_rank)


def find_model(name_or_folder: str | None, language: str | None = None) -> RecogniserModel:
    """The recogniser of that name or in that folder; the best that reads the language where none is named.

    A name that is known and not installed is fetched by faster-whisper. Raises UserError where there is none.
    """
    if not recogniser_installed():
        raise UserError(f"reading speech needs faster-whisper: {how_to_install()}")
    there = installed_models()
    if name_or_folder is None:
        fits = [model for model in there if language in (None, "en") or not model.english_alone]
        if fits:
            return fits[0]
        has = f"installed: {', '.join(model.name for model in there)}" if there else "none is installed"
        what = f" that reads '{language}'" if there and language else ""
        raise UserError(
            f"there is no recogniser{what} on this machine ({has}); "
            "name one with --model, which is fetched once: --model small (480 MB) or --model base (150 MB)"
        )
    folder = Path(name_or_folder).expanduser()
    if (folder / WEIGHTS).is_file():
        return RecogniserModel(folder.name, folder.absolute())
    for model in there:
        if model.name == name_or_folder:
            return model
    return _fetch(name_or_folder, there)


def is_fetched_first(name_or_folder: str) -> bool:
    """Whether a recogniser that is named is not on this machine yet."""
    there = {model.name for model in installed_models()}
    return recogniser_installed() and name_or_folder not in there and not Path(name_or_folder).expanduser().exists()


def _fetch(name: str, there: list[RecogniserModel]) -> RecogniserModel:
    from faster_whisper.utils import available_models, download_model  # noqa: PLC0415  heavy

    known = available_models()
    if name not in known:
        has = ", ".join(model.name for model in there) or "none"
        raise UserError(
            f"'{name}' is neither a folder with {WEIGHTS} nor a recogniser that is known; installed: {has}; "
            f"known: {', '.join(known)}"
        )
    try:
        return RecogniserModel(name, Path(download_model(name)))
    except Exception as error:  # whatever the hub's client raises
        has = ", ".join(model.name for model in there) or "none"
        raise UserError(
            f"the recogniser '{name}' could not be fetched ({type(error).__name__}); installed: {has}; "
            "connect this machine to the internet once, or copy the model's folder here and give it with --model FOLDER"
        ) from None


@cache
def _of_packages() -> tuple[RecogniserModel, ...]:
    """Those that an installed package brings with it."""
    found = []
    for package in distributions():
        listed = package.read_text("RECORD")
        if listed is not None and f"/{WEIGHTS}," not in listed:
            continue  # most of them: their thousands of lines need not be taken apart
        for file in package.files or ():
            if file.name == WEIGHTS:
                folder = Path(str(package.locate_file(file))).parent
                if (folder / "config.json").is_file() and (folder / "tokenizer.json").is_file():
                    found.append(RecogniserModel(_name_of(folder, package.name), folder))
    return tuple(found)


def _fetched() -> list[RecogniserModel]:
    """Those that faster-whisper fetched before."""
    from huggingface_hub.constants import HF_HUB_CACHE  # noqa: PLC0415

    # Whoever fetched none, as most, is spared the library: it takes a second, in every command that makes a plan.
    if not any(Path(HF_HUB_CACHE).glob("models--*whisper*")):
        return []
    from faster_whisper.utils import available_models, download_model  # noqa: PLC0415  heavy

    found = []
    for name in available_models():
        try:
            found.append(RecogniserModel(name, Path(download_model(name, local_files_only=True))))
        except Exception:  # it was not fetched
            continue
    return found


def _name_of(folder: Path, otherwise: str) -> str:
    """Whisper's name of the model by the width of its weights, 'tiny.en'; the package's where it is none of those."""
    size = (folder / WEIGHTS).stat().st_size
    # float16 weights; the multilingual ones differ by a few rows of the vocabulary.
    for name, least, most in (("tiny", 38e6, 80e6), ("base", 138e6, 150e6), ("small", 450e6, 500e6)):
        if least < size < most:
            return name + (ENGLISH_ALONE if _words_in(folder) == 51864 else "")
    return otherwise


def _words_in(folder: Path) -> int:
    """Pieces in the vocabulary: 51,864 where the model reads English alone, more where it reads other languages."""
    for name in ("vocabulary.txt", "vocabulary.json"):
        path = folder / name
        if path.is_file():
            text = path.read_text(encoding="utf-8")
            if name.endswith(".json"):
                import json  # noqa: PLC0415

                return len(json.loads(text))
            return text.count("\n") + (not text.endswith("\n"))
    return 0


def _rank(model: RecogniserModel) -> tuple[int, str]:
    plain = model.name.removesuffix(ENGLISH_ALONE)
    return (BY_QUALITY.index(plain) if plain in BY_QUALITY else len(BY_QUALITY), model.name)
