"""The served page takes ratings directly, from this computer's own page alone."""

from __future__ import annotations

import http.client
import json
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from testbed.browser import chromium_or_skip
from tests.evaluation.listening.driver import answer, begin, practise, until
from tests.evaluation.listening.spoken_run import spoken_run
from xtts_finetune.evaluation.listening.make import Wanted, make_test
from xtts_finetune.evaluation.listening.material import gather_material
from xtts_finetune.evaluation.listening.taking import Taken, make_app
from xtts_finetune.look.loopback import open_port
from xtts_finetune.records.heard.listening_files import ListeningTest, checksum, read_test


@pytest.fixture(scope="module")
def test(tmp_path_factory: pytest.TempPathFactory) -> ListeningTest:
    declaration, run = spoken_run(tmp_path_factory.mktemp("served"), 2, 0.1)
    material = gather_material(declaration, run, ("base", "phase1"))
    folder = run.listening_test("test-1")
    make_test(folder, Wanted("test-1", (("base", "phase1"),), "short", 1), material, material.lines, "hu")
    return read_test(folder)


class Served:
    """A server in a thread, and what it has taken."""

    def __init__(self, test: ListeningTest) -> None:
        import uvicorn

        self.taken: list[Taken] = []
        self.socket = open_port(0, "--serve")
        self.port = int(self.socket.getsockname()[1])
        app = make_app(test, self.port, self.taken.append)
        self.server = uvicorn.Server(uvicorn.Config(app, log_level="error", lifespan="off"))
        self.thread = threading.Thread(target=self.server.run, kwargs={"sockets": [self.socket]}, daemon=True)
        self.thread.start()

    def ask(self, method: str, path: str, body: bytes | None = None, **headers: str) -> tuple[int, str, Any]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=10)
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        reply = connection.getresponse()
        return reply.status, reply.read().decode(), reply.headers


@pytest.fixture
def served(test: ListeningTest) -> Iterator[Served]:
    for file in test.folder.rating_files():
        file.unlink()
    server = Served(test)
    yield server
    server.server.should_exit = True
    server.thread.join(10)
    server.socket.close()


def rating(test: ListeningTest, answers: int) -> bytes:
    marks = {"a": {"overall": 5}, "b": {"overall": 6}}
    given = [
        {"trial": t, "preference": 1, "marks": marks, "faults": {"a": [], "b": []}, "note": "", "seconds": 3}
        for t in list(test.counted)[:answers]
    ]
    value = {"version": 1, "test": test.id, "form": "short", "session": "a" * 16, "listener": "Ánna"}
    times = {"begun": "2026-11-21T20:00:00Z", "ended": "2026-11-21T20:20:00Z"}
    finished = answers == len(test.counted)
    return json.dumps({**value, **times, "finished": finished, "answers": given, "checksum": checksum(given)}).encode()


def test_ratings_are_taken_as_they_come(served: Served, test: ListeningTest) -> None:
    json_ = {"Content_Type": "application/json"}
    assert served.ask("POST", "/ratings", rating(test, 1), **json_)[0] == 201
    assert served.ask("POST", "/ratings", rating(test, 3), **json_)[0] == 201
    assert served.ask("POST", "/ratings", rating(test, 3), **json_)[:2] == (200, "taken")
    assert [taken.answers for taken in served.taken] == [1, 3]
    assert len(test.folder.rating_files()) == 1


def test_the_page_may_ask_its_own_server_and_no_other(served: Served, test: ListeningTest) -> None:
    status, page, headers = served.ask("GET", "/")
    assert status == 200 and headers["Cache-Control"] == "no-store"
    disk = test.folder.page.read_text(encoding="utf-8")
    assert page == disk.replace("connect-src 'none'", "connect-src 'self'") != disk


@pytest.mark.parametrize(
    ("method", "path", "headers", "body", "status"),
    [
        ("GET", "/", {"Host": "evil.example"}, None, 421),
        ("GET", "/", {"Host": "127.0.0.1:1"}, None, 421),
        ("POST", "/ratings", {"Host": "evil.example", "Content_Type": "application/json"}, b"{}", 421),
        (
            "POST",
            "/ratings",
            {"Origin": "http://evil.example", "Content_Type": "application/json"},
            b"{}",
            403,
        ),
        ("POST", "/ratings", {"Origin": "null", "Content_Type": "application/json"}, b"{}", 403),
        ("POST", "/ratings", {"Content_Type": "text/plain"}, b"{}", 415),
        ("POST", "/ratings", {"Content_Type": "application/json"}, b"{}", 422),
        ("POST", "/ratings", {"Content_Type": "application/json"}, b" " * 5_000_000, 413),
        ("GET", "/ratings", {}, None, 405),
        ("GET", "/key.json", {}, None, 404),
        ("GET", "/../key.json", {}, None, 404),
    ],
)
def test_what_is_refused(
    served: Served, method: str, path: str, headers: dict[str, str], body: bytes | None, status: int
) -> None:
    assert served.ask(method, path, body, **headers)[0] == status
    assert served.taken == []


def test_a_served_test_in_a_browser(served: Served, test: ListeningTest) -> None:
    with chromium_or_skip() as browser:
        page = browser.new_page()
        asked: list[tuple[str, str]] = []
        page.on("request", lambda r: None if r.url.startswith("data:") else asked.append((r.method, r.url)))
        page.goto(f"http://127.0.0.1:{served.port}/")
        begin(page, "Ánna")
        practise(page, "78")
        for _ in range(len(test.counted)):
            before = page.text_content("#where")
            answer(page, 0, "78")
            until(page, f"document.getElementById('trial').hidden || where.textContent !== {json.dumps(before)}")
        until(page, "document.querySelector('#done .sent').textContent === 'Your answers have arrived.'")
        # Coming back does not look like a fault.
        page.reload()
        page.click("#go-on")
        until(page, "document.querySelector('#done .sent').textContent === 'Your answers have arrived.'")
    assert [(taken.listener, taken.answers) for taken in served.taken] == [("Ánna", 3)]
    home = f"http://127.0.0.1:{served.port}"
    assert set(asked) == {("GET", f"{home}/"), ("POST", f"{home}/ratings")}
