"""Whose voice a stretch of speech is: an embedding of each, sorted into voices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from string import ascii_uppercase

import numpy as np
from numpy.typing import NDArray

from xtts_finetune.evaluation.instruments.panel import NotMeasured, installed_file
from xtts_finetune.evaluation.instruments.similarity import INSTALL, SpeakerEncoder
from xtts_finetune.recordings.voices.timbre import SIZE, Timbre
from xtts_finetune.records.stretches import Reason

Wave = NDArray[np.float32]
Embedding = NDArray[np.float32]
Intervals = Sequence[tuple[float, float]]

# Voices are found among stretches of this length; shorter ones go to the voice that they resemble most.
TELLING_SECONDS = 2.0
# More than these are not compared each with each: 8 bytes a pair.
MOST_COMPARED = 3000
OTHER_VOICE = "another voice"
# The size that 1 % of the samples exceed, and one that is silence.
LOUDNESS, SILENCE = 0.3, 1e-4
# Fewer stretches of a voice do not say how much they resemble each other.
FEWEST_OF_A_VOICE = 3


@dataclass(frozen=True)
class Likeness:
    """When two groups of stretches are two voices, by the mean cosine of their pairs.

    strangers   beneath it in any case
    kin         never above it; between the two, where each group's own pairs are more alike by `margin`
    sides       beneath it, two sides of one stretch, which are short, are two voices
    """

    strangers: float
    kin: float
    margin: float
    sides: float

    def two_voices(self, between: float, own: float, fewest: int) -> bool:
        """`own` of the less alike group; `fewest` stretches in the smaller one."""
        if between < self.strangers:
            return True
        return between < self.kin and fewest >= FEWEST_OF_A_VOICE and own - between > self.margin


# Measured on sixteen natural voices in dry, noisy and echoing rooms: sentences of one voice have 0.82 to 0.95 by GE2E,
# strangers of one sex 0.45 to 0.8.
GE2E = Likeness(strangers=0.72, kin=0.88, margin=0.1, sides=0.68)
TIMBRE = Likeness(strangers=0.55, kin=0.85, margin=0.2, sides=0.3)


def voices_told_by() -> str:
    """What embeddings are made with on this machine: those of one are not to be compared with those of the other."""
    return "timbre" if encoder_missing() else "encoder"


def encoder_missing() -> str | None:
    """What to tell a user on whose machine voices are told apart by timbre; None where the encoder is installed."""
    try:
        installed_file("resemblyzer", "pretrained.pt", INSTALL)
    except NotMeasured:
        return f"Voices are told apart by pitch and timbre alone. A speaker encoder is more certain: {INSTALL}"
    return None


class VoiceSorter:
    """Tells voices apart by the GE2E encoder where resemblyzer's weights are installed, else by timbre and pitch.

    The same recordings give the same labels, A for who speaks most.
    """

    def __init__(self) -> None:
        """Nothing is loaded before the first embedding."""
        self._teller: SpeakerEncoder | Timbre | None = None

    def embed(self, wave: Wave, rate: int) -> Embedding | None:
        """(256,) by the encoder or (17,) by timbre, of unit length; None where nothing is audible."""
        if self._teller is None:
            self._teller = Timbre() if encoder_missing() else _encoder()
        # What is audible is judged by full scale; a quiet voice is the same voice.
        loudest = float(np.percentile(np.abs(wave), 99)) if len(wave) else 0.0
        return self._teller.embed(np.asarray(wave * (LOUDNESS / max(loudest, SILENCE)), dtype=np.float32), rate)

    def sort(self, embeddings: Sequence[Embedding], seconds: Sequence[float]) -> list[str]:
        """The label of each stretch: 'A' for the voice with most seconds, 'B' for the next."""
        if not embeddings:
            return []
        voices, weights = np.stack(embeddings).astype(np.float64), np.asarray(seconds, dtype=np.float64)
        telling = np.flatnonzero(weights >= min(TELLING_SECONDS, float(weights.max())))
        telling = np.sort(telling[np.argsort(-weights[telling], kind="stable")[:MOST_COMPARED]])
        groups = _groups(voices[telling], _likeness(voices.shape[1]))
        centres = np.stack([_unit(voices[telling][groups == group].sum(axis=0)) for group in range(groups.max() + 1)])
        nearest = np.argmax(voices @ centres.T, axis=1)
        nearest[telling] = groups
        spoken = np.bincount(nearest, weights=weights, minlength=len(centres))
        rank = {int(group): place for place, group in enumerate(np.argsort(-spoken, kind="stable"))}
        return [_label(rank[int(group)]) for group in nearest]

    def change_in(self, wave: Wave, words: Intervals, rate: int) -> tuple[Reason, ...]:
        """Why a stretch is doubtful in which one voice follows another at a pause between its `words` (in seconds)."""
        end = len(wave) / rate
        pauses = [
            (after - before, (before + after) / 2)
            for (_, before), (after, _) in pairwise(words)
            if before >= TELLING_SECONDS and end - after >= TELLING_SECONDS
        ]
        if not pauses:
            return ()
        # The longest ones: who speaks next waits a moment.
        for _, at in sorted(pauses, reverse=True)[:2]:
            sides = [self.embed(side, rate) for side in (wave[: round(at * rate)], wave[round(at * rate) :])]
            if sides[0] is None or sides[1] is None:
                continue
            if float(sides[0] @ sides[1]) < _likeness(len(sides[0])).sides:
                return (Reason(OTHER_VOICE, f"the voice changes {at:.1f} s after its start"),)
        return ()


def _encoder() -> SpeakerEncoder:
    import torch  # noqa: PLC0415  heavy

    # Its windows are small: where another program keeps a core busy, two threads take six times as long as one.
    torch.set_num_threads(1)
    return SpeakerEncoder()


def _likeness(size: int) -> Likeness:
    return TIMBRE if size == SIZE else GE2E


def _groups(voices: NDArray[np.float64], likeness: Likeness) -> NDArray[np.intp]:
    """(stretches,) 0 and up. Average linkage of cosines, its tree cut from the top for as long as the halves differ."""
    from scipy.cluster.hierarchy import linkage, to_tree  # noqa: PLC0415  heavy
    from scipy.spatial.distance import pdist  # noqa: PLC0415

    groups = np.zeros(len(voices), dtype=np.intp)
    if len(voices) == 1:
        return groups
    cosines = voices @ voices.T
    todo, found = [to_tree(linkage(pdist(voices, "cosine"), "average"))], 0
    while todo:
        node = todo.pop()
        if not node.is_leaf():
            halves = [node.left.pre_order(), node.right.pre_order()]
            own = min(_mean_of_pairs(cosines, half) for half in halves)
            if likeness.two_voices(1.0 - node.dist, own, min(map(len, halves))):
                todo += [node.right, node.left]
                continue
        groups[node.pre_order()] = found
        found += 1
    return groups


def _mean_of_pairs(cosines: NDArray[np.float64], members: Sequence[int]) -> float:
    count = len(members)
    if count == 1:
        return 1.0
    return (float(cosines[np.ix_(members, members)].sum()) - count) / (count * (count - 1))


def _label(place: int) -> str:
    """A to Z, then AA."""
    letters = ""
    place += 1
    while place:
        place, letter = divmod(place - 1, len(ascii_uppercase))
        letters = ascii_uppercase[letter] + letters
    return letters


def _unit(vector: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(vector / max(float(np.linalg.norm(vector)), 1e-12))
