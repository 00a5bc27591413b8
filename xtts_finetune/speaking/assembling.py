"""From takes to what was asked for: a file for each line, one of all, one for each chapter, and a table of them."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import TYPE_CHECKING

from xtts_finetune.records.atomic import write_text_atomic
from xtts_finetune.speaking.script.script import Script, ScriptLine
from xtts_finetune.speaking.sound_file import write_sound
from xtts_finetune.speaking.takes import Take
from xtts_finetune.spec.made_names import slug

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Wave = NDArray[np.float32]

TABLE = "lines.csv"
# Silence after a paragraph and after a chapter, by that between two lines.
PARAGRAPH, CHAPTER = 2.0, 4.0
# Nothing is made louder than this, of full scale.
PEAK = 0.95
# Of a file's number, and of a chapter's title in a file's name.
FEWEST_DIGITS, LONGEST_TITLE = 3, 40


@dataclass(frozen=True)
class Form:
    """How it is written.

    ending    of the files, with its dot
    pause     seconds between two lines
    loudness  LUFS that every line is brought to; None: as the model speaks
    """

    ending: str = ".wav"
    pause: float = 0.4
    loudness: float | None = -20.0


@dataclass(frozen=True)
class Assembled:
    """What was written.

    whole    the file of all lines, and its `seconds`
    late     subtitles that begin later than they should
    files    the names of all files
    again    lines that failed the checks and were spoken again
    faulty   the files of those that still fail
    """

    whole: Path
    seconds: float
    late: int
    files: tuple[str, ...]
    again: int
    faulty: tuple[str, ...]


def assemble(
    folder: Path, name: str, script: Script, sounds: Sequence[Path], takes: Sequence[Take], form: Form
) -> Assembled:
    """Write everything into `folder`; `sounds` and `takes` are of the script's lines, in their order."""
    rate = _rate_of(sounds[0])
    gains = _gains(sounds, form.loudness)
    digits = max(FEWEST_DIGITS, len(str(len(sounds))))
    names = [f"{number:0{digits}}{form.ending}" for number in range(1, len(sounds) + 1)]
    for file, sound, gain in zip(names, sounds, gains, strict=True):
        write_sound(folder / file, [_samples(sound, gain)], rate)
    starts, late = _starts(script, [_frames(sound) / rate for sound in sounds], form.pause)
    if f"{name}{form.ending}" in names:  # a script that is called as a line's file would be
        name = f"{name}-whole"
    parts = {f"{name}{form.ending}": list(range(len(sounds))), **_chapters(script, name, form.ending)}
    for file, places in parts.items():
        write_sound(folder / file, _joined(places, starts, sounds, gains, rate), rate)
    write_text_atomic(folder / TABLE, _table(script, names, starts, takes))
    seconds = starts[-1] + _frames(sounds[-1]) / rate
    return Assembled(
        whole=folder / f"{name}{form.ending}",
        seconds=seconds,
        late=late,
        files=(*names, *parts, TABLE),
        again=sum(take.tries > 1 for take in takes),
        faulty=tuple(file for file, take in zip(names, takes, strict=True) if take.faults),
    )


def _chapters(script: Script, name: str, ending: str) -> dict[str, list[int]]:
    """The file of each chapter with the places of its lines; none where there is one chapter alone."""
    digits, found = len(str(len(script.chapters))), {}
    for chapter, title in enumerate(script.chapters if len(script.chapters) > 1 else ()):
        places = [place for place, line in enumerate(script.lines) if line.chapter == chapter]
        if places:
            called = f"{name} {chapter + 1:0{digits}} {slug(title)[:LONGEST_TITLE]}".strip()
            found[f"{called}{ending}"] = places
    return found


