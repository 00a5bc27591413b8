"""A rank that talks to the others as a real one does, and trains nothing: `python stand_in_rank.py JOB.json`.

`behaviour.json` in the run's folder says how many times all ranks add up a number (`steps`), and what a rank does at
which step, as in {"1": "kill at 3 in round 0"}. Steps that were done are kept there, as checkpoints are.
"""

from __future__ import annotations

import json
import os
import re
import signal
import sys
import time
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.ranks.agreement import Start
from xtts_finetune.ranks.launched import Launched, launched
from xtts_finetune.records.job import Job
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.training import child, phase_work, rank

FOLDER = Job.read(Path(sys.argv[-1])).run_folder
BEHAVIOUR: dict[str, Any] = json.loads((FOLDER / "behaviour.json").read_text(encoding="utf-8"))


def ready(place: Launched, job: Job) -> tuple[Start, Any]:
    told = BEHAVIOUR.get(str(place.rank), "")
    if told.startswith("wrong: "):
        return Start(place.rank, place.machine, told.removeprefix("wrong: ")), None
    return Start(place.rank, place.machine, phase=job.phase, device="cpu"), (None, None, "cpu")


def train(declaration: Any, job: Job, phase: Any, asked: Any, speech: Any, ranks: Any) -> Stop:
    import torch

    place = launched()
    assert place is not None
    (FOLDER / f"pid-{ranks.rank}").write_text(str(os.getpid()), encoding="utf-8")
    done = FOLDER / "done"
    step = ranks.from_first(int(done.read_text(encoding="utf-8")) if done.is_file() else 0)
    while step < BEHAVIOUR["steps"]:
        behave(BEHAVIOUR.get(str(ranks.rank), ""), step, place.round)
        total = ranks.sum(torch.ones(1))
        assert total.item() == ranks.count
        step += 1
        if ranks.rank == 0:
            done.write_text(str(step), encoding="utf-8")
        if ranks.any(asked()):
            return Stop(Reason.INTERRUPTED, f"interrupted at step {step}")
        time.sleep(0.01)
    return Stop(Reason.ALL_STEPS_DONE, f"all {step} steps are done")


def behave(told: str, step: int, round_: int) -> None:
    match = re.fullmatch(r"(\w+) at (\d+)(?: in round (\d+))?", told)
    if match is None or int(match[2]) != step or (match[3] is not None and int(match[3]) != round_):
        return
    if match[1] == "kill":
        (FOLDER / f".half-written.{os.getpid()}.tmp").write_bytes(b"half")
        os.kill(os.getpid(), signal.SIGKILL)
    if match[1] == "hang":
        os.kill(os.getpid(), signal.SIGSTOP)
    if match[1] == "memory":
        raise RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB")
    if match[1] == "unreadable":
        raise UserError("clip7: its file is gone")
    if match[1] == "exit":
        os._exit(3)


def close(declaration: Any, job: Job, stop: Stop, phase: Any = None, device: str = "") -> None:
    (FOLDER / "closed").write_text(f"{stop.reason.value}: {stop.message}", encoding="utf-8")


if __name__ == "__main__":
    rank._ready, rank.close_phase = ready, close
    phase_work.train, phase_work.speaker = train, lambda *given: None  # type: ignore[assignment]
    phase_work.newest_step = lambda job: None
    sys.exit(child.main(Path(sys.argv[-1])))
