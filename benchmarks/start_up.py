"""How soon the commands answer that start nothing: `python -m benchmarks.start_up [--tries N]`.

Seconds of the clock and of the processor, the least of several tries, of `--help` and of a plan of the demo.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import time
from pathlib import Path

DEMO = Path(__file__).parents[1] / "samples" / "demo"
COMMANDS = {
    "run_pipeline --help": ("run_pipeline", "--help"),
    "xtts-finetune --help": ("main", "--help"),
    "run_pipeline --plan": ("run_pipeline", "--plan", "-f", str(DEMO)),
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=5)
    options = parser.parse_args()
    print(f"{'':24}{'clock, s':>10}{'processor, s':>14}")
    for name, (module, *arguments) in COMMANDS.items():
        command = [sys.executable, "-m", f"xtts_finetune.cli.{module}", *arguments]
        clock, processor = zip(*(timed(command) for _ in range(options.tries)), strict=True)
        print(f"{name:24}{min(clock):10.2f}{min(processor):14.2f}")


def timed(command: list[str]) -> tuple[float, float]:
    """Seconds of the clock and, where the system tells, of the processor."""
    began, before = time.perf_counter(), os.times()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    clock, after = time.perf_counter() - began, os.times()
    used = after.children_user + after.children_system - before.children_user - before.children_system
    return clock, used if os.name == "posix" else float("nan")


if __name__ == "__main__":
    main()
