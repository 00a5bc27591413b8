"""How a launch of several processes ends: what its ranks and its launcher leave for each other in a folder.

The folder is of one launch and one machine, and lies among the system's temporary files: a follower's launcher
writes nothing into the run's folder.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path

from xtts_finetune.errors import DONE, FAILED, INTERRUPTED, WRONG_INPUT
from xtts_finetune.records.atomic import write_json_atomic, write_text_atomic
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.records.values import parse_object

OF_STATUS = {"done": DONE, "failed": FAILED, "interrupted": INTERRUPTED}


@dataclass(frozen=True)
class RankOutcome:
    """How a rank ended in order: the exit code of the whole, what to say last, and the stopping reason if any."""

    code: int
    message: str = ""
    reason: str | None = None
    numbers: dict[str, float] | None = None

    @classmethod
    def of(cls, stop: Stop, code: int | None = None) -> RankOutcome:
        """The outcome of a phase that was stopped; `code` where its status does not say it."""
        known = OF_STATUS[stop.reason.status] if code is None else code
        return cls(known, stop.message, stop.reason.value, dict(stop.numbers))

    @property
    def stop(self) -> Stop | None:
        """The stopping reason that the phase's records are closed with; None where nothing had begun."""
        return Stop(Reason(self.reason), self.message, self.numbers or {}) if self.reason else None

    @property
    def went_wrong(self) -> bool:
        """Whether it stands whatever the other ranks do: a wrong input does not get better by a restart."""
        return self.code in (FAILED, WRONG_INPUT)

    def to_text(self) -> str:
        """As JSON, for the ranks' store."""
        return json.dumps(asdict(self))

    @classmethod
    def from_text(cls, text: str | bytes) -> RankOutcome:
        """What `to_text` made."""
        return cls(**parse_object(text))


@dataclass(frozen=True)
class LaunchFolder:
    """The folder of one launch on one machine."""

    path: Path

    @property
    def stop(self) -> Path:
        """There once somebody has asked for the end."""
        return self.path / "stop"

    def is_set(self) -> bool:
        """Whether somebody has asked for the end: what a process alone asks its signals."""
        return self.stop.exists()

    def ask_to_stop(self) -> None:
        """Ask all ranks to stop after the step at hand, with a checkpoint."""
        self.stop.touch()

    def write_outcome(self, rank: int, outcome: RankOutcome) -> None:
        """Say how a rank ended in order."""
        write_json_atomic(self.path / f"outcome-{rank}.json", asdict(outcome))

    def outcomes(self) -> dict[int, RankOutcome]:
        """How the ranks of this machine ended, of those that ended in order."""
        found: dict[int, RankOutcome] = {}
        for file in self.path.glob("outcome-*.json"):
            rank = int(file.stem.removeprefix("outcome-"))
            found[rank] = RankOutcome.from_text(file.read_text(encoding="utf-8"))
        return dict(sorted(found.items()))

    def forget_outcomes(self) -> None:
        """Remove what ranks left that are to be started again."""
        for file in self.path.glob("outcome-*.json"):
            file.unlink(missing_ok=True)

    def decided(self, first: int) -> RankOutcome | None:
        """How this machine's ranks ended, where nothing that follows can change it.

        The word of the first rank of the machine counts most (rank 0 writes the records); a failure of any counts
        as well. None while ranks that are done only wait for those to which more may happen.
        """
        outcomes = self.outcomes()
        if first in outcomes:
            return outcomes[first]
        return next((outcome for outcome in outcomes.values() if outcome.went_wrong), None)

    def write_fault(self, rank: int, text: str) -> None:
        """Say what a rank saw of another that gives no sign."""
        write_text_atomic(self.path / f"fault-{rank}.txt", text)

    def take_fault(self) -> str | None:
        """What ranks saw of one that gives no sign, once; None for nothing."""
        texts = []
        for file in sorted(self.path.glob("fault-*.txt")):
            texts.append(file.read_text(encoding="utf-8"))
            file.unlink(missing_ok=True)
        return texts[0] if texts else None