def _starts(script: Script, seconds: Sequence[float], pause: float) -> tuple[list[float], int]:
    """When each line begins in the whole, and how many begin later than their subtitle."""
    starts: list[float] = []
    end, late, silence = 0.0, 0, 0.0
    for place, line in enumerate(script.lines):
        begins = end + (silence if line.start is None else 0.0)
        if line.start is not None:
            late += begins > line.start + 0.05
            begins = max(begins, line.start)
        starts.append(begins)
        end = begins + seconds[place]
        following = script.lines[place + 1] if place + 1 < len(script.lines) else None
        silence = _silence(line, following, pause)
    return starts, late


def _silence(line: ScriptLine, following: ScriptLine | None, pause: float) -> float:
    """Seconds after a line."""
    if line.pause is not None:
        return line.pause
    if following is not None and following.chapter != line.chapter:
        return CHAPTER * pause
    return PARAGRAPH * pause if line.ends_paragraph and _has_paragraphs(line, following) else pause


def _has_paragraphs(line: ScriptLine, following: ScriptLine | None) -> bool:
    """Whether the next line is of another paragraph, and not just another row."""
    return following is not None and line.place != following.place and not line.place.startswith(("row", "entry"))


def _joined(
    places: Sequence[int], starts: Sequence[float], sounds: Sequence[Path], gains: Sequence[float], rate: int
) -> Iterator[bytes]:
    """These lines one after the other with the silence between them, as 16-bit samples."""
    written = round(starts[places[0]] * rate) if places[0] else 0
    for place in places:
        begins = round(starts[place] * rate)
        yield bytes(2 * max(begins - written, 0))
        samples = _samples(sounds[place], gains[place])
        yield samples
        written = max(begins, written) + len(samples) // 2


def _gains(sounds: Sequence[Path], loudness: float | None) -> list[float]:
    """What each line is multiplied with; a line too short to have a loudness gets what is usual among the others."""
    if loudness is None:
        return [1.0] * len(sounds)
    from xtts_finetune.evaluation.instruments.loudness import loudness_of  # noqa: PLC0415  heavy

    found: list[float | None] = []
    peaks: list[float] = []
    for sound in sounds:
        wave, rate = _read(sound)
        level = loudness_of(wave, rate)
        found.append(None if level is None else 10.0 ** ((loudness - level) / 20.0))
        peaks.append(float(abs(wave).max(initial=0.0)))
    usual = median([gain for gain in found if gain is not None] or [1.0])
    return [
        min(usual if gain is None else gain, PEAK / max(peak, 1e-6)) for gain, peak in zip(found, peaks, strict=True)
    ]


def _samples(sound: Path, gain: float) -> bytes:
    import numpy as np  # noqa: PLC0415  heavy

    wave, _ = _read(sound)
    samples: bytes = np.rint((wave * gain).clip(-1, 1) * 32767).astype(np.dtype("<i2")).tobytes()
    return samples


def _read(sound: Path) -> tuple[Wave, int]:
    import soundfile  # noqa: PLC0415  heavy

    wave, rate = soundfile.read(str(sound), dtype="float32")
    return wave, int(rate)


def _rate_of(sound: Path) -> int:
    import soundfile  # noqa: PLC0415  heavy

    return int(soundfile.info(str(sound)).samplerate)


def _frames(sound: Path) -> int:
    import soundfile  # noqa: PLC0415  heavy

    return int(soundfile.info(str(sound)).frames)


def _table(script: Script, names: Sequence[str], starts: Sequence[float], takes: Sequence[Take]) -> str:
    """Of each line its file, where it begins in the whole, seconds, chapter, place and text, and what checks said."""
    written = io.StringIO(newline="")
    table = csv.writer(written, lineterminator="\n")
    table.writerow(["file", "start", "seconds", "tries", "faults", "chapter", "voice", "place", "text"])
    for name, start, take, line in zip(names, starts, takes, script.lines, strict=True):
        known = (f"{start:.3f}", f"{take.seconds:.3f}", take.tries or "", "; ".join(take.faults))
        table.writerow([name, *known, script.chapters[line.chapter], line.voice or "", line.place, line.text])
    return written.getvalue()
