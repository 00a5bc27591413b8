"""How quick the monitor's page is, in a real Chromium: `python -m benchmarks.monitor_page --out FILE`.

Four figures, each of a run that this program writes as a training process would:

latency   seconds from an evaluation being written to its number standing on the page
open      seconds until the curves of 100,000 records are drawn: from opening the page as soon as the server says where
          it is, and from starting it; and the processor's seconds that the server used, its start included
scroll    milliseconds between frames while that page is scrolled from top to bottom
killed    seconds from killing the process that holds the run to 'cut off' standing on the page
"""

from __future__ import annotations

import argparse
import json
import math
import os
import random
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil

from testbed.browser import chromium
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.holders import started_at
from xtts_finetune.records.metrics import EvalRecord, MetricsWriter, StepRecord
from xtts_finetune.records.run_folder import RunFolder

STEPS = 100_000
NEWEST = f"mel CE, step {STEPS:,}".replace(",000", " 000")
FRAMES = """async () => {
  const seen = [];
  let last = performance.now();
  for (let y = 0; y < document.documentElement.scrollHeight; y += 40) {
    window.scrollTo(0, y);
    await new Promise(requestAnimationFrame);
    const now = performance.now();
    seen.push(now - last);
    last = now;
  }
  return seen;
}"""
# The newest evaluation stands there, and every curve is drawn. Looked at some times a second: to look at each frame
# through all pixels keeps a processor busy that the page and its server need.
LOOK_MS = 40
DRAWN = """newest => document.body.textContent.includes(newest) &&
  [...document.querySelectorAll('#curves canvas')].filter(
    c => c.getContext('2d').getImageData(0, 0, c.width, c.height).data.some(value => value)).length >= 8"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evaluations", type=int, default=20)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        result = {
            "latency_seconds": _latency(browser, Path(folder) / "live", options.evaluations),
            **_large(browser, Path(folder) / "large"),
            "killed_seconds": _killed(browser, Path(folder) / "killed"),
            "cpus": os.cpu_count(),
            "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
        }
    print(json.dumps(result, indent=2))
    if options.out:
        write_json_atomic(options.out, result)


def _run(root: Path, steps: int) -> RunFolder:
    run = RunFolder(root)
    folder = run.candidate("phase1")
    folder.path.mkdir(parents=True)
    run.logs.mkdir()
    (run.logs / "phase1.job.json").write_text("{}", encoding="utf-8")
    declaration = {
        "steps": max(steps, 3000),
        "eval_every_steps": 100,
        "gradient_clip": 1.0,
        "learning_rate": 1e-6,
    }
    document = {"started": "2026-01-01T00:00:00+00:00", "declaration": declaration}
    folder.phase_yaml.write_text(json.dumps(document), encoding="utf-8")
    chance = random.Random(1)
    with MetricsWriter(folder.metrics) as writer:
        writer.write(_evaluation(0, 5.0))
        for step in range(1, steps + 1):
            mel_ce = 2.3 + 2.7 * math.exp(-step / 20_000) + chance.gauss(0, 0.1)
            writer.write(StepRecord(step, step / 100, 1e-6, mel_ce, mel_ce, 2.8, 0.7 + chance.random(), 3, 0.5, 0.01))
            if step % 100 == 0:
                writer.write(_evaluation(step, mel_ce))
    return run


def _evaluation(step: int, mel_ce: float) -> EvalRecord:
    return EvalRecord(step, mel_ce, 0.028, 2.8, 0.12, 9000, 1200, 4.0, mel_ce - 0.05)


@contextmanager
def server(root: Path) -> Iterator[tuple[str, psutil.Process]]:
    """The command itself; gives its address, and the process."""
    command = [sys.executable, "-m", "xtts_finetune.cli.main", "monitor", str(root), "--web", "--port", "0"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, encoding="utf-8", env={**os.environ, "PYTHONUNBUFFERED": "1"}
    )
    try:
        assert process.stdout is not None
        yield process.stdout.readline().split()[0], psutil.Process(process.pid)
    finally:
        process.terminate()
        process.wait()


def _latency(browser: Any, root: Path, count: int) -> dict[str, float]:
    run = _run(root, 500)
    found = []
    with server(root) as (address, _):
        page = browser.new_page()
        page.goto(address)
        page.get_by_text("mel CE, step 500").wait_for()
        for number in range(1, count + 1):
            time.sleep(random.Random(number).uniform(0.3, 1.3))  # at any moment between two looks
            with MetricsWriter(run.candidate("phase1").metrics) as writer:
                writer.write(_evaluation(500 + number, 3.0))
            begun = time.perf_counter()
            page.get_by_text(f"mel CE, step {500 + number}", exact=True).wait_for()
            found.append(time.perf_counter() - begun)
        page.close()
    return {"median": round(statistics.median(found), 3), "largest": round(max(found), 3), "of": count}


def _large(browser: Any, root: Path) -> dict[str, Any]:
    run = _run(root, STEPS)
    size = run.candidate("phase1").metrics.stat().st_size
    begun = time.perf_counter()
    with server(root) as (address, process):
        up = time.perf_counter()
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        page.wait_for_function(DRAWN, arg=NEWEST, polling=LOOK_MS)
        drawn = time.perf_counter()
        used = process.cpu_times()
        frames = page.evaluate(FRAMES)
        page.close()
    return {
        "open_seconds": {
            "page": round(drawn - up, 3),
            "with_start_of_server": round(drawn - begun, 3),
            "processor_of_server": round(used.user + used.system, 3),
        },
        "records": STEPS + STEPS // 100,
        "megabytes": round(size / 1e6, 1),
        "scroll_frame_ms": {
            "median": round(statistics.median(frames), 1),
            "largest_of_95_percent": round(sorted(frames)[int(0.95 * len(frames))], 1),
            "frames": len(frames),
        },
    }


def _killed(browser: Any, root: Path) -> float:
    _run(root, 100)
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    holder = {"pid": process.pid, "process_started": started_at(process.pid), "since": "now", "command": "run_pipeline",
              "host": socket.gethostname()}  # fmt: skip
    (root / ".command.json").write_text(json.dumps(holder), encoding="utf-8")
    with server(root) as (address, _):
        page = browser.new_page()
        page.goto(address)
        page.get_by_text("at work", exact=True).wait_for()
        process.kill()
        process.wait()
        begun = time.perf_counter()
        page.get_by_text("cut off", exact=True).wait_for()
        page.close()
        return round(time.perf_counter() - begun, 3)


if __name__ == "__main__":
    main()
