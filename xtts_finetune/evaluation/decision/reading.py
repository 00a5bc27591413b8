"""The matrix read for a mark that is known within an interval: at the mark, and at both ends."""

from __future__ import annotations

from dataclasses import dataclass

from xtts_finetune.evaluation.decision.by_numbers import candidate_to_read
from xtts_finetune.evaluation.decision.evidence import Evidence
from xtts_finetune.evaluation.decision.heard import Heard
from xtts_finetune.evaluation.decision.model import Candidate, Mark
from xtts_finetune.evaluation.decision.words import row_in_words
from xtts_finetune.evaluation.matrix import Fit
from xtts_finetune.evaluation.statistics.looks import MOST_MORE
from xtts_finetune.evaluation.statistics.sample_size import more_for_mark

# Rows are looked for between a mark and the ends of its interval in steps of this.
STEP = 0.01


@dataclass(frozen=True)
class Reading:
    """The matrix read for one candidate at its mark (`fit`), and at both ends of the mark's interval.

    ships  the candidates that may ship, of those that these rows name
    more   further sentences until the interval no longer reaches into a row that ships another; None for too many
    """

    read: Candidate
    fit: Fit | None
    low: Fit | None
    high: Fit | None
    ships: tuple[str, ...]
    more: int | None = 0


def read_matrix(evidence: Evidence, heard: Heard) -> Reading | None:
    """Read the matrix for the candidate that it is to be read for; None where there is none yet."""
    read, _ = candidate_to_read(evidence)
    if read is None:
        return None
    mark = heard.marks.get(read.name)
    ends = [read.quality] * 3 if mark is None else [mark.mark, mark.low, mark.high]
    fit, low, high = (evidence.fit(read, quality) for quality in ends)
    named = [evidence.rows[each.row - 1].ship for each in (fit, low, high) if each is not None]
    ships = tuple(dict.fromkeys(name for name in named if name in evidence.contenders))
    return Reading(read, fit, low, high, ships, _more_sentences(evidence, read, mark) if mark else 0)


def matrix_in_words(evidence: Evidence, heard: Heard, reading: Reading) -> list[str]:
    """Which row holds, and whether another would within the mark's interval."""
    if reading.fit is None:
        said = [f"No row of the matrix holds for {reading.read.name}."]
    else:
        said = [row_in_words(reading.fit)]
    mark = heard.marks.get(reading.read.name)
    shipped = [_ship(evidence, fit) for fit in (reading.low, reading.fit, reading.high)]
    if mark is None or len(set(shipped)) == 1:
        return said
    low, at_mark, high = (name or "none" for name in shipped)
    enough = f"more than {MOST_MORE}" if reading.more is None else f"about {reading.more}"
    said.append(
        f"The mark is not sure enough for the matrix: at {mark.low:.2f} it ships {low}, at {mark.mark:.2f} {at_mark}, "
        f"at {mark.high:.2f} {high}; {enough} further sentences would tell."
    )
    return said


def _ship(evidence: Evidence, fit: Fit | None) -> str | None:
    return None if fit is None else evidence.rows[fit.row - 1].ship


def _more_sentences(evidence: Evidence, read: Candidate, mark: Mark) -> int | None:
    """Further sentences until both ends of the interval are on this side of where another candidate ships."""
    needed = [0]
    for end in (mark.low, mark.high):
        distance = _to_another(evidence, read, mark.mark, end)
        if distance is None:
            continue
        more = more_for_mark(mark.sentences, distance, abs(end - mark.mark))
        if more is None:
            return None
        needed.append(more)
    return max(needed)


def _to_another(evidence: Evidence, read: Candidate, mark: float, end: float) -> float | None:
    """How far from `mark` on the way to `end` the matrix begins to ship another; None where it does not."""
    here = _ship(evidence, evidence.fit(read, mark))
    way = end - mark
    steps = int(abs(way) / STEP) + 1
    for step in range(1, steps + 1):
        distance = abs(way) * step / steps
        if _ship(evidence, evidence.fit(read, mark + (distance if way > 0 else -distance))) != here:
            return distance
    return None
