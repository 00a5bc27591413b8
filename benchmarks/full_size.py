"""Two training steps of a full-size XTTS v2 (30 layers x 1024, random weights), with memory, times and file sizes.

    python -m benchmarks.full_size [WORK_FOLDER]

Makes a base of the real size with random weights and a data set of twelve made-up clips in WORK_FOLDER (about 20 GB),
prepares them, trains a phase of two steps of three clips in a child process as `run_pipeline` does, with an evaluation
and a checkpoint after each, and prints a table and JSON. On two CPU cores it takes about three minutes; a GPU is used
if there is one.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import soundfile

STEPS, CLIPS, SECONDS, RATE = 2, 12, 3.0, 22_050

PIPELINE = """
name: full_size
base: ./base
language: en
datasets: [{name: voice, path: voice, format: ljspeech}]
eval_set: {fraction: 0.2, at_least: 2}
phases: [phase1]
"""
PHASE = f"""
learning_rate: 1.0e-6
batch_size: 3
steps: {STEPS}
eval_every_steps: 1
checkpoint_every: {{steps: 1}}
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, nargs="?", help="a folder for about 20 GB; default: a temporary one")
    work = parser.parse_args().work or Path(tempfile.mkdtemp(prefix="full_size_"))
    work.mkdir(parents=True, exist_ok=True)
    figures: dict[str, float] = {}
    figures["base_seconds"] = _timed(lambda: _child(_make_base, work))
    _write_project(work)
    figures["prepare_seconds"] = _timed(lambda: _child(_prepare, work))
    job = _write_job(work)
    began = time.perf_counter()
    command = [sys.executable, "-m", "xtts_finetune.training.child", str(job)]
    child = subprocess.Popen(command)
    phase = work / "run" / "full_size" / "phase1"
    peak_memory, peak_disk = _watch(child, phase)
    if child.returncode:
        sys.exit(f"the phase ended with exit code {child.returncode}")
    figures["phase_seconds"] = time.perf_counter() - began
    figures["peak_memory_gb"] = peak_memory / 1e9
    figures["peak_disk_gb"] = peak_disk / 1e9
    figures["best_model_gb"] = (phase / "best_model.pth").stat().st_size / 1e9
    figures["checkpoint_gb"] = next(phase.glob("checkpoint_*.pth")).stat().st_size / 1e9
    records = [json.loads(line) for line in (phase / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    figures["step_seconds"] = float(np.mean([record["seconds"] for record in records if record["kind"] == "step"]))
    for name, value in figures.items():
        print(f"{name:18} {value:8.2f}")
    (work / "full_size.json").write_text(json.dumps(figures, indent=2), encoding="utf-8")
    shutil.rmtree(work / "run")


def _make_base(work: Path) -> None:
    from testbed.random_base import XTTS_V2, make_random_base  # noqa: PLC0415

    if not (work / "base" / "model.pth").is_file():
        make_random_base(work / "base", XTTS_V2)


def _write_project(work: Path) -> None:
    generator = np.random.default_rng(0)
    (work / "voice" / "wavs").mkdir(parents=True, exist_ok=True)
    for number in range(CLIPS):
        wave = 0.1 * generator.standard_normal(int(SECONDS * RATE))
        soundfile.write(work / "voice" / "wavs" / f"{number}.wav", wave, RATE)
    lines = [f"{number}|a made up sentence, number {number}|" for number in range(CLIPS)]
    (work / "voice" / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")
    for folder in ("phases", "eval"):
        (work / folder).mkdir(exist_ok=True)
    (work / "pipeline.yaml").write_text(PIPELINE, encoding="utf-8")
    (work / "phases" / "phase1.yaml").write_text(PHASE, encoding="utf-8")
    (work / "eval" / "utterances.yaml").write_text("sentences: [{id: hello, text: Hello.}]", encoding="utf-8")
    rows = "rows: [{mel_ce: {below: 99}, ship: phase1, verdict: trained}]"
    (work / "eval" / "decision_matrix.yaml").write_text(rows, encoding="utf-8")
    shutil.rmtree(work / "run", ignore_errors=True)


def _prepare(work: Path) -> None:
    from xtts_finetune.data.prepare import prepare  # noqa: PLC0415
    from xtts_finetune.records.run_folder import RunFolder  # noqa: PLC0415
    from xtts_finetune.spec.declaration import load_declaration  # noqa: PLC0415
    from xtts_finetune.xtts.base import BaseFiles  # noqa: PLC0415
    from xtts_finetune.xtts.encoder import AudioEncoder  # noqa: PLC0415
    from xtts_finetune.xtts.tokenizer import Tokenizer  # noqa: PLC0415

    declaration = load_declaration(work / "pipeline.yaml")
    base = BaseFiles(work / "base")
    run = RunFolder(declaration.run_folder)
    prepare(declaration, Tokenizer(base.vocab), AudioEncoder(base), run, lambda *_: None)


def _write_job(work: Path) -> Path:
    from xtts_finetune.records.job import Job  # noqa: PLC0415

    path, run = work / "job.json", work / "run" / "full_size"
    Job(work / "pipeline.yaml", (), run, run, "auto", work / "events.jsonl", phase="phase1").write(path)
    return path


def _child(work_to_do: Callable[[Path], None], work: Path) -> None:
    """Run a function of this file in a process of its own, so that its memory is not counted to the phase."""
    name = work_to_do.__name__
    program = f"import pathlib, sys; from benchmarks import full_size; full_size.{name}(pathlib.Path(sys.argv[1]))"
    subprocess.run([sys.executable, "-c", program, str(work.absolute())], check=True, cwd=Path(__file__).parents[1])


def _watch(child: subprocess.Popen[bytes], folder: Path) -> tuple[int, int]:
    """Wait for the child; the largest resident set and the largest size of the folder seen, in bytes."""
    import psutil  # noqa: PLC0415

    process, memory, disk = psutil.Process(child.pid), 0, 0
    while child.poll() is None:
        try:
            memory = max(memory, process.memory_info().rss)
        except psutil.Error:
            break
        disk = max(disk, _size(folder))
        time.sleep(0.1)
    child.wait()
    return memory, disk


def _size(folder: Path) -> int:
    """Bytes on the disk; two names of one file count once."""
    sizes = {}
    for path in folder.glob("**/*"):
        with contextlib.suppress(OSError):
            status = path.stat()
            sizes[status.st_ino] = status.st_size
    return sum(sizes.values())


def _timed(function: Callable[[], None]) -> float:
    began = time.perf_counter()
    function()
    return time.perf_counter() - began


if __name__ == "__main__":
    main()
