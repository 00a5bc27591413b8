"""The verb `serve` as a user types it: what it refuses before it loads anything, and that it speaks until Ctrl-C."""

from __future__ import annotations

import http.client
import json
import os
import re
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.test_commands import command, imported
from tests.pipeline.project import make_project
from tests.shipping.shippable import make_shippable


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "nothing is shipped yet"),
        (("--model", "nowhere"), "nowhere: no shipped model is here"),
        (("--queue", "0"), "--queue"),
        (("--port", "70000"), "--port"),
        (("--device", "tpu"), "'tpu' is not one of 'auto'"),
    ],
)
def test_what_cannot_be_served_is_refused_in_no_time(tmp_path: Path, words: tuple[str, ...], said: str) -> None:
    make_project(tmp_path)
    done = command("xtts-finetune", "serve", *words, cwd=tmp_path, probe=True)
    assert done.returncode == 2
    assert said in done.stderr and "Traceback" not in done.stderr
    assert imported(done) == "HEAVY []"


@pytest.fixture(scope="module")
def voice(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shippable(tmp_path_factory.mktemp("serve") / "Kvíz műsor")


def test_a_port_that_is_taken_and_an_open_door_are_refused_before_the_model_is_loaded(voice: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = command("xtts-finetune", "serve", "--candidate", "phase1", "--port", port, cwd=voice)
    assert done.returncode == 2 and f"port {port} of 127.0.0.1 cannot be used" in done.stderr
    done = command("xtts-finetune", "serve", "--candidate", "phase1", "--host", "0.0.0.0", cwd=voice)
    assert done.returncode == 2 and "have them bring a token, as\n  --token " in done.stderr
    assert "loading" not in done.stderr


@pytest.mark.skipif(os.name == "nt", reason="Ctrl-C goes to a whole console there")
def test_it_speaks_until_ctrl_c(voice: Path) -> None:
    words = [sys.executable, "-m", "xtts_finetune.cli.main", "serve", "--candidate", "phase1", "--port", "0"]
    environment = {**os.environ, "NO_COLOR": "1"}
    with subprocess.Popen(words, cwd=voice, stderr=subprocess.PIPE, encoding="utf-8", env=environment) as serving:
        assert serving.stderr is not None
        said = ""
        for line in serving.stderr:
            said += line
            if "Ctrl-C" in line:
                break
        found = re.search(r"http://127\.0\.0\.1:(\d+)/v1", said)
        assert found, said
        connection = http.client.HTTPConnection("127.0.0.1", int(found[1]), timeout=60)
        asked = json.dumps({"input": "Jó reggelt kívánok.", "response_format": "opus"})
        connection.request("POST", "/v1/audio/speech", asked, {"Content-Type": "application/json"})
        answer = connection.getresponse()
        assert (answer.status, answer.read()[:4]) == (200, b"OggS")
        serving.send_signal(signal.SIGINT)
        said += serving.stderr.read()
        assert serving.wait(30) == 0, said
    assert "19 characters: " in said and "Traceback" not in said
