"""The clips of a data set as files: cut from the recording, with silence at both ends, the same bytes each time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import soundfile
from numpy.typing import NDArray

from xtts_finetune.data.sound.streamed import open_stream
from xtts_finetune.data.sound.unbroken import AudioError
from xtts_finetune.errors import UserError
from xtts_finetune.numbers.fixed import SAMPLE_RATE
from xtts_finetune.recordings.sound.excerpts import Wave, excerpt, excerpts
from xtts_finetune.recordings.sources import read_known
from xtts_finetune.records.atomic import atomic_path
from xtts_finetune.records.stretches import SOUNDS, Stretch
from xtts_finetune.spec.made_names import slug

# Seconds of silence at each end of a clip, and in how many the sound of the room fades there.
SILENCE, FADE = 0.06, 0.008
# Silence is so much beneath the loud parts of the clip, frame by frame.
SILENT_DB, FRAME = -30.0, 0.005
LOUD_SHARE = 95


def clip_name(folder: Path, stretch: Stretch) -> str:
    """'wavs/interview_000012340_000017900.flac': the recording's name, start and end in milliseconds."""
    name = next((source.name for source in read_known(folder).sources if source.path == stretch.source), None)
    return named(name or slug(Path(stretch.source).stem), stretch)


def named(name: str, stretch: Stretch) -> str:
    """The same where the recording's name is known."""
    return f"{SOUNDS}/{name}_{round(stretch.start * 1000):09}_{round(stretch.end * 1000):09}.flac"


def write_clip(folder: Path, stretch: Stretch) -> Stretch:
    """The stretch with its file, cut from its recording unless it is there. Raises UserError if that is gone."""
    there = replace(stretch, file=clip_name(folder, stretch))
    path = folder / str(there.file)
    if not path.is_file():
        with _from_source(stretch):
            rate = clip_rate(Path(stretch.source))
            _write(path, excerpt(Path(stretch.source), *_around(stretch), rate), rate)
    return there


def write_clips(folder: Path, source: Path, stretches: Sequence[Stretch]) -> Iterator[Stretch]:
    """Write the files of one recording's stretches that are not there; gives each once it is. One pass, in order.

    Raises AudioError where the recording cannot be opened.
    """
    missing = [stretch for stretch in stretches if stretch.file and not (folder / stretch.file).is_file()]
    if missing:
        rate = clip_rate(source)
        for stretch, wave in zip(missing, excerpts(source, map(_around, missing), rate), strict=True):
            _write(folder / str(stretch.file), wave, rate)
            yield stretch


def _write(path: Path, wave: Wave, rate: int) -> None:
    pcm = np.rint(np.clip(shaped(wave, rate), -1.0, 32767 / 32768) * 32768).astype(np.int16)
    with atomic_path(path) as temporary:
        soundfile.write(str(temporary), pcm, rate, format="FLAC", subtype="PCM_16")


def _around(stretch: Stretch) -> tuple[float, float]:
    return stretch.start - SILENCE, stretch.end + SILENCE


def part_of(folder: Path, stretch: Stretch, most_seconds: float = 60.0) -> NDArray[np.float32]:
    """(samples,) at 22,050 Hz of exactly the stretch, or of its first `most_seconds`, from its recording.

    Raises UserError where the recording is gone.
    """
    with _from_source(stretch):
        end = min(stretch.end, stretch.start + most_seconds)
        return excerpt(Path(stretch.source), stretch.start, end, SAMPLE_RATE)


def clip_rate(source: Path) -> int:
    """Samples a second of a recording's clips: 22,050, or the recording's own rate where it is lower."""
    with open_stream(source) as stream:
        return min(SAMPLE_RATE, stream.rate)


def shaped(wave: Wave, rate: int) -> Wave:
    """A clip of (samples,) that has 60 ms more of its recording at each end: 60 ms of silence at both, no click.

    The clip's own silence counts, then the recording's around it, as far as that is silent; zeros stand for the rest,
    and the sound fades into them.
    """
    around = round(SILENCE * rate)
    loud = _loudest(wave[around : len(wave) - around], rate)
    before = _more_silence(wave[: 2 * around][::-1], loud, rate)
    after = _more_silence(wave[-2 * around :], loud, rate)
    inner = wave[around - before[0] : len(wave) - around + after[0]].astype(np.float64)
    fade = min(round(FADE * rate), len(inner) // 2)
    slope = 0.5 - 0.5 * np.cos(np.pi * (np.arange(fade) + 0.5) / max(1, fade))
    inner[:fade] *= slope
    inner[len(inner) - fade :] *= slope[::-1]
    return np.pad(inner, (before[1], after[1])).astype(np.float32)


def _more_silence(end: Wave, loud: float, rate: int) -> tuple[int, int]:
    """How many samples of the recording's own silence, and how many zeros, make the silence of a clip's end 60 ms.

    `end` is (samples,) from the clip outwards, half of it within the clip.
    """
    around = len(end) // 2
    size = round(FRAME * rate)
    lacking = around - _silent(end[:around][::-1], loud, size)
    outside = min(lacking, _silent(end[around:], loud, size))
    return outside, lacking - outside


def _silent(wave: Wave, loud: float, size: int) -> int:
    """How many of the first samples are silent without a break, in whole frames."""
    level = _levels(wave[: len(wave) // size * size], size)
    return int(np.argmin(np.append(level < loud + SILENT_DB, False))) * size


def _loudest(wave: Wave, rate: int) -> float:
    size = round(FRAME * rate)
    whole = len(wave) // size * size
    return float(np.percentile(_levels(wave[:whole], size), LOUD_SHARE)) if whole else 0.0


def _levels(wave: Wave, size: int) -> NDArray[np.float64]:
    power = np.mean(wave.astype(np.float64).reshape(-1, size) ** 2, axis=1)
    return np.asarray(10 * np.log10(np.maximum(power, 1e-10)))


@contextmanager
def _from_source(stretch: Stretch) -> Iterator[None]:
    path = Path(stretch.source)
    if not path.is_file():
        raise UserError(f"the recording {path} is gone; put it back, or import it again from where it is now")
    try:
        yield
    except (AudioError, OSError) as error:
        raise UserError(f"the recording {path} cannot be read: {error}") from None
