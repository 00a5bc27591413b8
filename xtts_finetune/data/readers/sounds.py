"""The sound file that a line of a list means: where its path says, or by its name where that is certain."""

from __future__ import annotations

import os
import unicodedata
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path, PurePosixPath

from xtts_finetune.data.sound.endings import RECORDING_ENDINGS, is_recording
from xtts_finetune.spec.pipeline import DatasetSpec

# As files on a disk that tells cases apart may end, too.
ENDINGS = (*RECORDING_ENDINGS, ".WAV", ".FLAC", ".MP3", ".M4A")


def clip_id(name: str) -> str:
    """The path without its ending: files in two folders may share a name."""
    path = PurePosixPath(name.replace("\\", "/"))
    return path.with_suffix("").as_posix() if path.suffix in ENDINGS else path.as_posix()


def names_a_file(name: str) -> bool:
    """Whether a name has anything but dots and separators."""
    return bool(name.strip("/\\. "))


def find_audio(folders: Iterable[Path], name: str, endings: Sequence[str] = ("",)) -> Path:
    """The file `name` in the first of `folders` that has it, a path written on Windows included.

    With `endings`, each is tried behind the name. The first file looked for where there is none.
    """
    names = dict.fromkeys((name, name.replace("\\", "/")))
    # An absolute name stays as it is: joining keeps the right side then.
    candidates = [folder / f"{form}{ending}" for folder in folders for form in names for ending in endings]
    return next((found for path in candidates if (found := existing(path)) is not None), candidates[0])


def folders_of(spec: DatasetSpec, metadata: Path) -> tuple[Path, ...]:
    """What a relative path may be relative to: the data set's folder, or that of its metadata file."""
    return tuple(dict.fromkeys((spec.path, metadata.parent)))


def existing(audio: Path) -> Path | None:
    """`audio` as it lies on the disk, whichever way its accents are composed, or None."""
    name = str(audio)
    # Composed and decomposed accents look the same but name different files everywhere but on macOS.
    forms = (name,) if name.isascii() else (name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD")))
    # os.path and not pathlib: a plan asks this for every clip, and a name that cannot be is no file.
    found = next((form for form in forms if os.path.isfile(form)), None)  # noqa: PTH113
    return None if found is None else Path(found)


def files_below(folder: Path) -> Iterator[Path]:
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
        yield from (Path(root) / name for name in sorted(names) if not name.startswith("."))


class Sounds:
    """Finds the sounds that a list names.

    `home` is the folder that a format keeps them in. `names` gives every name of the list: one that is there twice in
    different folders is found by its folder alone.
    """

    def __init__(
        self,
        spec: DatasetSpec,
        metadata: Path,
        home: str = "",
        names: Callable[[], Iterable[str]] = tuple,
        search: bool = True,
    ) -> None:
        self._folders = [folder / home for folder in folders_of(spec, metadata)]
        self._names_of_folders = [str(folder) for folder in self._folders]
        self._root, self._home, self._names, self._search = spec.path, home, names, search
        self._by_stem: dict[str, list[Path]] | None = None
        self._repeated: set[str] = set()

    def find(self, name: str) -> Path:
        """The file that a name means; the first one looked for where there is none."""
        has_ending = name.lower().endswith(RECORDING_ENDINGS)
        endings = ("",) if has_ending else ("", ".wav", ".flac", ".mp3")
        # Strings, as a plan asks this for every clip: where the line says, as nearly always.
        for folder in self._names_of_folders:
            for ending in endings:
                path = os.path.join(folder, f"{name}{ending}")  # noqa: PTH118
                if os.path.isfile(path) and path.lower().endswith(RECORDING_ENDINGS):  # noqa: PTH113
                    return Path(path)
        found = find_audio(self._folders, name, endings)
        if existing(found) is not None and (has_ending or is_recording(found)):
            return found
        by_name = self._by_name(f"{self._home}/{name}") if self._search else None
        usual = self._folders[0] / f"{name}{'' if has_ending or not self._home else ENDINGS[0]}"
        return by_name or (found if existing(found) is not None else usual)

    def of_that_name(self, name: str) -> list[Path]:
        """All sounds of the data set that have the name, whatever their case, ending and folder."""
        if self._by_stem is None:
            self._by_stem = {}
            for path in files_below(self._root):
                if is_recording(path):
                    self._by_stem.setdefault(_stem(path.name), []).append(path)
            folders_by_stem = Counter(_stem(other) for other in {clip_id(name) for name in self._names()})
            self._repeated = {stem for stem, times in folders_by_stem.items() if times > 1}
        return self._by_stem.get(_stem(name), [])

    def _by_name(self, name: str) -> Path | None:
        """The one file of that name, whatever its case and ending and wherever it lies; None for none or several."""
        stem = _stem(name)
        ranked = sorted(((_in_common(path, name), path) for path in self.of_that_name(name)), key=_rank)
        if not ranked or (stem in self._repeated and not ranked[0][0]):
            return None
        (most, best), *others = ranked
        rivals = [path for common, path in others if common == most and path.parent != best.parent]
        return None if rivals else best


def _stem(name: str) -> str:
    return unicodedata.normalize("NFC", PurePosixPath(clip_id(name.lower())).name).casefold()


def _in_common(path: Path, name: str) -> int:
    """How many of the last folders of a file are those of the name."""
    wanted, count = PurePosixPath(name.replace("\\", "/").casefold()).parts[-2::-1], 0
    for own, other in zip(path.parts[-2::-1], wanted, strict=False):
        if own.casefold() != other:
            break
        count += 1
    return count


def _rank(found: tuple[int, Path]) -> tuple[int, int, str]:
    common, path = found
    return -common, RECORDING_ENDINGS.index(path.suffix.lower()), str(path)
