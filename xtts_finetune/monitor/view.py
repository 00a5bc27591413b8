"""What all views show: plain values alone, so that a page, a terminal and a program get the same."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

from xtts_finetune.monitor.buckets import Stretch
from xtts_finetune.records.heard.sample_faults import SampleFault
from xtts_finetune.records.values import strict_json
from xtts_finetune.records.verdict import Verdict

StateKind = Literal["waiting", "running", "stalled", "gone", "stopped", "paused", "finished"]


@dataclass(frozen=True)
class State:
    """Whether somebody is at work: `words` in one line, `cure` what to do where something is wrong."""

    kind: StateKind
    words: str
    cure: str = ""


@dataclass(frozen=True)
class Work:
    """What is being done now: `done` of `total` (None: not known), `seconds_left` where it can be told."""

    job: str
    what: str
    done: int
    total: int | None
    seconds_left: float | None = None


@dataclass(frozen=True)
class Gauge:
    """One of the three numbers that tell a calm run: warned of beyond `limit`, aimed at is `target`."""

    name: str
    words: str
    value: float | None
    limit: float
    target: float
    state: Literal["too early", "good", "fair", "warning"]


@dataclass(frozen=True)
class Warned:
    """A warning: its name, what was found, and what to change."""

    name: str
    title: str
    found: str
    cure: str
    where: str = ""


@dataclass(frozen=True)
class Finding:
    """A declared value outside what is usual: what it is, what is usual, and why."""

    phase: str
    key: str
    value: str
    usual: str
    why: str


@dataclass(frozen=True)
class Evaluation:
    """One evaluation: nats, but text_ce in 0.01 x nats; None is not finite or not measured."""

    step: int
    mel_ce: float | None
    text_ce: float | None
    stop_ce: float | None
    train_mel_ce: float | None


@dataclass(frozen=True)
class Throughput:
    """How fast the last steps were: seconds a step, clips a second, the share of time that loading took."""

    seconds_a_step: float
    clips_a_second: float
    loading_share: float


@dataclass(frozen=True)
class Sound:
    """One sample: `file` is relative to the run's folder. `step` is of a model in the middle of a phase."""

    id: str
    text: str
    file: str
    seconds: float | None
    faults: tuple[SampleFault, ...] = ()
    step: int | None = None


@dataclass(frozen=True)
class Candidate:
    """The base, a phase (`trained`), or what is made of others.

    `version` tells whether its curves changed since they were last looked at.
    """

    name: str
    goal: str
    trained: bool
    status: str
    message: str
    step: int
    planned: int | None
    epoch: float
    clip: float | None
    eval_count: int
    initial: Evaluation | None
    best: Evaluation | None
    last: Evaluation | None
    evals: tuple[Evaluation, ...]
    sounds: tuple[Sound, ...]
    version: int


@dataclass(frozen=True)
class BestModel:
    """The candidate that ships, or else the best so far by mel_ce, at its best evaluation."""

    name: str
    ships: bool
    trained: bool
    evaluation: Evaluation


@dataclass(frozen=True)
class Machine:
    """Room on the run's disk and memory of this machine, in bytes; None where they cannot be told."""

    disk_free: int | None
    disk_total: int | None
    memory_used: int | None
    memory_total: int | None
    process_memory: int | None


@dataclass(frozen=True)
class Run:
    """All about one run. `base_mel_ce` is what the curves are compared with."""

    name: str
    folder: str
    state: State
    work: Work | None
    candidates: tuple[Candidate, ...]
    gauges: tuple[Gauge, ...]
    warnings: tuple[Warned, ...]
    review: tuple[Finding, ...]
    throughput: Throughput | None
    machine: Machine
    decision: Verdict | None
    notes: tuple[str, ...]
    newest_record: float | None
    best: BestModel | None = None

    def to_json(self) -> dict[str, Any]:
        """As the page and --json have it; curves come apart (`curves_json`)."""
        return dict(strict_json(asdict(self)))

    @property
    def phases(self) -> tuple[Candidate, ...]:
        """The candidates that are trained."""
        return tuple(one for one in self.candidates if one.trained)

    @property
    def current(self) -> Candidate | None:
        """The phase that is trained now, or was last."""
        trained = [one for one in self.phases if one.version]
        return trained[-1] if trained else None


Curves = dict[str, list[Stretch]]
