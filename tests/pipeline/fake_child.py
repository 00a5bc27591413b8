"""A child that leaves the records of a real one in no time, or ends as it is told: `behaviour.json` says how.

Run as `python fake_child.py [--stays] MODULE ... JOB.json`. `behaviour.json` stands beside the declaration and holds
{"phase1": "killed", ...}; what is not named does its work. As a real child does, it takes further jobs where it is told
to stay. Each imports what its own kind of job needs.
"""

from __future__ import annotations

import contextlib
import functools
import io
import json
import os
import signal
import struct
import sys
import time
import wave
from dataclasses import asdict
from pathlib import Path
from typing import Any

from xtts_finetune.pipeline.children import child
from xtts_finetune.records.atomic import write_json_atomic, write_text_atomic
from xtts_finetune.records.candidates.checkpoints import CheckpointRecord, write_checkpoint_record
from xtts_finetune.records.candidates.closing import write_untrained_info
from xtts_finetune.records.clips import ClipRecord, write_clips
from xtts_finetune.records.job import EventWriter, Job
from xtts_finetune.records.metrics import EvalRecord, MetricsWriter
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.declaration import Declaration, load_declaration
from xtts_finetune.spec.sources import kept_steps
from xtts_finetune.training.closing import as_it_ran, close_phase

NOW = "2026-11-20T20:00:00+01:00"
TRACEBACK = 'Traceback (most recent call last):\n  File "child.py", line 7, in optimize\n    loss.backward()\n'
NO_MEMORY = "torch.OutOfMemoryError: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 7.79 GiB in all"


def main(arguments: list[str]) -> int:
    job = Job.read(Path(arguments[-1]))
    declaration = load_declaration(job.declaration_file, job.overrides, job.run_folder)
    started = declaration.folder / "started.txt"
    name = job.phase or arguments[1]
    with started.open("a", encoding="utf-8") as file:
        file.write(f"{name}\n")
    end_as_told(name, declaration, job)
    if job.phase:
        return train(declaration, job)
    for kind in arguments[1:-1]:
        KINDS[kind](declaration, job)
    return 0


def end_as_told(name: str, declaration: Declaration, job: Job) -> None:
    told = told_to(name, declaration)
    if told == "killed":
        os.kill(os.getpid(), signal.SIGKILL)
    if told == "fails":
        print("Traceback (most recent call last):\n  ...\nRuntimeError: the loss is NaN", file=sys.stderr)
        sys.exit(1)
    if told.startswith("memory for "):
        needs_memory(int(told.removeprefix("memory for ")), declaration, job)
    if told == "disk full":
        said = f"{TRACEBACK}OSError: [Errno 28] No space left on device\n"
        more = "\nDuring handling of the above exception, another exception occurred:\n\n"
        print(f"{said}{more}{TRACEBACK}RuntimeError: [enforce fail] . unexpected pos 64 vs 0", file=sys.stderr)
        sys.exit(1)
    if told == "fills the disk":
        # Nothing can be printed either: the log lies on the same disk.
        with (job.run_folder / "filler").open("wb", buffering=0) as file, contextlib.suppress(OSError):
            while file.write(b"x" * 512):
                pass
        with contextlib.suppress(OSError):
            print(f"{TRACEBACK}RuntimeError: the writer is gone", file=sys.stderr, flush=True)
        os._exit(1)
    if told == "fails with a record":
        EventWriter(job.events).failed("the sound card is on fire")
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


def told_to(name: str, declaration: Declaration) -> str:
    file = declaration.folder / "behaviour.json"
    return str(json.loads(file.read_text(encoding="utf-8")).get(name, "")) if file.is_file() else ""


def wait(declaration: Declaration) -> None:
    write_text_atomic(declaration.folder / "waiting", str(os.getpid()))  # whoever sees it reads it at once
    time.sleep(120)


