"""The diagnosis: a verdict with its numbers, in words, with what to do and the command to type."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from xtts_finetune.curves.curves import Curves, Unit
from xtts_finetune.curves.diagnosis.advice import Advice, Place, advise
from xtts_finetune.curves.diagnosis.causes import causes_of
from xtts_finetune.curves.diagnosis.measured import measured
from xtts_finetune.curves.diagnosis.wording import words_of
from xtts_finetune.curves.movement import RELEVANT
from xtts_finetune.curves.verdict import Judgement, Verdict, Which, judge

VERSION = 1


@dataclass(frozen=True)
class Diagnosis:
    """What curves say.

    `which` curve was judged and what the file calls it (`judged`); `since` is the position (in `unit`) since which
    the verdict holds, None where it has none; `level` is where the curve is now, a plateau's by the line through it.
    `numbers` are those that the verdict rests on, by name; docs/diagnosing.md says what each is. `words` say the
    verdict, `causes` what often lies behind such numbers, `recommendation` what to do and `command` what to type,
    `also` other commands.
    `remedies` names the remedies worth trying, `optimization_level` the level to switch to; None for neither.
    """

    verdict: Verdict
    since: float | None
    level: float | None
    numbers: Mapping[str, float]
    words: str
    recommendation: str
    command: str
    which: Which
    judged: str
    unit: Unit
    causes: tuple[str, ...] = ()
    also: tuple[str, ...] = ()
    remedies: tuple[str, ...] = ()
    optimization_level: str | None = None
    curves: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """As `diagnose --json` prints it and race.json holds it; numbers that are not finite become null."""
        return {
            "version": VERSION,
            "verdict": self.verdict,
            "since": _or_none(self.since),
            "level": _or_none(self.level),
            "unit": self.unit,
            "which": self.which,
            "judged": self.judged,
            "numbers": {name: _or_none(value) for name, value in self.numbers.items()},
            "words": self.words,
            "causes": list(self.causes),
            "recommendation": self.recommendation,
            "command": self.command,
            "also": list(self.also),
            "remedies": list(self.remedies),
            "optimization_level": self.optimization_level,
            "curves": dict(self.curves),
        }


def diagnose(curves: Curves, place: Place | None = None, relevant: float = RELEVANT) -> Diagnosis:
    """The diagnosis of curves. `place` says which phase of which declaration they are of, for the commands.

    `relevant` is the share of the value whose loss over the next ten values (or a third of the run) would be
    worth waiting for. Any curves give a diagnosis: of too few values, that it is too short to tell.
    """
    judged = judge(curves, relevant)
    numbers = measured(curves, judged)
    advice: Advice = advise(judged, numbers, place or Place(curves.phase))
    return Diagnosis(
        judged.verdict,
        since_of(judged),
        judged.end.level if judged.end is not None and judged.verdict == "plateau" else numbers.get("last"),
        numbers,
        words_of(judged, numbers, curves.unit),
        advice.words,
        advice.command,
        judged.which,
        judged.curve.name or judged.which,
        curves.unit,
        causes_of(curves, judged, numbers),
        advice.also,
        advice.remedies,
        advice.optimization_level,
        curves.to_json(),
    )


def since_of(judged: Judgement) -> float | None:
    """The position since which the verdict holds."""
    if judged.finding is not None:
        return judged.finding.since
    if judged.end is None or judged.verdict == "too short":
        return None
    return judged.end.since if judged.end.since is not None else judged.end.start


def _or_none(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
