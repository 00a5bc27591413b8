"""Work of a test in a process of its own: a function of its module, run as `python -m tests.child MODULE:FUNCTION ...`.

With `killed_at` it kills itself, as a power cut would, just before one of its renames of files in a folder: there is
where a half-written file would show.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
HEAVY = (
    "torch",
    "TTS",
    "trainer",
    "transformers",
    "librosa",
    "matplotlib",
    "scipy",
    "numpy",
    "soundfile",
    "soxr",
)


def start(work: Callable[..., object], *arguments: object, **pipes: Any) -> subprocess.Popen[str]:
    """Begin `work`, a function at the top of a module, with the arguments as text; `pipes` are Popen's."""
    words = [f"{work.__module__}:{work.__name__}", *map(str, arguments)]
    return subprocess.Popen([sys.executable, "-m", "tests.child", *words], cwd=ROOT, text=True, **pipes)


def run(work: Callable[..., object], *arguments: object) -> str:
    """What the work printed. Raises CalledProcessError, with what it said, where it fails."""
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    child = start(work, *arguments, **pipes)
    printed, said = child.communicate(timeout=300)
    assert child.returncode == 0, said
    return printed


def heavy_after(code: str, *arguments: object) -> set[str]:
    """Which of the HEAVY packages a new process has loaded once it has run some imports and calls."""
    ending = f"\nimport sys, json; print(json.dumps([name for name in {HEAVY} if name in sys.modules]))"
    command = [sys.executable, "-c", code + ending, *map(str, arguments)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, encoding="utf-8", check=False, timeout=60)
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout.splitlines()[-1]))


def killed_at(number: int, folder: str | Path, torn: bool = False) -> None:
    """End this process by SIGKILL before its rename of so many files in the folder; `torn`: the file is cut in half."""
    left = number

    def watch(event: str, arguments: tuple[Any, ...]) -> None:
        nonlocal left
        if event != "os.rename" or not Path(os.fsdecode(arguments[0])).is_relative_to(folder):
            return
        left -= 1
        if left == 0:
            if torn:
                os.truncate(arguments[0], Path(os.fsdecode(arguments[0])).stat().st_size // 2)
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(watch)


if __name__ == "__main__":
    module, _, name = sys.argv[1].partition(":")
    getattr(importlib.import_module(module), name)(*sys.argv[2:])
