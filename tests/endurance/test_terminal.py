"""Ctrl-C in a real terminal, and a terminal that is closed."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest

from testbed.killing import FILES, command, phase_folder
from testbed.soak import leftovers
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.metrics import read_metrics

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has other terminals")


class Terminal:
    """A command in a terminal of its own."""

    def __init__(self, words: list[str]) -> None:
        import fcntl
        import termios

        self.master, slave = os.openpty()

        def take_the_terminal() -> None:
            os.setsid()
            fcntl.ioctl(slave, termios.TIOCSCTTY, 0)

        self.process = subprocess.Popen(words, stdin=slave, stdout=slave, stderr=slave, preexec_fn=take_the_terminal)
        os.close(slave)
        self.shown = ""
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        with contextlib.suppress(OSError):
            while part := os.read(self.master, 4096):
                self.shown += part.decode("utf-8", errors="replace")

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)

    def close(self) -> None:
        """Close the window: the system tells the command with SIGHUP, and nothing can be printed any more."""
        os.close(self.master)


def wait_for_steps(project: Path, process: subprocess.Popen[bytes]) -> None:
    while len(read_metrics(phase_folder(project).metrics).steps) < 3 and process.poll() is None:
        time.sleep(0.02)


def test_ctrl_c_keeps_the_work_and_says_how_to_go_on(ready: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(ready, tmp_path / "project"))
    terminal = Terminal(command(project))
    wait_for_steps(project, terminal.process)
    began = time.monotonic()
    terminal.type(b"\x03")
    code = terminal.process.wait(60)
    seconds = time.monotonic() - began
    time.sleep(0.2)  # for the rest of what it showed
    assert code == 130, terminal.shown
    assert seconds < 10
    assert "Traceback" not in terminal.shown
    assert "what is done is kept. Continue with:" in terminal.shown
    assert "phase1 -f" in terminal.shown
    info = read_model_info(phase_folder(project))
    assert info is not None
    assert (info["status"], info["reason"]["name"]) == ("interrupted", "interrupted")
    assert phase_folder(project).recorded_steps()[-1] == info["steps"]


def test_a_closed_terminal_keeps_the_work_too(ready: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(ready, tmp_path / "project"))
    terminal = Terminal(command(project))
    wait_for_steps(project, terminal.process)
    terminal.close()
    terminal.process.wait(60)
    folder = phase_folder(project)
    info = read_model_info(folder)
    assert info is not None
    assert info["status"] == "interrupted"
    assert folder.recorded_steps()[-1] == info["steps"]
    assert leftovers(project) == []


def test_a_command_that_does_not_listen_outlives_its_terminal(ready: Path, tmp_path: Path) -> None:
    project = Path(shutil.copytree(ready, tmp_path / "project"))
    (project / "eval" / "decision_matrix.yaml").write_text(FILES["eval/decision_matrix.yaml"], encoding="utf-8")
    terminal = Terminal(["sh", "-c", 'trap "" HUP; exec "$@"', "sh", *command(project)])  # as nohup does
    wait_for_steps(project, terminal.process)
    terminal.close()
    folder = phase_folder(project)
    while (info := read_model_info(folder)) is None and terminal.process.poll() is None:
        time.sleep(0.02)
    assert info is not None
    assert info["status"] == "done"
    assert terminal.process.poll() is None, "it goes on, to what comes after the phase"
    terminal.process.terminate()
    assert terminal.process.wait(60) == 130
