"""Runs that a test writes: as a training process does, record by record."""

from __future__ import annotations

import json
import math
import wave
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from xtts_finetune.records.json_lines import JsonLinesWriter
from xtts_finetune.records.metrics import EvalRecord, StepRecord
from xtts_finetune.records.run_folder import RunFolder

DECLARATION: dict[str, Any] = {
    "goal": "Take the base to the voice",
    "learning_rate": 1.5e-6,
    "batch_size": 3,
    "accumulate": 1,
    "steps": 400,
    "epochs": None,
    "eval_every_steps": 25,
    "gradient_clip": 1.0,
    "mel_loss_weight": 1.0,
    "text_loss_weight": 0.01,
    "train": "all",
    "stop_when": [{"rule": "no_improvement"}],
}


def step(number: int, mel_ce: float = 3.0, **other: Any) -> StepRecord:
    """A step of a phase with 50 steps an epoch."""
    values = {"step": number, "epoch": number / 50, "learning_rate": 1e-6, "loss": mel_ce, "mel_ce": mel_ce}
    values |= {"text_ce_nats": 2.8, "grad_norm": 0.7, "clips": 3, "seconds": 0.5, "load_seconds": 0.01}
    return StepRecord(**{**values, **other})


def evaluation(number: int, mel_ce: float, train_mel_ce: float | None = None) -> EvalRecord:
    """An evaluation."""
    return EvalRecord(number, mel_ce, 0.028, 2.8, 0.12, 9000, 1200, 4.0, train_mel_ce)


def level(number: int) -> float:
    """Where mel CE is at a step."""
    return 2.4 + 1.5 * math.exp(-number / 120)


class MadeRun:
    """A run's folder with one phase that is being trained."""

    def __init__(self, root: Path, phase: str = "phase1", **declaration: Any) -> None:
        self.run = RunFolder(root)
        self.folder = self.run.candidate(phase)
        self.folder.path.mkdir(parents=True)
        self.run.logs.mkdir(exist_ok=True)
        document = {
            "phase": phase,
            "started": "2026-11-21T10:00:00+00:00",
            "declaration": {**DECLARATION, **declaration},
        }
        self.folder.phase_yaml.write_text(json.dumps(document), encoding="utf-8")  # JSON is YAML, too
        self.run.data_info.write_text(json.dumps({"clips": 170, "eval_clips": 20}), encoding="utf-8")
        (self.run.logs / f"{phase}.job.json").write_text("{}", encoding="utf-8")
        self.write(evaluation(0, level(0)))
        self.step = 0

    def write(self, *records: StepRecord | EvalRecord) -> None:
        """Append records to the phase's metrics."""
        with JsonLinesWriter(self.folder.metrics) as lines:
            for record in records:
                lines.write(record.to_json())

    def train(self, steps: int, every: int = 25) -> None:
        """So many steps more, with an evaluation after every 25."""
        records: list[StepRecord | EvalRecord] = []
        for number in range(self.step + 1, self.step + steps + 1):
            records.append(step(number, level(number) - 0.05))
            if number % every == 0:
                records.append(evaluation(number, level(number), level(number) - 0.05))
        self.step += steps
        self.write(*records)

    def close(self, status: str = "done", message: str = "all steps are done", **other: Any) -> None:
        """Write the closing record."""
        info = {"candidate": self.folder.name, "status": status, "reason": {"name": "x", "message": message}}
        info |= {"advice": "Listen to it.", "command": "run_pipeline", "steps_planned": 400, **other}
        self.folder.model_info.write_text(json.dumps(info), encoding="utf-8")

    def hold(self, pid: int, started: float, host: str, lock: str = ".command.json") -> None:
        """Say that a process is at work here."""
        record = {
            "pid": pid,
            "process_started": started,
            "since": "2026-11-21 10:00:00",
            "command": "run_pipeline",
        }
        (self.run.root / lock).write_text(json.dumps({**record, "host": host}), encoding="utf-8")

    def speak(self, candidate: str, sentences: Sequence[str]) -> None:
        """Utterances of a candidate: a little silence for each."""
        folder = self.run.candidate(candidate)
        folder.utterances.mkdir(parents=True, exist_ok=True)
        listed = []
        for number, text in enumerate(sentences):
            with wave.open(str(folder.utterances / f"s{number}_s1.wav"), "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                file.writeframes(bytes(1600))
            listed.append({"id": f"s{number}", "file": f"s{number}_s1.wav", "text": text, "seconds": 0.1})
        folder.utterances_json.write_text(json.dumps({"utterances": listed}), encoding="utf-8")


def content_of(root: Path) -> dict[str, tuple[int, int]]:
    """Every file of a folder with its size and the moment it was changed."""
    return {
        str(path.relative_to(root)): (path.stat().st_size, path.stat().st_mtime_ns)
        for path in root.rglob("*")
        if path.is_file()
    }
