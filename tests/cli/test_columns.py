"""What commands print in a terminal of 80 columns and of others: no word broken, nothing cut, commands in one piece."""

from __future__ import annotations

import importlib
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from threading import Timer

import pytest

from tests.pipeline.project import make_project
from xtts_finetune.look.commands import NAMED

if sys.platform == "win32":
    pytest.skip("Windows has no pseudo-terminals for tests", allow_module_level=True)

import fcntl
import pty
import struct
import termios

COLUMNS = 80
DEEP = "a/folder/that/is/not/there/and/whose/name/is/longer/than/eighty/columns/and/more/pipeline.yaml"
COMMANDS = {
    "plan": ("run_pipeline", "--plan"),
    "doctor": ("main", "doctor"),
    "listen": ("main", "listen"),
    "diagnose": ("main", "diagnose", "train.log"),
    "solve": ("main", "solve", "phase1"),
    "monitor": ("main", "monitor", "--png", "run/trial/x.png"),
    "fetch": ("main", "fetch", "xtts_v3"),
    "wrong file": ("run_pipeline", "-f", DEEP),
    "wrong values": ("run_pipeline", "--set", "phase1.learning_rate=fast", "--set", "base=xtts_v2"),
    "no verb": ("main",),
}
ENVIRONMENT = {"NO_COLOR": "1", "TERM": "xterm", "TTS_HOME": "/nonexistent"}
# What frames a table, and what stands between the cells of its list.
FRAME = re.compile(r"[━─│┃┏┓└┘┡┩╇┳┴┬├┤┼╈╋┗┛┠┨●⠀-⣿]|[:;,.]+$")


def words_of(text: str) -> set[str]:
    """Its words, but for numbers: free memory changes from moment to moment."""
    return {word for each in text.split() if (word := FRAME.sub("", each)) and not re.fullmatch(r"[\d.]+", word)}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    project = make_project(tmp_path_factory.mktemp("columns"))
    rows = [f"step {number}: loss {3 - number / 100:.4f}" for number in range(1, 60)]
    (project.folder / "train.log").write_text("\n".join(rows), encoding="utf-8")
    return project.folder


def start_of(words: tuple[str, ...]) -> list[str]:
    return [sys.executable, "-m", f"xtts_finetune.cli.{words[0]}", *words[1:]]


def environment() -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if name != "COLUMNS"}
    return {**kept, **ENVIRONMENT}


def in_a_pipe(words: tuple[str, ...], folder: Path, capsys: pytest.CaptureFixture[str]) -> str:
    """What it prints there: run in this process, which has imported most of it already."""
    with pytest.MonkeyPatch.context() as patch, pytest.raises(SystemExit):
        patch.chdir(folder)
        patch.delenv("COLUMNS", raising=False)
        for name, value in {**ENVIRONMENT, NAMED: ""}.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", [f"{words[0]}.py", *words[1:]])
        importlib.import_module(f"xtts_finetune.cli.{words[0]}").main()
    return "".join(capsys.readouterr())


def in_a_terminal(words: tuple[str, ...], folder: Path, ctrl_c_at: str = "") -> str:
    """What it shows; a Ctrl-C is sent when it shows `ctrl_c_at`."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 200, COLUMNS, 0, 0))
    with subprocess.Popen(
        start_of(words),
        cwd=folder,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        env=environment(),
        # Who starts the tests in the background passes an ignored Ctrl-C on.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL) and None,
    ) as process:
        os.close(theirs)
        too_long, again = Timer(120, process.kill), Timer(10, process.send_signal, (signal.SIGINT,))
        too_long.start()
        shown = b""
        try:
            while part := os.read(ours, 65536):
                shown += part
                if ctrl_c_at and ctrl_c_at in shown.decode(errors="replace"):
                    process.send_signal(signal.SIGINT)
                    again.start()  # one that comes while Python runs a callback is lost, as it is for a person
                    ctrl_c_at = ""
        except OSError:  # the end of a terminal on Linux
            pass
        os.close(ours)
        too_long.cancel()
        again.cancel()
    assert process.returncode in (0, 1, 2, 130), shown
    return re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown.decode().replace("\r\n", "\n"))


@pytest.mark.parametrize("name", COMMANDS)
def test_no_word_is_broken_or_cut(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = in_a_pipe(COMMANDS[name], folder, capsys)
    shown = in_a_terminal(COMMANDS[name], folder)
    assert words_of(shown) <= words_of(printed)
    assert "…" not in shown
    # Longer lines are there for a path or a command alone.
    long = [line.strip() for line in shown.splitlines() if len(line) > COLUMNS]
    assert [line for line in long if not re.match(r"[\w./'\"\\-]*/\S+$|xtts-finetune |run_pipeline ", line)] == []
    assert (DEEP in shown) == (name == "wrong file")


def test_ctrl_c_at_a_question_promises_nothing(folder: Path) -> None:
    shown = in_a_terminal(("main", "init", "anna"), folder, ctrl_c_at="recordings and their texts:")
    assert "interrupted. Start again with:" in shown
    assert "init anna" in shown
    assert "kept" not in shown and "Traceback" not in shown
    assert not (folder / "anna").exists()


def test_a_pipe_gets_every_sentence_on_one_line(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    printed = in_a_pipe(COMMANDS["diagnose"], folder, capsys)
    assert any(len(line) > 120 and line.count(" ") > 15 for line in printed.splitlines())
