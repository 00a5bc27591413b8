"""The review of one data set: what is shown of each stretch, and what happens when a decision comes in."""

from __future__ import annotations

import io
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from numpy.typing import NDArray

from xtts_finetune.data.sound.audio import read_audio
from xtts_finetune.errors import UserError
from xtts_finetune.numbers.fixed import SAMPLE_RATE
from xtts_finetune.recordings.clips import part_of
from xtts_finetune.recordings.review.decisions import (
    Decision,
    Key,
    NotDecided,
    decide,
    in_force,
    key_of,
    read_decisions,
    write_decision,
)
from xtts_finetune.recordings.review.renewing import renew
from xtts_finetune.recordings.review.splitting import between_words, split_at, texts_at, time_of_caret
from xtts_finetune.recordings.telling import init_command
from xtts_finetune.records.stretches import STRETCHES, Stretch

Wave = NDArray[np.float32]

PEAKS = 320
# Longer stretches have no clip, and nobody needs all of them to know what they are.
MOST_SECONDS = 30.0
LONGEST_TEXT = 2_000


class Desk:
    """Everything is written before it is shown; one decision at a time, whichever page it comes from."""

    def __init__(self, folder: Path) -> None:
        """Raises UserError where the folder is no data set made of recordings, or a file of it is damaged."""
        if not (folder / STRETCHES).is_file():
            raise UserError(
                f"{folder} has no {STRETCHES}: it was not made by 'xtts-finetune import'; give the folder that "
                "'--to' named"
            )
        self.folder = folder
        self._lock = threading.Lock()
        self._load()

    def _load(self) -> None:
        renewed = renew(self.folder)
        self.lost = len(renewed.lost)
        self._undoable = len(in_force(read_decisions(self.folder)))
        self._decided = renewed.decided
        sources = list(dict.fromkeys(stretch.source for stretch in renewed.stretches))
        self._names = {source: number for number, source in enumerate(sources)}
        self._stretches: dict[Key, Stretch] = {key_of(stretch): stretch for stretch in renewed.stretches}
        self._by_id = {self._id(stretch): stretch for stretch in renewed.stretches}

    def state(self) -> dict[str, Any]:
        """All that the page shows."""
        with self._lock:
            return self._state()

    @property
    def next_command(self) -> str:
        """What sets up a voice with the data set."""
        return init_command(self.folder, self._stretches.values())

    def _state(self) -> dict[str, Any]:
        shown = [self._shown(stretch) for stretch in self._stretches.values()]
        return {"folder": self.folder.name, "clips": shown, "undoable": self._undoable, "lost": self.lost}

    def _id(self, stretch: Stretch) -> str:
        return f"{self._names[stretch.source]}-{round(stretch.start * 1000)}-{round(stretch.end * 1000)}"

    def _shown(self, stretch: Stretch) -> dict[str, Any]:
        return {
            "id": self._id(stretch),
            "source": Path(stretch.source).name,
            "start": stretch.start,
            "seconds": round(stretch.seconds, 2),
            "text": stretch.text,
            "spoken": stretch.spoken,
            "second": stretch.second or "",
            "state": stretch.state,
            "reasons": [str(reason) for reason in stretch.reasons],
            "confidence": stretch.confidence,
            "speaker": stretch.speaker,
            "decided": key_of(stretch) in self._decided,
            "words": [[word.text, round(word.start - stretch.start, 2)] for word in stretch.words],
        }

    def take(self, asked: Mapping[str, Any]) -> dict[str, Any]:
        """Make a decision that a page sent; gives what changed. Raises NotDecided; nothing is written then."""
        with self._lock:
            before = {clip["id"]: clip for clip in self._state()["clips"]}
            decision = self._decision(asked)
            if decision.action != "undo":
                here = [stretch for stretch in self._stretches.values() if stretch.source == decision.source]
                decide(here, decision)
            elif not self._undoable:
                raise NotDecided("there is nothing to undo")
            write_decision(self.folder, decision)
            self._load()
            state = self._state()
        after = {clip["id"]: clip for clip in state["clips"]}
        changed = [clip for name, clip in after.items() if before.get(name) != clip]
        gone = [name for name in before if name not in after]
        return {**state, "clips": changed, "gone": gone}

    def _decision(self, asked: Mapping[str, Any]) -> Decision:
        action = asked.get("action")
        if action == "undo":
            return Decision("undo")
        stretch = self._by_id.get(str(asked.get("id")))
        if stretch is None:
            raise NotDecided("this clip has changed meanwhile, in another window; reload the page")
        text = str(asked.get("text", stretch.text))
        if len(text) > LONGEST_TEXT:
            raise NotDecided(f"a text of {len(text)} letters is no text of one clip")
        where = (stretch.source, stretch.start, stretch.end)
        if action == "keep":
            return Decision("keep", *where, text=None if text == stretch.text else text)
        if action in ("reject", "merge"):
            return Decision("reject" if action == "reject" else "merge", *where)
        if action != "split":
            raise NotDecided(f"there is no action {action!r}")
        wave, lead = self._wave(stretch)
        try:
            caret = None if asked.get("caret") is None else int(asked["caret"])
            seconds = float(asked.get("seconds", 0.0)) - lead
        except (TypeError, ValueError):
            raise NotDecided("a place to split at is a number") from None
        if caret is not None:
            caret = between_words(text, caret)
            seconds = time_of_caret(stretch, text, caret) - stretch.start
        at = stretch.start + split_at(wave, SAMPLE_RATE, seconds + lead) - lead
        parts = texts_at(stretch, text, at) if caret is None else (text[:caret].strip(), text[caret:].strip())
        if not all(parts):
            raise NotDecided("one part would have no words: put the cursor, or stop the player, between two words")
        return Decision("split", *where, text=parts[0], rest=parts[1], at=round(at, 3))

    def sound(self, name: str) -> tuple[bytes, str]:
        """A stretch as a file and its kind: its clip, or cut from its recording. KeyError, AudioError, OSError."""
        stretch = self._by_id[name]
        if (file := self._clip(stretch)) is not None:
            return file.read_bytes(), "audio/flac"
        written = io.BytesIO()
        soundfile.write(written, self._wave(stretch)[0], SAMPLE_RATE, format="WAV", subtype="PCM_16")
        return written.getvalue(), "audio/wav"

    def peaks(self, name: str) -> list[float]:
        """The outline of what `sound` gives: the highest level of each of 320 parts, 0 to 1."""
        wave = np.abs(self._wave(self._by_id[name])[0])
        parts = np.array_split(wave, min(PEAKS, max(1, len(wave))))
        return [round(float(part.max(initial=0.0)), 3) for part in parts]

    def _clip(self, stretch: Stretch) -> Path | None:
        file = None if stretch.file is None else self.folder / stretch.file
        return file if file is not None and file.is_file() else None

    def _wave(self, stretch: Stretch) -> tuple[Wave, float]:
        """(samples,) at 22 050 Hz of the clip, or of the recording; and the seconds of it before the stretch."""
        if (file := self._clip(stretch)) is not None:
            wave = read_audio(file)
            return wave, max(0.0, len(wave) / SAMPLE_RATE - stretch.seconds) / 2
        return part_of(self.folder, stretch, MOST_SECONDS), 0.0
