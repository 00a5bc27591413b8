"""The server: this computer's own page alone, events as they come, sound and nothing else."""

from __future__ import annotations

import http.client
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.monitor.browser import served
from tests.monitor.made import MadeRun, content_of
from xtts_finetune.monitor.document import page


@pytest.fixture
def made(tmp_path: Path) -> MadeRun:
    run = MadeRun(tmp_path / "run é")
    run.train(50)
    run.speak("phase1", ["One."])
    (run.run.root / "base").mkdir()
    (run.run.root / "base" / "metrics.jsonl").write_bytes(run.folder.metrics.read_bytes().split(b"\n")[0] + b"\n")
    return run


@pytest.fixture
def port(made: MadeRun) -> Iterator[int]:
    with served([made.run.root]) as number:
        yield number


def get(port: int, path: str, **headers: str) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
    connection.request("GET", path, headers={name.capitalize(): value for name, value in headers.items()})
    return connection.getresponse()


def next_event(response: http.client.HTTPResponse) -> dict[str, Any]:
    while True:
        line = response.readline()
        assert line, "the stream ended"
        if line.startswith(b"data: "):
            return json.loads(line[6:])


def test_events_tell_all_at_first_and_then_the_curves_that_moved(made: MadeRun, port: int) -> None:
    before = content_of(made.run.root)
    response = get(port, "/events")
    first = next_event(response)
    assert first["runs"][0]["name"] == "run é" and set(first["curves"]["0"]) == {"base", "phase1"}
    made.train(25)
    told = next_event(response)
    while "0" not in told["curves"]:  # memory or disk moved
        told = next_event(response)
    assert set(told["curves"]["0"]) == {"phase1"} and told["runs"][0]["candidates"][-1]["last"]["step"] == 75
    response.close()
    changed = {Path(name) for name, state in content_of(made.run.root).items() if before.get(name) != state}
    assert changed == {Path("phase1/metrics.jsonl")}  # what the test wrote


@pytest.mark.parametrize("path", ["/", "/events", "/sound/0/phase1/utterances/s0_s1.wav"])
@pytest.mark.parametrize("host", ["evil.example", "127.0.0.1:1", "localhost.evil.example", ""])
def test_other_names_for_this_computer_get_nothing(port: int, path: str, host: str) -> None:
    assert get(port, path, host=host).status in (400, 421)


def test_sound_is_served_in_pieces_and_nothing_else_is(port: int) -> None:
    whole = get(port, "/sound/0/phase1/utterances/s0_s1.wav")
    assert whole.status == 200 and whole.read()[:4] == b"RIFF"
    part = get(port, "/sound/0/phase1/utterances/s0_s1.wav", range="bytes=0-9")
    assert part.status == 206 and len(part.read()) == 10
    for path in (
        "/sound/0/phase1/metrics.jsonl",
        "/sound/0/phase1/utterances/..%2F..%2Fdata.json",
        "/sound/7/phase1/utterances/s0_s1.wav",
        "/data.json",
    ):
        assert get(port, path).status == 404


def test_the_page_reaches_nothing_and_runs_nothing_but_its_own(port: int) -> None:
    response = get(port, "/")
    text = response.read().decode("utf-8")
    assert response.getheader("X-Frame-Options") == "DENY"
    assert "default-src 'none'" in text and "unsafe" not in text and "://" not in text
    assert "connect-src 'none'" in page("x", "now", {"runs": []})


def test_records_cannot_end_the_element_that_holds_them() -> None:
    hostile = "</script><script>alert(1)</script><!--\u2028"
    assert "<script>alert" not in page("<script>alert(1)</script>", "now", {"runs": hostile})