@functools.cache
def a_sound() -> bytes:
    """A second that can be heard, as a WAV file."""
    written = io.BytesIO()
    with wave.open(written, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(22_050)
        file.writeframes(b"".join(struct.pack("<h", 9000 * (-1) ** (sample // 50)) for sample in range(22_050)))
    return written.getvalue()


def prepare(declaration: Declaration, job: Job) -> None:
    from xtts_finetune.data.data_summary import DataSummary
    from xtts_finetune.data.fingerprint import data_inputs

    audio = declaration.folder / "voice.wav"
    audio.write_bytes(a_sound())
    splits = ["eval" if number % 8 == 0 else "train" for number in range(40)]
    write_clips(job.run.clips, [clip(number, split, audio) for number, split in enumerate(splits)])
    write_json_atomic(job.run.eval_set, {"clips": []})
    content = declaration.folder / "content"
    said = content.read_text(encoding="utf-8") if content.is_file() else "one"
    summary = DataSummary(40, 120.0, splits.count("eval"), 0, {}, 0, {}, said, ())
    write_json_atomic(job.run.data_info, summary.as_json(data_inputs(declaration)))


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


def evaluate_base(declaration: Declaration, job: Job) -> None:
    folder = job.run.candidate("base")
    folder.metrics.unlink(missing_ok=True)
    with MetricsWriter(folder.metrics) as metrics:
        metrics.write(evaluation(0, 5.0))
    write_untrained_info(folder, NOW, NOW, 1.0, job.fingerprint)


def make_candidate(declaration: Declaration, job: Job) -> None:
    folder = job.run.candidate(job.candidate)
    folder.path.mkdir(parents=True, exist_ok=True)
    folder.best_model.write_bytes(b"model")
    folder.metrics.unlink(missing_ok=True)
    with MetricsWriter(folder.metrics) as metrics:
        metrics.write(evaluation(0, 2.5))
    write_untrained_info(folder, NOW, NOW, 1.0, job.fingerprint)


def speak(declaration: Declaration, job: Job) -> None:
    from xtts_finetune.evaluation.utterance_state import plan_utterances

    plan = plan_utterances(declaration, job.run, job.candidate)
    folder = job.run.candidate(job.candidate)
    for utterance in plan.utterances:
        folder.utterances.mkdir(parents=True, exist_ok=True)
        (folder.utterances / utterance.file).write_bytes(a_sound())
    said = [asdict(utterance) for utterance in plan.utterances]
    record = {"fingerprint": plan.fingerprint, "model_sha": plan.model_sha, "utterances": said}
    write_json_atomic(folder.utterances_json, record)


def score(declaration: Declaration, job: Job) -> None:
    from xtts_finetune.evaluation.scores import scores_fingerprint
    from xtts_finetune.records.heard.scores import Scores, write_scores

    name = job.candidate
    scores = Scores(name, scores_fingerprint(declaration, job.run, name), {}, ())
    write_scores(job.run.candidate(name).scores_json, scores)


def ship(declaration: Declaration, job: Job) -> None:
    from xtts_finetune.records.candidates.shipped import Shipped, files_in, write_shipped
    from xtts_finetune.shipping.plan import make_ship_plan

    plan = make_ship_plan(declaration, job.run, job.candidate)
    plan.folder.mkdir(parents=True, exist_ok=True)
    (plan.folder / "model.pth").write_bytes(b"model")
    record = Shipped(
        name=plan.name,
        candidate=plan.candidate,
        model_sha=plan.spoken.model_sha,
        language="en",
        vocoder="hifigan",
        settings={},
        precision="half",
        why_precision="",
        verified=("stock speaks with it",),
        sentences=(),
        made=NOW,
        versions={},
        fingerprint=plan.fingerprint,
        files=files_in(plan.folder),
    )
    write_shipped(plan.folder, record)


KINDS = {
    "prepare": prepare,
    "base": evaluate_base,
    "candidate": make_candidate,
    "utterances": speak,
    "scores": score,
    "ship": ship,
}


def needs_memory(clips: int, declaration: Declaration, job: Job) -> None:
    """Run out of memory after a checkpoint of step 500, but for batches of at most so many clips."""
    folder = job.run.candidate(job.phase)
    if as_it_ran(declaration.phases[job.phase], job.ran_with).batch_size <= clips:
        return
    if not folder.metrics.is_file():  # what is tried again goes on from there
        with MetricsWriter(folder.metrics) as metrics:
            metrics.write(evaluation(0, 4.0))
        checkpoint(folder, 500)
    print(f"{TRACEBACK}{NO_MEMORY}", file=sys.stderr)
    sys.exit(1)


def checkpoint(folder: CandidateFolder, step: int) -> None:
    folder.checkpoint(step).write_bytes(b"PK")
    write_checkpoint_record(folder, CheckpointRecord(step, 2, 0, resumes=True, regular=True))


# How a phase ends of its own: its evaluations, the reason, and the exit code of the child.
ENDS: dict[str, tuple[list[float], Stop, int]] = {
    "is done": ([4.0, 3.0], Stop(Reason.ALL_STEPS_DONE, "all 1000 steps are done"), 0),
    "gets a little better": ([4.0, 3.9], Stop(Reason.ALL_STEPS_DONE, "all 1000 steps are done"), 0),
    "gets worse": ([4.0, 4.2], Stop(Reason.OVERFITTING, "mel_ce rises"), 0),
    "trains nothing": ([4.0, 4.0], Stop(Reason.NO_OP, "no weight has moved in 1000 steps"), 0),
    "is NaN from the start": ([float("nan")], Stop(Reason.NOT_FINITE, "mel_ce is NaN at step 0"), 0),
    "finds a damaged clip": ([4.0], Stop(Reason.UNREADABLE, "a.wav: cannot be read"), 2),
    "is out of memory and says so": ([4.0], Stop(Reason.OUT_OF_MEMORY, "out of memory: CUDA"), 1),
}


def train(declaration: Declaration, job: Job) -> int:
    folder = job.run.candidate(job.phase)
    mel_ces, stop, code = ENDS.get(told_to(job.phase, declaration), ENDS["is done"])
    if stop.reason is not Reason.NOT_FINITE:
        folder.best_model.write_bytes(job.fingerprint.encode())
    for step in (*(needed.step for needed in kept_steps(declaration, job.phase)), 1000):
        checkpoint(folder, step)
    folder.metrics.unlink(missing_ok=True)
    with MetricsWriter(folder.metrics) as metrics:
        for number, mel_ce in enumerate(mel_ces):
            metrics.write(evaluation(1000 * number, mel_ce))
    close_phase(declaration, job, stop)
    return code


def do(arguments: list[str]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    if code := main(arguments):
        sys.exit(code)


if __name__ == "__main__":
    child.main(sys.argv[1:], do)
