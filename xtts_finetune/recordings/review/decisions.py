"""What a person decided about stretches, a line each in review.jsonl, and what becomes of the stretches by it.

A decision names its stretch by source, start and end, so that importing again, or more, keeps it. Nothing is ever
taken out of the file: `undo` is a line, too.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

from xtts_finetune.errors import UserError
from xtts_finetune.records.json_lines import JsonLinesWriter, read_json_lines
from xtts_finetune.records.stretches import REVIEW, Reason, Stretch

Action = Literal["keep", "reject", "split", "merge", "undo"]
Key = tuple[str, float, float]
REJECTED = Reason("rejected by you")
CHANGED = Reason("split or merged by you")
# Seconds by which a stretch may have moved since it was decided about, when the recording was read anew.
SAME_WITHIN = 0.25
# What lies between two stretches that are merged: a pause, whatever it was called.
LONGEST_GAP = 2.0


class NotDecided(Exception):
    """A decision that cannot be made, and why; nothing was written."""


@dataclass(frozen=True)
class Decision:
    """One line of review.jsonl.

    text   keep: the corrected text, None for the one that is there; split: of the first part
    rest   split: the text of the second part
    at     split: where, in seconds of the source
    """

    action: Action
    source: str = ""
    start: float = 0.0
    end: float = 0.0
    text: str | None = None
    rest: str | None = None
    at: float | None = None

    def as_json(self) -> dict[str, Any]:
        """The line, without what is not said."""
        if self.action == "undo":
            return {"action": self.action}
        said = {"text": self.text, "rest": self.rest, "at": self.at}
        where = {"source": self.source, "start": round(self.start, 3), "end": round(self.end, 3)}
        return {"action": self.action, **where, **{key: value for key, value in said.items() if value is not None}}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Decision:
        """Raises KeyError, TypeError or ValueError for what is no decision."""
        action = record["action"]
        if action not in get_args(Action):
            raise ValueError(f"there is no action {action!r}")
        if action == "undo":
            return cls(action)
        text, rest, at = record.get("text"), record.get("rest"), record.get("at")
        for value in (text, rest):
            if value is not None and not isinstance(value, str):
                raise TypeError(f"a text is no {type(value).__name__}")
        if action == "split" and (text is None or rest is None or at is None):
            raise ValueError("to split, both texts and the place are needed")
        place = None if at is None else float(at)
        return cls(action, str(record["source"]), float(record["start"]), float(record["end"]), text, rest, place)


def read_decisions(folder: Path) -> list[Decision]:
    """Every line of review.jsonl, those that were taken back too. Raises UserError for a damaged file."""
    path = folder / REVIEW
    found = []
    for number, record in read_json_lines(path):
        try:
            found.append(Decision.from_json(record))
        except (KeyError, TypeError, ValueError) as error:
            raise UserError(f"{path}:{number}: this is no decision ({error!r}); remove the line") from None
    return found


def write_decision(folder: Path, decision: Decision) -> None:
    """Append it; it is on the disk before this returns."""
    with JsonLinesWriter(folder / REVIEW) as writer:
        writer.write(decision.as_json())
        writer.sync()


def in_force(decisions: Iterable[Decision]) -> list[Decision]:
    """Those that were not taken back: each `undo` takes the last one that stands."""
    standing: list[Decision] = []
    for decision in decisions:
        if decision.action != "undo":
            standing.append(decision)
        elif standing:
            standing.pop()
    return standing


def apply(found: Iterable[Stretch], decisions: Iterable[Decision]) -> tuple[list[Stretch], list[Decision], set[Key]]:
    """The stretches as they are after all decisions, those of a source in its order.

    Second, the decisions whose stretch is no longer there; third, which stretches a person has decided about.
    """
    sources: dict[str, list[Stretch]] = {}
    for stretch in found:
        sources.setdefault(stretch.source, []).append(stretch)
    lost: list[Decision] = []
    decided: set[Key] = set()
    for decision in in_force(decisions):
        try:
            decided.update(map(key_of, decide(sources.get(decision.source, []), decision)))
        except NotDecided:
            lost.append(decision)
    now = [stretch for stretches in sources.values() for stretch in stretches]
    return now, lost, decided & set(map(key_of, now))


def key_of(stretch: Stretch) -> Key:
    """What tells a stretch from all others."""
    return stretch.source, round(stretch.start, 3), round(stretch.end, 3)


def decide(stretches: list[Stretch], decision: Decision) -> list[Stretch]:
    """Change the stretches of one source by one decision; gives those that were decided about. Raises NotDecided."""
    place = _place_of(stretches, decision)
    stretch = stretches[place]
    if decision.action == "keep":
        stretches[place] = _kept(stretch, stretch.text if decision.text is None else decision.text)
        return [stretches[place]]
    if decision.action == "reject":
        others = tuple(reason for reason in stretch.reasons if reason != REJECTED)
        stretches[place] = replace(stretch, state="left out", reasons=(REJECTED, *others))
        return [stretches[place]]
    # Each part, and the whole, is heard on its own before it counts as decided about.
    if decision.action == "split":
        stretches[place : place + 1] = _halves(stretch, decision)
    else:
        end, whole = _merged(stretches, place)
        stretches[place:end] = [whole]
    return []


def _place_of(stretches: list[Stretch], decision: Decision) -> int:
    first = bisect_left(stretches, decision.start - SAME_WITHIN, key=lambda stretch: stretch.start)
    after = bisect_left(stretches, decision.start + SAME_WITHIN, key=lambda stretch: stretch.start)
    distances = {place: abs(stretches[place].end - decision.end) for place in range(first, after)}
    nearest = min(distances, key=distances.__getitem__, default=None)
    if nearest is None or distances[nearest] > SAME_WITHIN:
        where = f"{decision.source} from {decision.start:.2f} to {decision.end:.2f} s"
        raise NotDecided(f"there is no stretch of {where} any more; reload the page")
    return nearest


def _kept(stretch: Stretch, text: str) -> Stretch:
    text = " ".join(text.split())
    if not text:
        raise NotDecided("a clip needs its text: type what is said, or reject it")
    if "|" in text:
        raise NotDecided("the text has '|', which stands between the columns of metadata.csv; leave it out")
    # What was found of other words does not hold for these.
    same = text == stretch.text
    return replace(stretch, state="kept", text=text, reasons=(), spoken=stretch.spoken if same else "")


def _halves(stretch: Stretch, decision: Decision) -> tuple[Stretch, Stretch]:
    at = decision.at or 0.0
    if not stretch.start < at < stretch.end:
        raise NotDecided("the place to split at is not inside the clip")
    before = tuple(word for word in stretch.words if word.start + word.end < 2 * at)
    first = replace(stretch, end=at, text=decision.text or "", words=before)
    second = replace(stretch, start=at, text=decision.rest or "", words=stretch.words[len(before) :])
    return _anew(first), _anew(second)


def _merged(stretches: Sequence[Stretch], place: int) -> tuple[int, Stretch]:
    """The stretch with the next one that has words, and the place after that."""
    first, gap = stretches[place], 0.0
    for end in range(place + 1, len(stretches)):
        following = stretches[end]
        if following.words or following.text:
            text = " ".join(f"{first.text} {following.text}".split())
            whole = replace(first, end=following.end, text=text, words=(*first.words, *following.words))
            return end + 1, _anew(whole)
        gap += following.seconds
        if gap > LONGEST_GAP:
            break
    raise NotDecided("there is no speech right after this clip that it could be merged with")


def _anew(stretch: Stretch) -> Stretch:
    """A stretch that nobody has heard as it is now."""
    probabilities = [word.probability for word in stretch.words]
    confidence = sum(probabilities) / len(probabilities) if probabilities else stretch.confidence
    anew = replace(stretch, reasons=(CHANGED,), confidence=confidence, second=None, spoken="")
    return replace(anew, file=None, state="doubtful")
