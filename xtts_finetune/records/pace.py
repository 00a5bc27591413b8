"""How fast a phase goes, by its records, and from that how long it still takes."""

from __future__ import annotations

import contextlib
import math
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from xtts_finetune.records.metrics import EvalRecord, QualityRecord, StepRecord, record_of

# The newest records that count: clips differ in length, and a machine is not as fast at all times.
NEWEST = 200


class Recorded(Protocol):
    """Records of each kind, in the order of their steps; the newest are enough."""

    @property
    def steps(self) -> Sequence[StepRecord]: ...

    @property
    def evals(self) -> Sequence[EvalRecord]: ...

    @property
    def quality(self) -> Sequence[QualityRecord]: ...


@dataclass(frozen=True)
class Length:
    """How long a phase is in steps, and after how many it evaluates and speaks; None where that is not known."""

    steps: int | None
    eval_every: int | None = None
    speak_every_evals: int | None = None


@dataclass(frozen=True)
class Pace:
    """Mean seconds of a step, of an evaluation and of speaking in between; 0 where none is known. `clips` a step."""

    step: float
    clips: float
    evaluation: float = 0.0
    speaking: float = 0.0

    def seconds_left(self, length: Length, done: int = 0) -> float | None:
        """Seconds from step `done` to the phase's end, unless a rule stops it; None where it has no known end."""
        if length.steps is None:
            return None
        evals = _times(length.steps, length.eval_every) - _times(min(done, length.steps), length.eval_every)
        spoken = evals // length.speak_every_evals if length.speak_every_evals else 0
        return max(0, length.steps - done) * self.step + evals * self.evaluation + spoken * self.speaking


class Newest:
    """The newest records of a history that grows."""

    def __init__(self) -> None:
        self.steps: deque[StepRecord] = deque(maxlen=NEWEST)
        self.evals: deque[EvalRecord] = deque(maxlen=NEWEST)
        self.quality: deque[QualityRecord] = deque(maxlen=NEWEST)

    def add(self, content: Mapping[str, Any]) -> None:
        """A line of metrics.jsonl; one that is no record does not count."""
        with contextlib.suppress(KeyError, TypeError, ValueError):
            match record_of(content):
                case StepRecord() as step:
                    self.steps.append(step)
                case EvalRecord() as evaluation:
                    self.evals.append(evaluation)
                case QualityRecord() as spoken:
                    self.quality.append(spoken)


def pace_of(recorded: Recorded) -> Pace | None:
    """The pace of the newest records, None before the second step: the first one takes longer than all others."""
    steps = [record for record in list(recorded.steps)[-NEWEST:] if math.isfinite(record.seconds)]
    if len(steps) < 2:
        return None
    steps = steps[1:]
    return Pace(
        _mean(record.seconds for record in steps),
        _mean(float(record.clips) for record in steps),
        _mean(record.seconds for record in list(recorded.evals)[-NEWEST:]),
        _mean(record.seconds for record in list(recorded.quality)[-NEWEST:]),
    )


def _mean(values: Iterable[float]) -> float:
    finite = [value for value in values if math.isfinite(value)]
    return math.fsum(finite) / len(finite) if finite else 0.0


def _times(steps: int, every: int | None) -> int:
    return steps // every if every else 0
