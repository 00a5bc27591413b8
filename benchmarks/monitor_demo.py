"""The monitor's page during a real run of the demo, in Chromium: `python -m benchmarks.monitor_demo [--shots FOLDER]`.

`run_pipeline` trains both phases of a copy of the demo, speaks and decides; the page is open from before the start. For
each evaluation: the seconds from its line standing in metrics.jsonl to its number standing on the page, both by the
machine's clock. Then a phase is killed with its command in mid-training: the seconds until the page says 'cut off'.
Screenshots are taken in both phases, at the end, and of the run that was killed. Takes five minutes on two cores.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.monitor_page import server
from testbed.browser import chromium
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.run_folder import RunFolder

DEMO = Path(__file__).parents[1] / "samples" / "demo"
LOOK_SECONDS = 0.01
# Notes when the newest evaluation on the page becomes another one.
NOTE_CHANGES = """() => {
  window.shown = [];
  const look = () => {
    const title = [...document.querySelectorAll('dt')].find(one => one.textContent.startsWith('mel CE, step '));
    const step = title && Number(title.textContent.replace(/\\D/g, ''));
    const last = window.shown.at(-1);
    if (title && (!last || last.step !== step)) window.shown.push({step, at: Date.now() / 1000});
  };
  new MutationObserver(look).observe(document.body, {subtree: true, childList: true, characterData: true});
  look();
}"""


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shots", type=Path, help="where to put the screenshots")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        result = {
            "latency_seconds": _latency(browser, Path(folder) / "whole", options.shots),
            "killed_seconds": _killed(browser, Path(folder) / "killed", options.shots),
            "cpus": os.cpu_count(),
        }
    print(json.dumps(result, indent=2))
    if options.out:
        write_json_atomic(options.out, result)


class Written(threading.Thread):
    """Notes when an evaluation's line is in the metrics of a phase."""

    def __init__(self, run: RunFolder, phases: tuple[str, ...]) -> None:
        super().__init__(daemon=True)
        self._files = [run.candidate(phase).metrics for phase in phases]
        self.seen: list[dict[str, Any]] = []

    def run(self) -> None:
        """Look at what was appended, until the process ends."""
        read = dict.fromkeys(self._files, 0)
        while True:
            for file in self._files:
                if not file.is_file() or file.stat().st_size == read[file]:
                    continue
                with file.open("rb") as lines:
                    lines.seek(read[file])
                    text = lines.read()
                now, whole = time.time(), text.rfind(b"\n") + 1
                read[file] += whole
                for line in text[:whole].splitlines():
                    record = json.loads(line)
                    if record["kind"] == "eval":
                        self.seen.append({"phase": file.parent.name, "step": record["step"], "at": now})
            time.sleep(LOOK_SECONDS)


def _latency(browser: Any, project: Path, shots: Path | None) -> dict[str, Any]:
    run = _project(project)
    written = Written(run, ("phase1", "phase2"))
    written.start()
    with server(run.root) as (address, _):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        page.evaluate(NOTE_CHANGES)
        command = _run_pipeline(project)
        for number, name in ((4, "phase1"), (10, "phase2")):
            while len(written.seen) < number and command.poll() is None:
                page.wait_for_timeout(100)
            _shoot(page, shots, name)
        while command.poll() is None:
            page.wait_for_timeout(100)
        page.wait_for_timeout(2000)
        _shoot(page, shots, "end")
        page.set_viewport_size({"width": 390, "height": 800})
        _shoot(page, shots, "end_narrow")
        shown = page.evaluate("window.shown")
        page.close()
    if command.returncode:
        raise SystemExit(f"run_pipeline ended with exit code {command.returncode}; see {project / 'log.txt'}")
    found = _delays(written.seen, shown)
    return {
        "median": round(statistics.median(found), 3),
        "largest": round(max(found), 3),
        "of": len(found),
        "each": [round(each, 3) for each in found],
    }


def _delays(written: list[dict[str, Any]], shown: list[dict[str, Any]]) -> list[float]:
    """How long after it was written each evaluation was first shown."""
    found = []
    for one in written:
        later = [each["at"] for each in shown if each["step"] == one["step"] and each["at"] > one["at"] - 1]
        if not later:
            raise SystemExit(f"the page never showed {one}; it showed {shown}")
        found.append(later[0] - one["at"])
    return found


def _killed(browser: Any, project: Path, shots: Path | None) -> float:
    run = _project(project)
    with server(run.root) as (address, _):
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.goto(address)
        command = _run_pipeline(project, "phase1")
        page.get_by_text("mel CE, step 50", exact=True).wait_for(timeout=180_000)
        for process in [*psutil.Process(command.pid).children(recursive=True), psutil.Process(command.pid)]:
            process.kill()
        began = time.perf_counter()
        page.get_by_text("cut off", exact=True).wait_for()
        seconds = time.perf_counter() - began
        _shoot(page, shots, "killed")
        page.close()
    return round(seconds, 3)


def _project(folder: Path) -> RunFolder:
    """A copy of the demo's declaration, voice and base, without what was run there."""
    shutil.copytree(DEMO, folder, ignore=shutil.ignore_patterns("run"))
    return RunFolder(folder / "run" / "demo")


def _run_pipeline(project: Path, *words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "xtts_finetune.cli.run_pipeline", *words, "-f", str(project)]
    with (project / "log.txt").open("wb") as log:
        return subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=subprocess.STDOUT)


def _shoot(page: Any, folder: Path | None, name: str) -> None:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
        page.screenshot(path=str(folder / f"{name}.png"), full_page=True)


if __name__ == "__main__":
    main()
