"""`xtts-finetune monitor` as a user runs it."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.monitor.made import MadeRun, content_of

COMMAND = [sys.executable, "-m", "xtts_finetune.cli.main", "monitor"]


def monitor(*words: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*COMMAND, *words], cwd=cwd, capture_output=True, encoding="utf-8", check=False)


@pytest.fixture
def made(tmp_path: Path) -> MadeRun:
    run = MadeRun(tmp_path / "my run")
    run.train(50)
    return run


def test_on_a_pipe_it_says_how_things_are_and_ends(made: MadeRun, tmp_path: Path) -> None:
    done = monitor("my run", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout.startswith("my run: cut off\n  phase1 training: step 50 of 400 (12 %)")
    asked = monitor("my run", "--json", cwd=tmp_path)
    told = json.loads(asked.stdout)
    assert told["runs"][0]["candidates"][0]["best"]["step"] == 50
    assert len(told["curves"]["0"]["phase1"]["mel_ce"]) == 3


def test_a_picture_and_a_page_are_written_beside_the_run_and_never_into_it(made: MadeRun, tmp_path: Path) -> None:
    before = content_of(made.run.root)
    done = monitor("my run", "--png", "curves.png", "--html", "page.html", cwd=tmp_path)
    assert done.returncode == 0 and done.stdout == "written: curves.png\nwritten: page.html\n"
    assert (tmp_path / "curves.png").read_bytes()[:4] == b"\x89PNG"
    assert "phase1" in (tmp_path / "page.html").read_text(encoding="utf-8")
    refused = monitor("my run", "--png", "my run/curves.png", cwd=tmp_path)
    assert refused.returncode == 2 and "where the monitor writes nothing" in refused.stderr
    assert content_of(made.run.root) == before


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["nowhere"], "there is no such run yet"),
        (["file"], "is no folder"),
        (["project"], "holds a config"),
        (["my run", "--demo"], "not both"),
        (["my run", "--web", "--watch"], "ask for one of them"),
        ([], "pipeline.yaml"),
        (["--demo"], "run this first:\n  run_pipeline --demo\n"),
    ],
)
def test_what_cannot_be_is_said_on_one_line(made: MadeRun, tmp_path: Path, words: list[str], said: str) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "project").mkdir()
    (tmp_path / "project" / "pipeline.yaml").touch()
    done = monitor(*words, cwd=tmp_path)
    assert done.returncode == 2 and said in done.stderr and "Traceback" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C goes to a whole console there")
def test_the_server_says_where_it_is_and_ends_quietly_with_an_open_page(made: MadeRun, tmp_path: Path) -> None:
    process = subprocess.Popen(
        [*COMMAND, "not yet", "my run", "--web", "--port", "0"],
        cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    )  # fmt: skip
    try:
        assert process.stdout is not None
        (address,) = re.findall(r"http://127\.0\.0\.1:\d+/", process.stdout.readline())
        with urllib.request.urlopen(address + "events", timeout=20) as events:
            assert events.readline().startswith(b'data: {"runs":[{"name":"not yet"')
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
        assert (process.returncode, errors) == (0, "")
    finally:
        process.kill()
        process.wait()


@pytest.mark.skipif(os.name == "nt", reason="Windows has no such terminals")
def test_a_terminal_is_watched_until_ctrl_c_and_keeps_the_last_look(made: MadeRun, tmp_path: Path) -> None:
    import pty

    ours, theirs = pty.openpty()
    process = subprocess.Popen([*COMMAND, "my run"], cwd=tmp_path, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    seen = b""
    try:
        while b"step 50 of 400" not in seen:
            seen += os.read(ours, 65536)
        made.train(25)
        while b"step 75 of 400" not in seen:
            seen += os.read(ours, 65536)
        process.send_signal(signal.SIGINT)
        with contextlib.suppress(OSError):  # Linux's way to say that the other side is closed
            while piece := os.read(ours, 65536):
                seen += piece
        assert process.wait(20) == 0
    finally:
        process.kill()
        process.wait()
        os.close(ours)
    left = seen[seen.rindex(b"\x1b[?1049l") :]  # what stands on the terminal's own screen
    assert b"step 75 of 400" in left and b"Traceback" not in seen
