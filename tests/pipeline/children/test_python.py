"""A child imports what is installed, whatever lies in the folder that the user is in."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from xtts_finetune.pipeline.children.python import code_arguments, module_arguments, python_module
from xtts_finetune.pipeline.children.running import python_child
from xtts_finetune.pipeline.phase.launch import RANK

SAFE = sys.version_info >= (3, 11)
OLD = "raise RuntimeError('old code was imported')\n"
IMPORTS = "import random, runpy, sys, TTS, xtts_finetune; print(TTS.__file__); print(xtts_finetune.__file__)\n"


@pytest.fixture
def cluttered(tmp_path: Path) -> Path:
    """A folder with a clone of Coqui's TTS, an old checkout, and files named as Python's own modules."""
    for package in ("TTS", "xtts_finetune", "torch"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text(OLD, encoding="utf-8")
    for module in ("random", "runpy", "json"):
        (tmp_path / f"{module}.py").write_text(OLD, encoding="utf-8")
    return tmp_path


def test_code_imports_what_is_installed(cluttered: Path) -> None:
    lines = _printed([sys.executable, *code_arguments(IMPORTS)], cluttered)
    assert not any(line.startswith(str(cluttered)) for line in lines)


def test_a_module_and_the_processes_that_it_starts_do_too(cluttered: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    elsewhere = cluttered / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "looks.py").write_text(
        # A spawned process imports this file once more, under another name.
        f"import multiprocessing, sys\nif __name__ == '__main__':\n    {IMPORTS}    assert sys.argv[1:] == ['a b']\n"
        "    sys.version_info >= (3, 11) and print(multiprocessing.get_context('spawn').Pool(1).apply(len, ['abc']))\n",
        encoding="utf-8",
    )
    monkeypatch.setenv("PYTHONPATH", str(elsewhere))
    lines = _printed(python_module("looks", ["a b"]), cluttered)
    assert lines[2:] == (["3"] if SAFE else [])
    assert not any(line.startswith(str(cluttered)) for line in lines)


def test_every_child_is_started_so() -> None:
    frame = python_child("some.module", ["job.json"])
    assert frame == python_module("xtts_finetune.pipeline.children.child", ["some.module", "job.json"])
    assert list(RANK) == module_arguments("xtts_finetune.pipeline.phase.child")


def test_no_file_of_the_package_starts_python_otherwise() -> None:
    package = Path(__file__).parents[3] / "xtts_finetune"
    for file in package.rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert file.name == "machine/packages.py" or 'sys.executable, "-' not in text, file


def _printed(command: list[str], folder: Path) -> list[str]:
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()
