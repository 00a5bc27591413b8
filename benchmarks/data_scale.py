"""What preparing and training cost with 300, 3 000 and 30 000 clips: time a clip, memory, time a step.

    python -m benchmarks.data_scale [--sizes 300 3000 30000] [--steps 200] [--repeats 7] [--keep FOLDER]

Makes a data set of each size (speech-like sounds of 0.6 to 1.5 s), prepares it twice and trains a phase of a tiny base
with random weights on it seven times, each in a process of its own. Prints a table with every size's share of the
smallest one's figures and writes data_scale.json. 30 000 clips take about 3 GB of disk, and ten minutes on two cores;
--keep keeps the folders.

Memory is the largest resident set of the process. Times of preparing are those of the processor as well as those of
the clock, since the first do not change when other programs run beside. A step's time and what it waited for its batch
are medians, and those of training the medians of its processes, which differ by up to a quarter among themselves.
"""

from __future__ import annotations

import argparse
import json
import platform
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile
from numpy.typing import NDArray

from benchmarks.memory import peak_bytes

SIZES = (300, 3_000, 30_000)
RATE = 22_050
SHORTEST, LONGEST = 0.6, 1.5  # seconds
WORDS = [
    "river",
    "stone",
    "light",
    "winter",
    "seven",
    "green",
    "house",
    "again",
    "morning",
    "paper",
    "window",
    "silver",
    "garden",
    "answer",
    "letter",
]
NAME = "scale"

PIPELINE = f"""
name: {NAME}
base: ./base
language: en
vocoder: preview
datasets: [{{name: voice, path: voice, format: ljspeech}}]
phases: [phase1]
"""
PHASE = """
learning_rate: 1.0e-5
batch_size: 3
steps: {steps}
eval_every_steps: {steps}
checkpoint_every: {{steps: {steps}}}
"""

Figures = dict[str, float]
# What the table shows: key, heading, unit's factor, format.
SHOWN = (
    ("prepare_cpu_ms", "preparing, CPU ms a clip", "{:.2f}"),
    ("prepare_ms", "preparing, ms a clip", "{:.2f}"),
    ("prepare_peak_mb", "preparing, peak memory MB", "{:.0f}"),
    ("again_ms", "preparing again, ms a clip", "{:.2f}"),
    ("again_peak_mb", "preparing again, peak memory MB", "{:.0f}"),
    ("cache_kb", "cache, kB a clip", "{:.1f}"),
    ("start_seconds", "start to first step, s", "{:.2f}"),
    ("step_ms", "step, ms", "{:.2f}"),
    ("load_ms", "of it waiting for its batch, ms", "{:.3f}"),
    ("make_ms", "making a batch meanwhile, ms", "{:.3f}"),
    ("train_peak_mb", "training, peak memory MB", "{:.0f}"),
    ("eval_ms", "evaluating, ms a clip", "{:.2f}"),
)


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    options.add_argument("--sizes", type=int, nargs="+", default=SIZES, help="numbers of clips")
    options.add_argument("--steps", type=int, default=200, help="optimizer steps of the phase")
    options.add_argument("--repeats", type=int, default=7, help="trainings of each size, in turn; the median counts")
    options.add_argument("--keep", type=Path, help="folder for the data sets, which stays")
    options.add_argument("--out", type=Path, default=Path("data_scale.json"), help="where the figures go")
    options.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = options.parse_args()
    if given.child:
        stage, folder = given.child
        print(json.dumps(STAGES[stage](Path(folder))))
        return
    work = given.keep or Path(tempfile.mkdtemp(prefix="data_scale_"))
    results: dict[int, Figures] = {}
    trainings: dict[int, list[Figures]] = {size: [] for size in given.sizes}
    try:
        for size in sorted(given.sizes):
            results[size] = _preparations(work / str(size), size, given.steps)
        # In turn, so that whatever else the machine does meanwhile falls on all sizes alike.
        for repeat in range(given.repeats):
            for size, figures in results.items():
                trainings[size].append(_child("train", work / str(size)))
                figures |= {key: statistics.median(t[key] for t in trainings[size]) for key in trainings[size][0]}
            _write(given.out, results, trainings, given.steps)
            print(f"{repeat + 1} of {given.repeats} trainings of each size\n{_table(results)}", flush=True)
    finally:
        if given.keep is None:
            shutil.rmtree(work, ignore_errors=True)


