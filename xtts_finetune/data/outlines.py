"""What stays in memory of every clip until all are compared: about 150 bytes each, as there may be very many."""

from __future__ import annotations

import hashlib
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.data.findings import Measures, speaking_seconds, spoken_characters
from xtts_finetune.records.clips import ClipRecord

SOUND_BYTES, HASH_BYTES = 32, 16


@dataclass(frozen=True, slots=True)
class Outline:
    """What comparing needs of a clip."""

    id: str
    dataset: str
    sha256: str
    file: str
    line: int
    language: str
    text: bytes  # hash of what is said, 16 bytes
    voice: bytes  # hash of what is said and by whom, 16 bytes
    characters: int
    seconds: float  # of speaking
    level: float  # dBFS

    def __str__(self) -> str:
        return f"{self.dataset}/{self.id} ({self.file}:{self.line})"


def outline(clip: ClipRecord, measures: Measures) -> Outline:
    """The outline of a clip that was kept."""
    text = _hash(clip.language, clip.normalised)
    return Outline(
        id=clip.id,
        dataset=clip.dataset,
        sha256=clip.sha256,
        file=clip.file.name,
        line=clip.line,
        language=clip.language,
        text=text,
        voice=_hash(text.hex(), clip.speaker),
        characters=spoken_characters(clip.normalised),
        seconds=speaking_seconds(clip.seconds, measures),
        level=measures.level,
    )


class Outlines(Sequence[Outline]):
    """Outlines in the order of the clips, kept by columns; each is made anew when it is asked for.

    The properties are copies of single columns, (clips,), for what looks at all clips at once.
    """

    def __init__(self) -> None:
        self._ids, self._files = _Strings(), _Strings()
        self._datasets, self._languages = _Labels(), _Labels()
        self._sounds, self._texts, self._voices = bytearray(), bytearray(), bytearray()
        self._lines, self._characters = array("q"), array("q")
        self._seconds, self._levels = array("d"), array("d")

    def append(self, clip: Outline) -> None:
        """Keep one more."""
        self._ids.append(clip.id)
        self._files.append(clip.file)
        self._datasets.append(clip.dataset)
        self._languages.append(clip.language)
        self._sounds += bytes.fromhex(clip.sha256)
        self._texts += clip.text
        self._voices += clip.voice
        self._lines.append(clip.line)
        self._characters.append(clip.characters)
        self._seconds.append(clip.seconds)
        self._levels.append(clip.level)

    def __len__(self) -> int:
        return len(self._lines)

    @overload
    def __getitem__(self, place: int) -> Outline: ...
    @overload
    def __getitem__(self, place: slice) -> list[Outline]: ...
    def __getitem__(self, place: int | slice) -> Outline | list[Outline]:
        if isinstance(place, slice):
            return [self[one] for one in range(*place.indices(len(self)))]
        place = range(len(self))[place]  # from the end where it is negative; IndexError beyond
        return Outline(
            id=self._ids[place],
            dataset=self._datasets[place],
            sha256=_part(self._sounds, place, SOUND_BYTES).hex(),
            file=self._files[place],
            line=self._lines[place],
            language=self._languages[place],
            text=_part(self._texts, place, HASH_BYTES),
            voice=_part(self._voices, place, HASH_BYTES),
            characters=self._characters[place],
            seconds=self._seconds[place],
            level=self._levels[place],
        )

    @property
    def sounds(self) -> NDArray[np.bytes_]:
        """The sounds' sha256 (clips,), S32."""
        return _keys(self._sounds, SOUND_BYTES)

    @property
    def texts(self) -> NDArray[np.bytes_]:
        """Hashes (clips,) of what is said, S16."""
        return _keys(self._texts, HASH_BYTES)

    @property
    def voices(self) -> NDArray[np.bytes_]:
        """Hashes (clips,) of what is said and by whom, S16."""
        return _keys(self._voices, HASH_BYTES)

    @property
    def datasets(self) -> NDArray[np.int64]:
        """The number (clips,) of each one's data set, in the order in which they come."""
        return np.array(self._datasets.numbers, dtype=np.int64)

    @property
    def languages(self) -> NDArray[np.int64]:
        """The number (clips,) of each one's language, in the order in which they come."""
        return np.array(self._languages.numbers, dtype=np.int64)

    @property
    def characters(self) -> NDArray[np.int64]:
        """How many (clips,) are spoken."""
        return np.array(self._characters, dtype=np.int64)

    @property
    def seconds(self) -> NDArray[np.float64]:
        """Length (clips,) of each."""
        return np.array(self._seconds, dtype=np.float64)

    @property
    def levels(self) -> NDArray[np.float64]:
        """Level (clips,) of each, dBFS."""
        return np.array(self._levels, dtype=np.float64)

    def among(self, sounds: frozenset[str]) -> NDArray[np.bool_]:
        """Which of (clips,) have one of these sounds."""
        wanted = np.array([bytes.fromhex(sound) for sound in sounds], dtype=f"S{SOUND_BYTES}")
        return np.isin(self.sounds, wanted)


def first_alike(keys: NDArray[np.bytes_]) -> NDArray[np.int64]:
    """(n,) for each of (n,) keys, the place of the first one that is equal to it."""
    _, firsts, groups = np.unique(keys, return_index=True, return_inverse=True)
    return np.asarray(firsts[groups], dtype=np.int64)


class _Strings:
    """Strings one after the other in one buffer."""

    def __init__(self) -> None:
        self._content, self._ends = bytearray(), array("q")

    def append(self, text: str) -> None:
        self._content += text.encode("utf-8", "surrogatepass")
        self._ends.append(len(self._content))

    def __getitem__(self, place: int) -> str:
        start = self._ends[place - 1] if place else 0
        return self._content[start : self._ends[place]].decode("utf-8", "surrogatepass")


class _Labels:
    """Strings of which there are few different ones."""

    def __init__(self) -> None:
        self.numbers = array("i")
        self._known: dict[str, int] = {}
        self._names: list[str] = []

    def append(self, name: str) -> None:
        number = self._known.setdefault(name, len(self._names))
        if number == len(self._names):
            self._names.append(name)
        self.numbers.append(number)

    def __getitem__(self, place: int) -> str:
        return self._names[self.numbers[place]]


def _part(buffer: bytearray, place: int, size: int) -> bytes:
    return bytes(buffer[place * size : (place + 1) * size])


def _keys(buffer: bytearray, size: int) -> NDArray[np.bytes_]:
    return np.frombuffer(bytes(buffer), dtype=f"S{size}")


def _hash(*parts: str) -> bytes:
    return hashlib.blake2b("\n".join(parts).encode("utf-8", "surrogatepass"), digest_size=HASH_BYTES).digest()
