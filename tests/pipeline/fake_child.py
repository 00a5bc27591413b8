"""A child that leaves the records of a real one in no time, or ends as it is told: `behaviour.json` says how.

Run as `python fake_child.py MODULE ... JOB.json`. `behaviour.json` stands beside the declaration and holds
{"phase1": "killed", ...}; what is not named does its work.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import time
from pathlib import Path
from typing import Any

from xtts_finetune.data.fingerprint import data_inputs
from xtts_finetune.evaluation.utterance_state import plan_utterances
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.checkpoints import CheckpointRecord, write_checkpoint_record
from xtts_finetune.records.clips import ClipRecord, write_clips
from xtts_finetune.records.closing import PhaseFacts, write_base_info, write_closing
from xtts_finetune.records.events import EventWriter
from xtts_finetune.records.metrics import EvalRecord, MetricsWriter
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.declaration import Declaration, load_declaration
from xtts_finetune.spec.sources import kept_steps

NOW = "2026-11-20T20:00:00+01:00"


def main(arguments: list[str]) -> int:
    job = json.loads(Path(arguments[-1]).read_text(encoding="utf-8"))
    run = RunFolder(Path(job["run_folder"]))
    declaration = load_declaration(Path(job["declaration_file"]), job["overrides"], run.root)
    started = declaration.folder / "started.txt"
    name = job.get("phase") or arguments[1]
    with started.open("a", encoding="utf-8") as file:
        file.write(f"{name}\n")
    end_as_told(name, declaration, job)
    if job.get("phase"):
        train(declaration, run, job)
        return 0
    for kind in arguments[1:-1]:
        {"prepare": prepare, "base": evaluate_base, "utterances": speak}[kind](declaration, run, job)
    return 0


def end_as_told(name: str, declaration: Declaration, job: dict[str, Any]) -> None:
    file = declaration.folder / "behaviour.json"
    told = json.loads(file.read_text(encoding="utf-8")).get(name) if file.is_file() else None
    if told == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if told == "fails":
        print("Traceback (most recent call last):\n  ...\nRuntimeError: the loss is NaN", file=sys.stderr)
        sys.exit(1)
    if told == "fails with a record":
        EventWriter(Path(job["events"])).failed("the sound card is on fire")
        sys.exit(1)
    if told == "wrong input":
        print("device: 'cuda' is declared, but there is no GPU", file=sys.stderr)
        sys.exit(2)
    if told == "says nothing":
        sys.exit(0)
    if told == "stops when asked":
        signal.signal(signal.SIGINT, lambda *_: sys.exit(130))
        wait(declaration)
    if told == "never stops":
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        wait(declaration)


def wait(declaration: Declaration) -> None:
    (declaration.folder / "waiting").write_text(str(os.getpid()), encoding="utf-8")
    time.sleep(120)


def prepare(declaration: Declaration, run: RunFolder, job: dict[str, Any]) -> None:
    audio = declaration.folder / "voice.wav"
    audio.write_bytes(b"RIFF")
    splits = ["eval" if number % 8 == 0 else "train" for number in range(40)]
    write_clips(run.clips, [clip(number, split, audio) for number, split in enumerate(splits)])
    write_json_atomic(run.eval_set, {"clips": []})
    content = declaration.folder / "content"
    info = {
        "inputs": data_inputs(declaration),
        "content": content.read_text(encoding="utf-8") if content.is_file() else "one",
        "clips": 40,
        "seconds": 120.0,
        "eval_clips": 5,
        "dropped": 0,
    }
    write_json_atomic(run.data_info, info)


def clip(number: int, split: Any, audio: Path) -> ClipRecord:
    return ClipRecord(
        id=f"clip{number}",
        dataset="first",
        audio=audio,
        text="Hello.",
        speaker="anna",
        language="en",
        seconds=3.0,
        sha256=f"{number:064d}",
        split=split,
        text_tokens=5,
    )


def evaluation(step: int, mel_ce: float) -> EvalRecord:
    return EvalRecord(step, mel_ce, 0.03, 3.0, 1.0, 1000, 100, 0.1)


def evaluate_base(declaration: Declaration, run: RunFolder, job: dict[str, Any]) -> None:
    folder = run.candidate("base")
    folder.metrics.unlink(missing_ok=True)
    with MetricsWriter(folder.metrics) as metrics:
        metrics.write(evaluation(0, 5.0))
    write_base_info(folder, NOW, NOW, 1.0, job["fingerprint"])


def speak(declaration: Declaration, run: RunFolder, job: dict[str, Any]) -> None:
    plan = plan_utterances(declaration, run, job["candidate"])
    folder = run.candidate(job["candidate"])
    for utterance in plan.utterances:
        folder.utterances.mkdir(parents=True, exist_ok=True)
        (folder.utterances / utterance.file).write_bytes(b"RIFF")
    write_json_atomic(folder.utterances_json, {"fingerprint": plan.fingerprint, "utterances": []})


def train(declaration: Declaration, run: RunFolder, job: dict[str, Any]) -> None:
    folder = run.candidate(job["phase"])
    folder.best_model.write_bytes(job["fingerprint"].encode())
    kept = [needed.step for needed in kept_steps(declaration, job["phase"])]
    for step in (*kept, 1000):
        folder.checkpoint(step).write_bytes(b"PK")
        write_checkpoint_record(folder, CheckpointRecord(step, 2, 0, resumes=True, regular=True))
    with MetricsWriter(folder.metrics) as metrics:
        metrics.write(evaluation(0, 4.0))
        metrics.write(evaluation(1000, 3.0))
    facts = PhaseFacts(1000, 10.0, 3, 1e-6, {}, NOW, NOW, 60.0, "minimum", job["fingerprint"], "run_pipeline")
    write_closing(folder, facts, Stop(Reason.ALL_STEPS_DONE, "all 1000 steps are done"))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
