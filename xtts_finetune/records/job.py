"""What a child process is told of its work, what machines tell each other of a launch, and what a child reports."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from pydantic import TypeAdapter, ValidationError

from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.records.atomic import read_json, write_json_atomic
from xtts_finetune.records.json_lines import JsonLinesTail, JsonLinesWriter, read_json_lines
from xtts_finetune.records.run_folder import RunFolder


@dataclass(frozen=True)
class Progress:
    """`done` of `total` are finished; `what` says in words what is being worked on."""

    done: int
    total: int
    what: str


class EventWriter:
    """Writes a job's progress. A new writer starts a new file: a job's progress begins at nothing.

    Unless it is not to begin `anew`: several processes of one job write one after another.
    """

    def __init__(self, path: Path, anew: bool = True) -> None:
        if anew:
            path.unlink(missing_ok=True)
        self._lines = JsonLinesWriter(path)

    def progress(self, done: int, total: int, what: str) -> None:
        """Say how far the job is."""
        self._lines.write({"kind": "progress", "done": done, "total": total, "what": what})

    def note(self, message: str) -> None:
        """Say something aloud that the user should know."""
        self._lines.write({"kind": "note", "message": message})

    def failed(self, message: str) -> None:
        """Say on one line why the job ends without having done its work."""
        self._lines.write({"kind": "failed", "message": message})

    def close(self) -> None:
        """Close the file; a second call does nothing."""
        self._lines.close()

    def __enter__(self) -> EventWriter:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()


@dataclass(frozen=True)
class News:
    """What a job said since it was last listened to: its newest progress, if any, and what it said aloud."""

    progress: Progress | None
    notes: list[str]


class EventTail:
    """Follows a job's events while it runs."""

    def __init__(self, path: Path) -> None:
        self._tail = JsonLinesTail(path)

    def new(self) -> News:
        """What was said since the last call."""
        progress, notes = None, []
        for record in self._tail.new():
            if record.get("kind") == "progress":
                progress = Progress(int(record["done"]), int(record["total"]), str(record["what"]))
            elif record.get("kind") == "note":
                notes.append(str(record["message"]))
        return News(progress, notes)


def failure_of(path: Path) -> str | None:
    """What a job said about its own failure, or None."""
    messages = [str(record["message"]) for _, record in read_json_lines(path) if record.get("kind") == "failed"]
    return messages[-1] if messages else None


Message = TypeVar("Message", bound="_Message")


def ran_in_words(batch_size: int, accumulate: int, gradient_checkpointing: bool) -> str:
    """'batch_size 1 and accumulate 3, with gradient_checkpointing'."""
    return f"batch_size {batch_size} and accumulate {accumulate}" + (
        ", with gradient_checkpointing" if gradient_checkpointing else ""
    )


@dataclass(frozen=True)
class RanWith:
    """What saves memory in place of what was declared, from a step on; as many clips an optimizer step as declared.

    `gradient_checkpointing`: each layer is computed twice, though that was not declared.
    """

    batch_size: int
    accumulate: int
    from_step: int
    why: str
    gradient_checkpointing: bool = False

    def __str__(self) -> str:
        return ran_in_words(self.batch_size, self.accumulate, self.gradient_checkpointing)

    def to_json(self) -> dict[str, Any]:
        """As phase.yaml and model_info.json hold it."""
        return asdict(self)


@dataclass(frozen=True)
class LaunchPlan:
    """What to start: `devices` ranks here, on one of so many machines, which meet at `host` and `port`.

    Without a host there is one machine, and the system chooses the port. `restarts` and `silent_seconds` are the
    phase's keys. The machine that `leads` waits `join_seconds` for the others.
    """

    devices: int
    restarts: int
    silent_seconds: float
    machines: int = 1
    host: str | None = None
    port: int = 0
    leads: bool = True
    join_seconds: int = 600


@dataclass(frozen=True)
class _Message:
    def write(self, file: Path) -> None:
        """Write it as JSON, whole or not at all."""
        write_json_atomic(file, asdict(self))

    @classmethod
    def from_json(cls: type[Message], content: object) -> Message:
        """What its JSON says; unknown keys are ignored. Raises ValueError that names keys that are missing or wrong."""
        try:
            return TypeAdapter(cls).validate_python(content)
        except ValidationError as error:
            faults = [f"{'.'.join(map(str, each['loc']))}: {each['msg'].lower()}" for each in error.errors()]
            raise ValueError("; ".join(faults)) from None

    @classmethod
    def read(cls: type[Message], file: Path) -> Message:
        """What `write` wrote. Raises UserError that names the file where it cannot be read so."""
        return read_json(file, cls.from_json, "damaged", "start the command again")


@dataclass(frozen=True)
class Job(_Message):
    """What a child process is told: which declaration, which folders, which part of the work.

    declaration_file   pipeline.yaml; `overrides` are what `--set` changes in it, as KEY=VALUE
    run_folder         where results go; the clips and the eval set are in `data_folder`, mostly the same
    device             'auto', 'cpu', 'cuda' or 'cuda:1', as asked for
    events             where the child says how far it is, as JSON lines
    fingerprint        of what the results depend on: they are recorded with it
    candidate          whom a job that is no phase is about

    Of a phase:
    phase              its name; '' on a machine that follows, until the leading one has said it
    started            ISO 8601 time of its first start
    commands           what a user types next: 'again' goes on with this phase, 'go_on' is what comes after it
    ran_with           smaller batches, after memory ran out; None: as declared
    continued_at       the step from which on it trains under other values than before; 0: none
    pause_at           the step at which it waits with a checkpoint; None: it does not
    launch             the processes that train it together; None: one process alone
    more, halves       whether this command trains other phases after it, and tries smaller batches if memory runs out

    On a machine that follows:
    launches           what to start here, by the name of the phase
    heard              ids of the launches that it has taken part in
    news               where it writes what the leading machine tells
    """

    declaration_file: Path
    overrides: tuple[str, ...]
    run_folder: Path
    data_folder: Path
    device: str
    events: Path
    fingerprint: str = ""
    candidate: str = BASE
    phase: str = ""
    started: str = ""
    commands: Mapping[str, str] = field(default_factory=dict)
    ran_with: RanWith | None = None
    continued_at: int = 0
    pause_at: int | None = None
    launch: LaunchPlan | None = None
    more: bool = False
    halves: bool = False
    launches: Mapping[str, LaunchPlan] = field(default_factory=dict)
    heard: tuple[str, ...] = ()
    news: Path | None = None

    @property
    def run(self) -> RunFolder:
        """The run's folder."""
        return RunFolder(self.run_folder, self.data_folder)


@dataclass(frozen=True)
class LaunchNews(_Message):
    """What the leading machine tells the others of a launch: its job, and an `id` that is new each time.

    `reason` is what a machine that follows adds for itself: why the phase failed, None where it did not.
    """

    id: str
    job: Job
    reason: str | None = None
