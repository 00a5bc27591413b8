"""What an import made of a recording, in figures: cuts, share of the speech, word errors, what was planted."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

from benchmarks.recordings.truth import Truth, errors, normal, overlap, times
from xtts_finetune.records.stretches import Stretch

BENEATH_DB, AROUND = 30.0, 0.02
INSIDE_WORD = 0.005
FLAGGED = 0.5
REASONS = {
    "music": ("music",),
    "music under speech": ("music",),
    "another voice": ("another voice",),
    "applause": ("applause", "noise", "music"),
    "cough": ("noise", "no words", "silence", "applause"),
    "noise": ("noise",),
    "clipped": ("clipped",),
    "quiet": ("too quiet",),
}


@dataclass
class Cuts:
    """Beginnings and ends of clips, and which of them lie where they must not."""

    clips: int = 0
    in_sound: list[float] = field(default_factory=list)
    in_word: list[tuple[float, str]] = field(default_factory=list)

    def as_json(self) -> dict[str, Any]:
        return {"clips": self.clips, "cuts": 2 * self.clips, "in sound": self.in_sound, "inside a word": self.in_word}


def cuts_of(truth: Truth, clips: Iterable[tuple[float, float]]) -> Cuts:
    """A cut lies in sound if the loudest 10 ms within 20 ms of it are less than 30 dB beneath the speech around."""
    found = Cuts()
    for start, end in clips:
        found.clips += 1
        for cut in (start, end):
            if truth.loudest(cut - AROUND, cut + AROUND) > truth.speech_level(cut) - BENEATH_DB:
                found.in_sound.append(round(cut, 3))
            cut_word = next((w for w in truth.words if w.start + INSIDE_WORD < cut < w.end - INSIDE_WORD), None)
            if cut_word is not None:
                found.in_word.append((round(cut, 3), cut_word.text))
    return found


def edges_of_files(folder: Path, stretches: Iterable[Stretch]) -> dict[str, Any]:
    """The clips themselves: their first and last 20 ms beneath their own level, and steps at their ends."""
    beneath, steps, count = [], 0, 0
    for stretch in stretches:
        if stretch.file is None:
            continue
        audio, rate = soundfile.read(folder / stretch.file, dtype="float32")
        size = int(0.02 * rate)
        level = float(np.square(audio).mean()) + 1e-12
        beneath += [
            10 * np.log10(level / (float(np.square(part).mean()) + 1e-12)) for part in (audio[:size], audio[-size:])
        ]
        steps += int(abs(audio[0]) > 0.01) + int(abs(audio[-1]) > 0.01)
        count += 1
    loud = int(sum(value < BENEATH_DB for value in beneath))
    return {
        "files": count,
        "ends less than 30 dB beneath": loud,
        "least": round(float(min(beneath, default=0.0)), 1),
        "steps": steps,
    }


def share_of_speech(truth: Truth, stretches: list[Stretch]) -> dict[str, float]:
    """Of the seconds in which the main speaker speaks: how many lie in clips."""
    total = sum(sentence["end"] - sentence["start"] for sentence in truth.main)

    def share(*states: str) -> float:
        within = times(stretches, *states)
        return round(sum(overlap(s["start"], s["end"], within) for s in truth.main) / total, 4)

    return {"seconds": round(total, 1), "kept": share("kept"), "kept or doubtful": share("kept", "doubtful")}


def word_errors(truth: Truth, stretches: Iterable[Stretch], state: str = "kept") -> dict[str, Any]:
    """Words of the clips' texts against what the main speaker says between their ends."""
    wrong, words, clips = 0, 0, []
    for stretch in stretches:
        if stretch.state == state and stretch.file is not None:
            said = normal(truth.spoken_between(stretch.start, stretch.end))
            missed = errors(normal(stretch.text), said)
            wrong, words = wrong + missed, words + len(said)
            if missed:
                clips.append(
                    [round(stretch.start, 2), missed, stretch.text, truth.spoken_between(stretch.start, stretch.end)]
                )
    return {"errors": wrong, "words": words, "rate": round(wrong / max(1, words), 4), "clips with errors": clips}


def planted(truth: Truth, stretches: list[Stretch]) -> list[dict[str, Any]]:
    """Each planted event: its share in stretches that are not kept, and whether one of them names the reason."""
    found = []
    for event in truth.events:
        start, end = event["start"], event["end"]
        beneath = [s for s in stretches if s.state != "kept" and min(end, s.end) - max(start, s.start) > 0.05]
        share = overlap(start, end, [(s.start, s.end) for s in beneath]) / (end - start)
        named = [s for s in beneath if any(reason.kind in REASONS[event["kind"]] for reason in s.reasons)]
        by_reason = overlap(start, end, [(s.start, s.end) for s in named]) / (end - start)
        kinds = sorted({reason.kind for s in beneath for reason in s.reasons})
        found.append({**event, "not kept": round(share, 3), "with its reason": round(by_reason, 3), "reasons": kinds,
                      "flagged": share >= FLAGGED and bool(named)})  # fmt: skip
    return found


def planted_by_kind(events: Iterable[dict[str, Any]]) -> dict[str, str]:
    kinds: dict[str, list[bool]] = {}
    for event in events:
        kinds.setdefault(event["kind"], []).append(event["flagged"])
    return {kind: f"{sum(flags)} of {len(flags)}" for kind, flags in kinds.items()}


def accounted(truth: Truth, stretches: list[Stretch]) -> dict[str, float]:
    """Whether the stretches follow each other from 0 to the end: the largest gap or overlap, in seconds."""
    ordered = sorted(stretches, key=lambda stretch: stretch.start)
    edges = [0.0, *(edge for stretch in ordered for edge in (stretch.start, stretch.end)), truth.seconds]
    steps = [abs(second - first) for first, second in zip(edges[::2], edges[1::2], strict=True)]
    lengths = [stretch.seconds for stretch in ordered if stretch.file is not None]
    return {
        "largest gap": round(max(steps), 4),
        "stretches": len(ordered),
        "clips": len(lengths),
        "shortest": round(min(lengths, default=0.0), 2),
        "median": round(float(np.median(lengths or [0.0])), 2),
        "longest": round(max(lengths, default=0.0), 2),
    }


def of_others(truth: Truth, stretches: list[Stretch]) -> float:
    """Seconds of other speakers in kept clips."""
    kept = times(stretches, "kept")
    others = [sentence for sentence in truth.sentences if sentence not in truth.main]
    return round(sum(overlap(s["start"], s["end"], kept) for s in others), 2)
