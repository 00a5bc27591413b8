"""Where speech is, by Silero's network, which faster-whisper carries; and stretches of it that a recogniser reads."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.recordings.sound.envelope import Envelope

# What the network takes at once, and what it is shown of the sound before.
WINDOW, CONTEXT = 512, 64
RATE = 16_000
STEP = WINDOW / RATE
# Speech begins at the first probability and lasts until it falls below the second.
BEGINS, ENDS = 0.5, 0.35
SHORTEST_SPEECH, SHORTEST_PAUSE = 0.1, 0.1

# A recogniser hears 30 s at once; what it is given ends in pauses.
LONGEST_SECTION = 28.0
# After so long a pause a new section begins: in silence recognisers make words up.
PAUSE_BETWEEN_SECTIONS = 2.5
# Seconds of a pause that a section has at its ends.
MARGIN = 0.3
LONGEST_READ = LONGEST_SECTION - 2 * MARGIN

Spans = Sequence[tuple[float, float]]


@dataclass
class SpeechFinder:
    """Takes a recording at 16 kHz block by block; the blocks' length does not change what it finds."""

    _rest: NDArray[np.float32] = field(default_factory=lambda: np.empty(0, np.float32))
    _before: NDArray[np.float32] = field(default_factory=lambda: np.zeros(CONTEXT, np.float32))
    _state: tuple[NDArray[np.float32], ...] = field(
        default_factory=lambda: (np.zeros((1, 1, 128), np.float32), np.zeros((1, 1, 128), np.float32))
    )
    _found: list[NDArray[np.float32]] = field(default_factory=list)

    def add(self, block: NDArray[np.float32]) -> None:
        """The next (samples,)."""
        wave = np.concatenate([self._rest, block])
        whole = len(wave) // WINDOW * WINDOW
        self._rest = wave[whole:]
        if whole:
            self._hear(wave[:whole].reshape(-1, WINDOW))

    def done(self) -> NDArray[np.float32]:
        """(windows,) probability of speech in each 32 ms."""
        if len(self._rest):
            self._hear(np.pad(self._rest, (0, WINDOW - len(self._rest)))[None])
            self._rest = self._rest[:0]
        return np.concatenate(self._found) if self._found else np.empty(0, np.float32)

    def _hear(self, windows: NDArray[np.float32]) -> None:
        tails = windows[:, -CONTEXT:]
        shown = np.concatenate([np.concatenate([self._before[None], tails[:-1]]), windows], axis=1)
        heard, *state = _network().run(None, {"input": shown, "h": self._state[0], "c": self._state[1]})
        self._before, self._state = tails[-1], tuple(state)
        self._found.append(np.asarray(heard, np.float32).reshape(-1))


def _network() -> Any:
    from faster_whisper.vad import get_vad_model  # noqa: PLC0415  heavy

    return get_vad_model().session


def spans_of_speech(probabilities: NDArray[np.float32], end: float) -> list[tuple[float, float]]:
    """Start and end of each stretch of speech in seconds, none after `end`."""
    spans: list[list[float]] = []
    speaking = False
    for window, probability in enumerate(probabilities.tolist()):
        if not speaking and probability >= BEGINS:
            speaking = True
            if spans and window * STEP - spans[-1][1] < SHORTEST_PAUSE:
                spans[-1][1] = (window + 1) * STEP
            else:
                spans.append([window * STEP, (window + 1) * STEP])
        elif speaking and probability >= ENDS:
            spans[-1][1] = (window + 1) * STEP
        else:
            speaking = False
    return [(start, min(stop, end)) for start, stop in spans if min(stop, end) - start >= SHORTEST_SPEECH]


def sections_of(speech: Spans, envelope: Envelope, end: float) -> list[tuple[float, float]]:
    """What a recogniser reads at once: speech with its short pauses, at most 28 s, from pause to pause.

    Where somebody speaks on for longer without a pause, the quietest moment is one.
    """
    groups: list[list[tuple[float, float]]] = []
    for start, stop in (part for span in speech for part in _short_enough(span, envelope)):
        if groups and start - groups[-1][-1][1] < PAUSE_BETWEEN_SECTIONS:
            groups[-1].append((start, stop))
        else:
            groups.append([(start, stop)])
    parts = [part for group in groups for part in _split(group)]
    sections = []
    for number, (start, stop) in enumerate(parts):
        before = parts[number - 1][1] if number else -2 * MARGIN
        after = parts[number + 1][0] if number + 1 < len(parts) else end + 2 * MARGIN
        first = max(0.0, start - min(MARGIN, (start - before) / 2))
        last = min(end, stop + min(MARGIN, (after - stop) / 2))
        sections.append((round(first, 3), round(last, 3)))
    return sections


def _split(group: Spans) -> Iterator[tuple[float, float]]:
    """A group of spans in parts of at most 28 s: cut at the longest pause that leaves no part short."""
    while group[-1][1] - group[0][0] > LONGEST_READ:
        start = group[0][0]
        cuts = [number for number in range(1, len(group)) if group[number - 1][1] - start <= LONGEST_READ]
        late = [number for number in cuts if group[number - 1][1] - start > LONGEST_READ / 3]
        cut = max(late or cuts, key=lambda number: (group[number][0] - group[number - 1][1], number))
        yield start, group[cut - 1][1]
        group = group[cut:]
    yield group[0][0], group[-1][1]


def _short_enough(span: tuple[float, float], envelope: Envelope) -> list[tuple[float, float]]:
    """Speech without a pause in parts that a section can hold, cut at the quietest tenth of a second."""
    start, end = span
    parts = []
    while end - start > LONGEST_READ:
        first = round((start + LONGEST_READ / 2) / envelope.step)
        last = round((start + LONGEST_READ) / envelope.step)
        power = 10 ** (envelope.level_db[first:last].astype(np.float64) / 10)
        quietest = int(np.convolve(power, np.ones(10), mode="valid").argmin())
        middle = (first + quietest + 5) * envelope.step
        parts.append((start, middle))
        start = middle
    return [*parts, (start, end)]
