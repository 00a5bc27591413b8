"""What both sides of train_speed measure in the same way."""

from __future__ import annotations

import json
import statistics
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch

from benchmarks.memory import peak_bytes
from xtts_finetune.records.clips import ClipRecord
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.training.phase_data import EvalData
from xtts_finetune.training.recorder import evaluate

LEARNING_RATE = 3e-4  # random weights and the demo's need more than XTTS v2


class Clock:
    """Times steps from end to end, so that loading, logging and all between counts; pauses lie outside."""

    def __init__(self, job: dict[str, Any]) -> None:
        self._job = job
        self._last: float | None = None
        self._seconds: list[float] = []
        self._steps = 0
        self._limit: int | None = None
        self._start_up: float | None = None

    def stop_at(self, steps: int) -> None:
        """Raise StopIteration from the step with this number on: stock knows no number of steps."""
        self._limit = steps

    def pause(self) -> None:
        """What follows until the next step's end does not count."""
        self._last = None

    def step(self, number: int) -> None:
        now = time.perf_counter()
        if self._start_up is None:
            self._start_up = time.time() - float(self._job["started"])
        self._steps += 1
        if self._last is not None and self._steps > self._job["warm_up"]:
            self._seconds.append(now - self._last)
        self._last = now
        if self._limit is not None and self._steps >= self._limit:
            raise StopIteration

    def figures(self, clips: Sequence[ClipRecord]) -> dict[str, float]:
        """Clips and seconds of audio trained a second, and the time to the end of the first step."""
        rate = self._job["batch"] / statistics.fmean(self._seconds)
        audio = rate * statistics.fmean(clip.seconds for clip in clips)
        return {"clips_a_second": rate, "audio_a_second": audio, "start_up_seconds": self._start_up or 0.0}


def peak_memory() -> int:
    """Bytes: of the GPU where there is one, else the largest resident set of this process."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_allocated()
    return peak_bytes()


def bytes_of(folder: Path) -> int:
    """What best models and checkpoints take on the disk; two names of one file count once."""
    files = {path.stat().st_ino: path.stat().st_size for path in folder.rglob("*.pth")}
    return sum(files.values())


def evaluated(gpt: Any, run: RunFolder) -> float:
    """mel_ce of a GPT on the frozen eval set, by this package's exact means, for both sides."""
    return evaluate(gpt, EvalData(run).batches(), step=0).mel_ce


def write_result(out: Path, figures: dict[str, Any]) -> None:
    (out / "result.json").write_text(json.dumps(figures, indent=2), encoding="utf-8")
