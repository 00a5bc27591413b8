"""Speech into a file of the kind that its name asks for: WAV, FLAC, MP3, Ogg Vorbis or Opus."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.records.atomic import atomic_path
from xtts_finetune.speaking.ogg_serial import fix_serial

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Samples = NDArray[np.int16]

# libsndfile's encoder of Vorbis keeps what it is given on the stack, which a minute of speech would overflow.
SAMPLES_AT_ONCE = 8192


@dataclass(frozen=True)
class Kind:
    """How a file is written. `rates` are the samples a second that it can have; none: any."""

    format: str
    subtype: str
    rates: tuple[int, ...] = ()


KINDS = {
    ".wav": Kind("WAV", "PCM_16"),
    ".flac": Kind("FLAC", "PCM_16"),
    ".mp3": Kind("MP3", "MPEG_LAYER_III", (8000, 11_025, 12_000, 16_000, 22_050, 24_000, 32_000, 44_100, 48_000)),
    ".ogg": Kind("OGG", "VORBIS"),
    ".opus": Kind("OGG", "OPUS", (8000, 12_000, 16_000, 24_000, 48_000)),
}  # fmt: skip


def check_sound_file(path: Path) -> None:
    """Raise UserError unless speech can be written to `path`; nothing is left there."""
    if _is(path, Path.is_dir):
        raise UserError(f"-o: {path} is a folder; name a file in it")
    check_kind(path)
    folder = path.absolute().parent
    if not _is(folder, Path.is_dir):
        if _is(folder, Path.exists):
            raise UserError(f"-o: {folder} is a file, not a folder; name another place")
        raise UserError(f"-o: the folder {folder} is not there; make it first, or name another")
    # Asked of the system itself: rights alone do not tell (a full or read-only disk, a name too long, Windows).
    trial = folder / f".{path.name}.{os.getpid()}.trial"
    try:
        with trial.open("xb"):
            pass
        trial.unlink()
    except OSError as error:
        raise UserError(f"-o: {path} cannot be written ({error.strerror or error}); name another file") from None


def writable_kinds() -> list[str]:
    """The endings of the files that this computer's libsndfile can write."""
    import soundfile  # noqa: PLC0415  heavy

    formats = soundfile.available_formats()
    return [
        ending
        for ending, kind in KINDS.items()
        if kind.format in formats and kind.subtype in soundfile.available_subtypes(kind.format)
    ]


def write_sound(path: Path, spoken: Iterable[bytes], rate: int) -> Path:
    """Write 16-bit samples as they come; the file is there once it is whole. Raises WorkFailed where it cannot be."""
    import numpy as np  # noqa: PLC0415
    import soundfile  # noqa: PLC0415  heavy

    kind = KINDS[path.suffix.casefold()]
    written = _rate_of(kind, rate)
    form: dict[str, Any] = {
        "format": kind.format,
        "subtype": kind.subtype,
        "channels": 1,
        "samplerate": written,
    }
    pieces = (np.frombuffer(samples, dtype="<i2") for samples in spoken)
    try:
        with atomic_path(path) as temporary:
            with soundfile.SoundFile(str(temporary), "w", **form) as file:
                for samples in at_rate(pieces, rate, written):
                    for start in range(0, len(samples), SAMPLES_AT_ONCE):
                        file.write(samples[start : start + SAMPLES_AT_ONCE])
            if kind.format == "OGG":
                fix_serial(temporary)
    except (soundfile.LibsndfileError, OSError) as error:
        raise WorkFailed(f"{path}: could not be written ({error}); is there room on the disk?") from None
    return path


def as_16_bit(wave: NDArray[np.float32]) -> Samples:
    """(samples,) of a wave within -1 and 1, rounded as libsndfile does it."""
    import numpy as np  # noqa: PLC0415

    rounded: Samples = np.rint(wave.clip(-1, 1) * 32767).astype(np.dtype("<i2"))
    return rounded


def check_kind(path: Path, option: str = "-o") -> None:
    """Raise UserError where no file of that ending can be written here; `option` is where it was given."""
    kinds = writable_kinds()
    ending = path.suffix.casefold()
    if ending in kinds:
        return
    what = (
        f"no '{ending}' file can be written"
        if ending
        else "its name has no suffix, and the suffix decides the file format"
    )
    if ending in KINDS:
        what += f" with the libsndfile of this computer ({_version()})"
    raise UserError(f"{option}: {path}: {what}; name one that ends in {', '.join(kinds)}")


def _version() -> str:
    import soundfile  # noqa: PLC0415  heavy

    return str(soundfile.__libsndfile_version__)


def _rate_of(kind: Kind, rate: int) -> int:
    """The rate that the file gets: the sound's own, or the next that the kind can have."""
    if not kind.rates or rate in kind.rates:
        return rate
    return next((each for each in kind.rates if each > rate), kind.rates[-1])


def at_rate(pieces: Iterable[Samples], rate: int, wanted: int) -> Iterator[Samples]:
    """The pieces at another rate, without a seam between them."""
    if rate == wanted:
        yield from pieces
        return
    import numpy as np  # noqa: PLC0415
    import soxr  # noqa: PLC0415  heavy

    stream = soxr.ResampleStream(rate, wanted, 1, dtype="int16", quality="HQ")
    for samples in pieces:
        yield stream.resample_chunk(samples)
    yield stream.resample_chunk(np.zeros(0, dtype=np.int16), last=True)


def _is(path: Path, what: Any) -> bool:
    """Whether `path` is such a thing; one that the system cannot take is nothing."""
    try:
        return bool(what(path))
    except (OSError, ValueError):
        return False
