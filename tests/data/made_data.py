"""Data sets as people have them, with what is wrong with each clip written down as it is made."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from xtts_finetune.records.clips import DropReason, WarningKind

RATE = 22_050
WORDS = ("river", "bridge", "sailor", "garden", "window", "winter", "letter", "music", "silver", "mountain")
HEADERS = {
    "coqui": "audio_file|text",
    "common_voice": "client_id\tpath\tsentence\tlocale",
    "audiofolder": "file_name,text",
}
SOUNDS = {"ljspeech": "wavs", "common_voice": "clips"}
FILES = {"common_voice": "validated.tsv", "jsonl": "metadata.jsonl"}

Place = tuple[str, int]  # name of the file and line


def speech(seconds: float, seed: int = 0, level: float = 0.06, rate: int = RATE) -> NDArray[np.float32]:
    """Noise with the rise and fall of syllables: as loud and as peaky as speech, different for every seed."""
    time = np.arange(round(seconds * rate)) / rate
    noise = np.random.default_rng(seed).normal(0, 1, len(time)).clip(-3.5, 3.5)
    return (level * noise * (0.6 + 0.4 * np.sin(2 * np.pi * 4 * time + seed))).astype(np.float32)


def sentence(seconds: float, seed: int) -> str:
    """A text that takes about as long to say, different for every seed."""
    order = np.random.default_rng(seed)
    text = f"number {''.join('abcdefghij'[int(digit)] for digit in str(seed))}"
    while len(text) < 13 * seconds - 4:
        text += f" {WORDS[int(order.integers(len(WORDS)))]}"
    return f"{text}.".capitalize()


@dataclass
class MadeData:
    """A data set in the making. `left_out` and `odd` say what the audit must find, and nothing else."""

    folder: Path
    format: str = "ljspeech"
    more: dict[str, Any] = field(default_factory=dict)
    left_out: dict[Place, tuple[DropReason, str]] = field(default_factory=dict)
    odd: dict[Place, set[WarningKind]] = field(default_factory=dict)
    kept: int = 0
    start: bytes = b""
    newline: bytes = b"\n"
    _lines: list[bytes] = field(default_factory=list)
    _seed: int = 100

    def __post_init__(self) -> None:
        self.sounds.mkdir(parents=True)
        if header := HEADERS.get(self.format):
            self._lines.append(header.encode())

    @property
    def sounds(self) -> Path:
        return self.folder / SOUNDS.get(self.format, "")

    @property
    def metadata(self) -> Path:
        return self.folder / FILES.get(self.format, "metadata.csv")

    def seed(self) -> int:
        self._seed += 1
        return self._seed

    def good(self, count: int, seconds: float = 2.0) -> None:
        """Clips with nothing wrong, a little different from each other."""
        for _ in range(count):
            seed = self.seed()
            long = seconds * (0.9 + 0.2 * (seed % 7) / 6)
            self.clip(f"good {seed}", sentence(long, seed), speech(long, seed, 0.055 + 0.002 * (seed % 5)))

    def clip(
        self,
        name: str,
        text: str | None = None,
        wave: NDArray[Any] | None = None,
        rate: int = RATE,
        ending: str = "wav",
        language: str | None = None,
        expect: DropReason | WarningKind | None = None,
        detail: str = "",
        **how: Any,
    ) -> Place:
        """A clip of 2 s with a text that fits, where nothing else is said; `expect` is what is wrong with it."""
        seed = self.seed()
        text = sentence(2.0, seed) if text is None else text
        soundfile.write(self.sounds / f"{name}.{ending}", speech(2.0, seed) if wave is None else wave, rate, **how)
        place = self.line(self._declared(f"{name}.{ending}", text, language))
        self._expect(place, expect, detail)
        return place

    def broken(
        self, name: str, content: bytes | None, expect: DropReason, detail: str = "", text: str = "A text."
    ) -> None:
        """A line whose file holds these bytes, or is not there."""
        if content is not None:
            (self.sounds / f"{name}.wav").write_bytes(content)
        self._expect(self.line(self._declared(f"{name}.wav", text, None)), expect, detail)

    def bad_line(self, content: str | bytes, detail: str = "", expect: DropReason = DropReason.BAD_LINE) -> None:
        """A line that is no clip."""
        place = self.line(content if isinstance(content, bytes) else content.encode())
        self._expect(place, expect, detail)

    def line(self, content: bytes) -> Place:
        if self.format == "folder":
            name, _, text = content.partition(b"|")
            file = self.folder / f"{name.decode()}.txt"
            file.write_bytes(text)
            return file.name, 1
        self._lines.append(content)
        return self.metadata.name, len(self._lines)

    def write(self) -> dict[str, Any]:
        """Write the metadata; the data set as it is declared."""
        if self.format != "folder":
            content = self.start + self.newline.join(self._lines) + self.newline
            self.metadata.write_bytes(content)
        return {"name": "a", "path": self.folder, "format": self.format, **self.more}

    def _expect(self, place: Place, expect: DropReason | WarningKind | None, detail: str) -> None:
        if isinstance(expect, DropReason):
            self.left_out[place] = (expect, detail)
            return
        self.kept += 1
        if expect is not None:
            self.odd[place] = {expect}

    def _declared(self, file: str, text: str, language: str | None) -> bytes:
        stem = file.rpartition(".")[0]
        if self.format in ("ljspeech", "folder"):
            return f"{stem}|{text}".encode()
        if self.format == "coqui":
            return f"{file}|{text}".encode()
        if self.format == "common_voice":
            return f"someone\t{file}\t{text}\t{language or 'en'}".encode()
        if self.format == "jsonl":
            record = {"audio": file, "text": text, **({"language": language} if language else {})}
            return json.dumps(record, ensure_ascii=False).encode()
        row = io.StringIO()
        csv.writer(row, lineterminator="").writerow([file, text])
        return row.getvalue().encode()
