"""Whether the voice can be taken from a recording: it must be sound, long enough, and heard. Without torch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.xtts.base import BaseFiles, read_config

# XTTS passes over anything shorter (`Xtts.get_gpt_cond_latents`).
SHORTEST_SECONDS = 0.33
# XTTS hears no more of a recording's beginning than config.json's `max_ref_len`; this where it says nothing.
HEARD_SECONDS = 10.0


def check_references(files: Sequence[Path], base: BaseFiles) -> None:
    """Raise UserError that names every recording which the voice cannot be taken from."""
    if problems := reference_problems(files, base):
        raise UserError("\n".join(f"utterances: reference: {problem}" for problem in problems))


def reference_problems(files: Sequence[Path], base: BaseFiles) -> list[str]:
    """Of each recording that cannot be used, its path, what is wrong with it and what to do.

    Raises UserError if the base's config.json cannot be read.
    """
    heard = float(read_config(base).get("max_ref_len") or HEARD_SECONDS)
    found = [(file, reference_problem(file, heard)) for file in dict.fromkeys(files)]
    return [f"{file}: {problem}; name another recording" for file, problem in found if problem]


def is_silent(file: Path) -> bool:
    """Whether nothing is heard in the first 10 s of a file; what cannot be read is not silent."""
    heard = _heard(file, HEARD_SECONDS)
    return not isinstance(heard, str) and (heard.seconds < SHORTEST_SECONDS or heard.silent)


def reference_problem(file: Path, most: float) -> str:
    """What is wrong with the first `most` seconds of a file, in words; empty if a voice can be taken from them."""
    heard = _heard(file, most)
    if isinstance(heard, str):
        return f"it cannot be read as a sound ({heard})"
    if heard.seconds < SHORTEST_SECONDS:
        return f"it is too short ({heard.seconds:.2f} s; XTTS needs {SHORTEST_SECONDS} s, and 6 s are better)"
    if heard.silent:
        part = f" in its first {most:g} s, and XTTS hears no more of it" if heard.cut else ""
        return f"it is silent{part} ({heard.level:.0f} dBFS; speech has about -26)"
    return ""


@dataclass(frozen=True)
class _Heard:
    """The beginning of a recording: its length, its level in dBFS, and whether there is more of it."""

    seconds: float
    level: float
    silent: bool
    cut: bool


def _heard(file: Path, most: float) -> _Heard | str:
    """The first `most` seconds of a file, or why it cannot be read."""
    try:
        state = file.stat()
    except OSError as error:
        return error.strerror or str(error)
    return _listened(file, most, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=256)
def _listened(file: Path, most: float, changed: int, size: int) -> _Heard | str:
    """Asked several times for each plan; `changed` and `size` tell when it must be listened to again."""
    from xtts_finetune.data.findings import QUIETEST, measure  # noqa: PLC0415
    from xtts_finetune.data.sound.audio import AudioError, load_audio, seconds_of  # noqa: PLC0415  heavy
    from xtts_finetune.numbers.fixed import SAMPLE_RATE  # noqa: PLC0415

    try:
        whole, audio = seconds_of(file), load_audio(file, at_most_seconds=most)
    except (AudioError, OSError) as error:
        return str(error)
    level = measure(audio).level
    return _Heard(len(audio.wave) / SAMPLE_RATE, level, level < QUIETEST, whole > most)