def _preparations(folder: Path, clips: int, steps: int) -> Figures:
    """The figures of preparing so many clips, twice."""
    shutil.rmtree(folder / "run", ignore_errors=True)
    _write_project(folder, clips, steps)
    first, again = (_child("prepare", folder) for _ in range(2))
    cache = sum(file.stat().st_size for file in (folder / "run" / NAME / "cache").rglob("*") if file.is_file())
    return {
        "prepare_ms": 1000 * first["seconds"] / clips,
        "prepare_cpu_ms": 1000 * first["cpu_seconds"] / clips,
        "prepare_peak_mb": first["peak_mb"],
        "again_ms": 1000 * again["seconds"] / clips,
        "again_peak_mb": again["peak_mb"],
        "cache_kb": cache / 1000 / clips,
    }


def _child(stage: str, folder: Path) -> Figures:
    """The figures of a stage that runs in a process of its own."""
    command = [sys.executable, "-m", "benchmarks.data_scale", "--child", stage, str(folder)]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True)
    figures: Figures = json.loads(done.stdout.decode("utf-8").splitlines()[-1])
    return figures


def _write_project(folder: Path, clips: int, steps: int) -> None:
    """A project with so many clips, unless its sounds are there already."""
    from testbed.random_base import make_random_base  # noqa: PLC0415

    for name in ("voice/wavs", "phases", "eval"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    files = {
        "pipeline.yaml": PIPELINE,
        "phases/phase1.yaml": PHASE.format(steps=steps),
        "eval/utterances.yaml": "sentences: [{id: hello, text: Hello.}]",
        "eval/decision_matrix.yaml": "rows: [{mel_ce: {below: 99}, ship: phase1, verdict: trained}]",
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    make_random_base(folder / "base")
    if (folder / "voice" / "metadata.csv").is_file():
        return
    generator = np.random.default_rng(clips)
    speech = _speech(120.0, generator)
    lines = []
    for number in range(clips):
        length = int(generator.uniform(SHORTEST, LONGEST) * RATE)
        start = int(generator.integers(0, len(speech) - length))
        wave = speech[start : start + length] * generator.uniform(0.6, 1.0)
        soundfile.write(folder / "voice" / "wavs" / f"{number:06}.wav", wave, RATE, subtype="PCM_16")
        text = " ".join(generator.choice(WORDS, size=int(length / RATE * 3) + 1))
        lines.append(f"{number:06}|{text}|{text}\n")
    (folder / "voice" / "metadata.csv").write_text("".join(lines), encoding="utf-8")


def _speech(seconds: float, generator: np.random.Generator) -> NDArray[np.float32]:
    """A sound with a pitch that moves, syllables and breath: not speech, but as loud and as varied."""
    at = np.arange(int(seconds * RATE)) / RATE
    pitch = 140 * (1 + 0.2 * np.sin(2 * np.pi * 0.7 * at) + 0.05 * np.sin(2 * np.pi * 5 * at))
    phase = 2 * np.pi * np.cumsum(pitch) / RATE
    voice = sum(np.sin(harmonic * phase) / harmonic for harmonic in range(1, 8))
    syllables = 0.55 + 0.45 * np.sin(2 * np.pi * 4.3 * at + np.sin(2 * np.pi * 0.9 * at))
    wave = 0.12 * voice * syllables + 0.004 * generator.standard_normal(len(at))
    return np.asarray(wave, dtype=np.float32)


def _prepare(folder: Path) -> Figures:
    from xtts_finetune.data.prepare import prepare  # noqa: PLC0415
    from xtts_finetune.records.run_folder import RunFolder  # noqa: PLC0415
    from xtts_finetune.spec.declaration import load_declaration  # noqa: PLC0415
    from xtts_finetune.xtts.base import BaseFiles  # noqa: PLC0415
    from xtts_finetune.xtts.encoder import AudioEncoder  # noqa: PLC0415
    from xtts_finetune.xtts.tokenizer import Tokenizer  # noqa: PLC0415

    declaration, base = load_declaration(folder / "pipeline.yaml"), BaseFiles(folder / "base")
    tokenizer, encoder = Tokenizer(base.vocab), AudioEncoder(base)
    began, cpu_began = time.perf_counter(), time.process_time()
    summary = prepare(declaration, tokenizer, encoder, RunFolder(declaration.run_folder), lambda *_: None)
    if summary.dropped:
        raise SystemExit(f"{summary.dropped} clips were dropped: {summary.reasons}")
    return {
        "seconds": time.perf_counter() - began,
        "cpu_seconds": time.process_time() - cpu_began,
        "peak_mb": peak_bytes() / 1e6,
    }


def _train(folder: Path) -> Figures:
    began = time.time()
    from xtts_finetune.records.job import Job  # noqa: PLC0415
    from xtts_finetune.records.metrics import read_metrics  # noqa: PLC0415
    from xtts_finetune.records.run_folder import RunFolder  # noqa: PLC0415
    from xtts_finetune.spec.declaration import load_declaration  # noqa: PLC0415
    from xtts_finetune.training.child import train_phase  # noqa: PLC0415

    declaration = load_declaration(folder / "pipeline.yaml")
    run = RunFolder(declaration.run_folder)
    shutil.rmtree(run.candidate("phase1").path, ignore_errors=True)
    run.candidate("phase1").path.mkdir(parents=True)
    started: list[float] = []
    _when_there(run.candidate("phase1").metrics, lambda: started.append(time.time()))
    file, events = folder / "pipeline.yaml", run.job_events("phase1")
    job = Job(file, (), run.root, run.root, "auto", events, phase="phase1")
    stop = train_phase(declaration, job, lambda: False)
    if stop.reason.status != "done":
        raise SystemExit(stop.message)
    peak = peak_bytes() / 1e6
    metrics = read_metrics(run.candidate("phase1").metrics)
    steps = metrics.steps[len(metrics.steps) // 4 :]  # the first ones find memory and caches cold
    info = json.loads(run.data_info.read_text(encoding="utf-8"))
    return {
        "start_seconds": started[0] - began,
        "step_ms": 1000 * statistics.median(step.seconds for step in steps),
        "load_ms": 1000 * statistics.median(step.load_seconds for step in steps),
        "make_ms": _making_a_batch(declaration, run),
        "train_peak_mb": peak,
        "eval_ms": 1000 * metrics.evals[-1].seconds / int(info["eval_clips"]),
    }


def _when_there(file: Path, then: Callable[[], None]) -> None:
    """Call `then` once a file is there: the records begin with the first evaluation."""

    def watch() -> None:
        while not file.is_file():
            time.sleep(0.01)
        then()

    threading.Thread(target=watch, daemon=True).start()


def _making_a_batch(declaration: Any, run: Any) -> float:
    """Milliseconds to make the batches of a step, when nothing else is done."""
    from xtts_finetune.data.batching.index import ClipIndex, batch_plan  # noqa: PLC0415
    from xtts_finetune.data.batching.loader import TrainingBatches  # noqa: PLC0415
    from xtts_finetune.data.cache import ClipCache  # noqa: PLC0415
    from xtts_finetune.xtts.base import conditioning_lengths, find_base, read_config  # noqa: PLC0415
    from xtts_finetune.xtts.encoder import load_mel_stats, silence  # noqa: PLC0415

    base, clips = find_base(declaration.pipeline.base), ClipIndex.read(run.clips, "train")
    plan = batch_plan(clips, declaration.pipeline.datasets, declaration.phases["phase1"])
    lengths = conditioning_lengths(read_config(base))
    make = TrainingBatches(
        clips, ClipCache.open(run.cache), plan, lengths, silence(load_mel_stats(base.mel_stats)).numpy()
    )
    times = []
    for step in range(200, 300):
        began = time.perf_counter()
        make(step)
        times.append(time.perf_counter() - began)
    return 1000 * statistics.median(times)


def _table(results: dict[int, Figures]) -> str:
    """A Markdown table; after each figure, its share of that of the smallest size."""
    sizes = sorted(results)
    lines = [
        "",
        "| | " + " | ".join(f"{size:,} clips" for size in sizes) + " |",
        "|---|" + "---:|" * len(sizes),
    ]
    for key, heading, layout in SHOWN:
        cells = []
        for size in sizes:
            cell = layout.format(results[size][key])
            if size != sizes[0]:
                cell += f" (x {results[size][key] / results[sizes[0]][key]:.2f})"
            cells.append(cell)
        lines.append(f"| {heading} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def _write(file: Path, results: dict[int, Figures], trainings: dict[int, list[Figures]], steps: int) -> None:
    import torch  # noqa: PLC0415

    machine = {
        "processor": platform.processor() or platform.machine(),
        "cores": psutil.cpu_count(),
        "python": platform.python_version(),
        "torch": torch.__version__,
        "numpy": np.__version__,
    }
    content = {"machine": machine, "steps": steps, "sizes": results, "trainings": trainings}
    file.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


STAGES = {"prepare": _prepare, "train": _train}

if __name__ == "__main__":
    main()
