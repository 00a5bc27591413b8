"""What the instruments read from the voice's own recordings: utterances are compared with it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

from xtts_finetune.data.hearing.ears import Ears, identity
from xtts_finetune.data.in_threads import in_order, one_core_a_thread
from xtts_finetune.evaluation.instruments import AT_ONCE, IN_TURN, INSTRUMENTS
from xtts_finetune.evaluation.instruments.frames import Pace, paces_of
from xtts_finetune.evaluation.instruments.instrument import Instrument, Sound, Take, Voice
from xtts_finetune.evaluation.instruments.panel import Panel
from xtts_finetune.machine.packages import installed_version
from xtts_finetune.records.atomic import json_or_none, write_json_atomic
from xtts_finetune.records.clips import ClipRecord
from xtts_finetune.records.values import digest_of

VERSION = 2
# Enough to know a voice by; more take longer and change little.
RECORDINGS = 24
# Noise and recognition take half a second a recording.
SLOW_RECORDINGS = 8
# Everything else in voice.json is what the instruments found usual.
OWN_KEYS = ("fingerprint", "recordings", "texts")


def voice_fingerprint(clips: Iterable[ClipRecord], ears: Ears) -> str:
    """One hash of the clips that are measured, and of everything else that the readings depend on."""
    known = list(clips)
    depends_on = {
        "version": VERSION,
        "clips": [(clip.sha256, clip.text, clip.language) for clip in chosen_clips(known)],
        "recogniser": identity({clip.language for clip in known}, ears),
        "packages": {package: installed_version(package) for one in INSTRUMENTS for package in one.packages},
        "paces": {language: [pace.slowest, pace.fastest] for language, pace in paces_of(known).items()},
    }
    if versions := {one.name: one.version for one in INSTRUMENTS if one.version}:
        depends_on["instruments"] = versions
    return digest_of(depends_on)


def chosen_clips(clips: Iterable[ClipRecord]) -> list[ClipRecord]:
    """Which recordings of the voice are measured: some, by the hash of their sound."""
    own = {clip.sha256: clip for clip in clips}
    return [own[sha256] for sha256 in sorted(own)[:RECORDINGS]]


def read_voice(path: Path, fingerprint: str) -> Voice | None:
    """The voice in voice.json, if it is of this fingerprint and whole."""
    voice = json_or_none(path, _voice)
    return voice if voice is not None and voice.fingerprint == fingerprint else None


def _voice(record: Mapping[str, Any]) -> Voice:
    rest = {key: value for key, value in record.items() if key not in OWN_KEYS}
    return Voice(str(record["fingerprint"]), int(record["recordings"]), rest, tuple(map(str, record["texts"])))


def write_voice(path: Path, voice: Voice) -> None:
    """Write voice.json, whole or not at all."""
    own = {key: getattr(voice, key) for key in OWN_KEYS}
    write_json_atomic(path, {**own, **voice.usual})


def measure_voice(
    clips: Sequence[ClipRecord], fingerprint: str, panel: Panel, progress: Callable[[int, int], None]
) -> Voice:
    """Measure recordings of the voice; one that cannot be read is passed over.

    progress   is told how many are done, of how many
    """
    chosen = chosen_clips(clips)
    read = in_order(lambda each: _begun(each[1], panel, slow=each[0] < SLOW_RECORDINGS), enumerate(chosen))
    heard: list[tuple[ClipRecord, dict[str, Any]]] = []
    with one_core_a_thread(), closing(read) as results:
        for number, (clip, begun) in enumerate(zip(chosen, results, strict=True)):
            progress(number, len(chosen))
            if begun is not None:
                take, notes = begun
                heard.append((clip, notes | _notes(IN_TURN, take, slow=number < SLOW_RECORDINGS)))
    usual: dict[str, Any] = {}
    for one in INSTRUMENTS:
        usual |= one.usual_of([notes.get(one.name) for _, notes in heard])
    return Voice(fingerprint, len(heard), usual, tuple(clip.text for clip, _ in heard))


def _begun(clip: ClipRecord, panel: Panel, slow: bool) -> tuple[Take, dict[str, Any]] | None:
    """A recording, and what is remembered of it by instruments that read at once; None if it cannot be read."""
    try:
        sound = Sound.of(clip.audio)
    except (OSError, ValueError):
        return None
    take = Take(sound, clip.text, clip.language, clip.normalised or clip.text, panel)
    return take, _notes(AT_ONCE, take, slow)


def _notes(instruments: Sequence[Instrument], take: Take, slow: bool) -> dict[str, Any]:
    """What each of these remembers of a recording, the slow ones only if `slow`."""
    return {one.name: one.remember(take) for one in instruments if slow or not one.slow}


CHECKS_VERSION = 1


def write_checks(path: Path, voice: Voice, paces: Mapping[str, Pace]) -> None:
    """What lines of a shipped voice are checked against, without the texts of its recordings."""
    known = {language: [pace.slowest, pace.fastest] for language, pace in paces.items()}
    write_json_atomic(path, {"version": CHECKS_VERSION, "paces": known, "voice": dict(voice.usual)})


def read_checks(path: Path) -> tuple[Voice, dict[str, Pace]] | None:
    """Voice and paces as `write_checks` wrote them; None where there is nothing that can be read."""
    return json_or_none(path, _checks)


def _checks(record: Mapping[str, Any]) -> tuple[Voice, dict[str, Pace]]:
    if record["version"] != CHECKS_VERSION:
        raise ValueError(f"version {record['version']}")
    paces = {str(language): Pace(float(slow), float(fast)) for language, (slow, fast) in record["paces"].items()}
    return Voice(usual=dict(record["voice"])), paces
