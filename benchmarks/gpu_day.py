"""What can be known only on the day that a GPU is at hand, in one command of at most eight minutes.

    python -m benchmarks.gpu_day [WORK] [--json FILE] [--minutes 8] [--only SECTION ...]

Needs a checkout with the package installed. A model of XTTS v2's size with random weights is made in WORK (2.3 GB; a
temporary folder if left out); the demo's base and voice stand for speech. Each section is guarded and timed: one that
fails is said and the next one runs, and everything found so far is in the JSON at once. At the end comes a table for
docs/performance.md.

Without a GPU it says so in one line, measures what the CPU alone can tell, with which a GPU is compared, and exits 0.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import subprocess
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks import gpu_day_speech as speech
from benchmarks import gpu_day_training as training
from benchmarks.gpu_day_bench import Day, let_go
from xtts_finetune.machine.cards import CUDA_BUILD, find_gpu
from xtts_finetune.machine.packages import installed_version

ROOT = Path(__file__).parents[1]
NO_GPU = "torch can use no GPU here: this is the CPU's part alone"
LEAST_S = 20.0
"""A section begins only if so much time is left."""
PACKAGES = ("torch", "coqui-tts", "coqui-tts-trainer", "transformers", "peft")


@dataclass(frozen=True)
class Section:
    """One question, and whether the CPU alone has an answer to it."""

    name: str
    work: Callable[[Day], Any]
    on_cpu: bool = False


def machine(day: Day) -> dict[str, Any]:
    """What it was measured on."""
    card = find_gpu()
    found: dict[str, Any] = {
        "system": platform.platform(),
        "cpu": torch.cpu.get_capabilities().get("cpu_name") or platform.processor(),
        "cores": os.cpu_count(),
        "card": None if card is None else asdict(card),
        "versions": {name: installed_version(name) for name in PACKAGES},
        "cuda": torch.version.cuda,
    }
    if day.device == "cuda":
        free, total = torch.cuda.mem_get_info()
        found |= {"capability": torch.cuda.get_device_capability(), "free": free, "total": total}
        found["code for"] = torch.cuda.get_arch_list()
    return found


def stock(day: Day) -> str:
    """Coqui's recipe beside ours, at full size: train_speed's table."""
    size = "demo" if day.small else "full"
    command = [sys.executable, "-m", "benchmarks.train_speed", "--size", size, "--sides", "stock", "ours"]
    command += ["--seeds", "1", "--steps", "2" if day.small else "15", "--work", str(day.work / "speed")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, encoding="utf-8", check=True)
    return done.stdout


SECTIONS = (
    Section("machine", machine, on_cpu=True),
    Section("as on the CPU", speech.as_on_the_cpu, on_cpu=True),
    Section("nothing waits in a step", training.nothing_waits),
    Section("steps and memory", training.steps_and_memory),
    Section("a card of 8 GB", training.card_of_8_gb),
    Section("going on", training.going_on),
    Section("fp16", training.scaled),
    Section("stock", stock),
    Section("speaking", speech.speaking),
    Section("two on one card", training.two_on_one_card),
    Section("largest batch", training.largest_batch),
    Section("compiled", training.compiled),
)


def main() -> None:
    options = _options()
    usable = torch.cuda.is_available()
    if not usable:
        card = find_gpu()
        print(NO_GPU if card is None else f"{NO_GPU}; {card.name} is there: {CUDA_BUILD}", flush=True)
    if options.rehearse:
        torch.set_num_threads(1)  # a model as small as this waits more than it computes
    work = (options.work or Path(tempfile.mkdtemp(prefix="gpu_day_"))).absolute()
    work.mkdir(parents=True, exist_ok=True)
    day = Day(work, "cuda" if usable else "cpu", options.rehearse, time.monotonic() + 60 * options.minutes)
    file = options.json or work / "gpu_day.json"
    for section in SECTIONS:
        wanted = not options.only or section.name in options.only
        if wanted and (usable or section.on_cpu or options.rehearse):
            day.found[section.name] = _answer(section, day)
            file.write_text(json.dumps(day.found, indent=1), encoding="utf-8")
    print(f"\n{table(day.found)}\n\nall of it: {file}")
    failed = [name for name, one in day.found.items() if "failed" in one]
    sys.exit(f"failed: {', '.join(failed)}" if failed else 0)


def _answer(section: Section, day: Day) -> dict[str, Any]:
    if time.monotonic() + LEAST_S > day.ends:
        return {"left out": "the time was up"}
    let_go()
    began = time.monotonic()
    answer: dict[str, Any]
    try:
        answer = {"found": section.work(day)}
    except Exception as error:  # whatever a card may come up with: the other sections are worth having
        lines = str(error).splitlines() or [""]
        answer = {"failed": f"{type(error).__name__}: {lines[0]}", "traceback": traceback.format_exc()}
    answer["seconds"] = round(time.monotonic() - began, 1)
    print(f"{section.name}: {answer.get('failed', 'done')}, {answer['seconds']} s", flush=True)
    return answer


def table(found: Mapping[str, Mapping[str, Any]]) -> str:
    """The settings of a step as a table in Markdown, and what the other sections say as lines."""
    lines = []
    steps = found.get("steps and memory", {}).get("found")
    if steps:
        columns = list(dict.fromkeys(key for row in steps.values() for key in row))
        lines += ["| | " + " | ".join(columns) + " |", "|---|" + "---:|" * len(columns)]
        for name, row in steps.items():
            lines.append(f"| {name} | " + " | ".join(_shown(row.get(key)) for key in columns) + " |")
    for name, answer in found.items():
        if name not in ("steps and memory", "machine"):
            said = answer.get("found", answer.get("failed", answer.get("left out")))
            rows = said if isinstance(said, dict) else {"": said}
            lines += [
                "",
                f"{name}:",
                *(f"  {key}: {_shown(value)}" if key else f"  {value}" for key, value in rows.items()),
            ]
    return "\n".join(lines)


def _shown(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.4g}"
    if isinstance(value, Mapping):
        return ", ".join(f"{key} {_shown(each)}" for key, each in value.items())
    return "" if value is None else str(value)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("work", type=Path, nargs="?")
    parser.add_argument("--json", type=Path, help="where to write what was found; default: WORK/gpu_day.json")
    parser.add_argument("--minutes", type=float, default=8.0)
    parser.add_argument("--only", nargs="+", metavar="SECTION", choices=[section.name for section in SECTIONS])
    parser.add_argument("--rehearse", action="store_true", help="every section with a small model, also on a CPU")
    return parser.parse_args()


if __name__ == "__main__":
    main()
