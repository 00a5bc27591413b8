"""The review page as one uses it: with a keyboard alone, in a browser; what it wrote holds after importing again."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import soundfile

from testbed.browser import chromium_or_skip
from testbed.recording import imported, record
from xtts_finetune.errors import UserError
from xtts_finetune.look.loopback import open_port
from xtts_finetune.recordings.review.decisions import REJECTED, NotDecided
from xtts_finetune.recordings.review.desk import Desk
from xtts_finetune.recordings.review.renewing import renew
from xtts_finetune.recordings.review.server import make_app
from xtts_finetune.records.stretches import METADATA, STRETCHES, read_stretches

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

CLIPS = 5


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A data set of five doubtful clips, in a folder with spaces and accents."""
    made = tmp_path / "Ági's voice"
    made.mkdir()
    source = tmp_path / "an evening.wav"
    imported(made, source, record(source, CLIPS))
    return made


def kept(folder: Path) -> list[list[str]]:
    return [line.split("|") for line in (folder / METADATA).read_text(encoding="utf-8").splitlines()[1:]]


def test_clips_metadata_and_records_agree_after_every_decision(folder: Path) -> None:
    desk = Desk(folder)
    first, second, third = [clip["id"] for clip in desk.state()["clips"] if clip["state"] == "doubtful"][:3]
    desk.take({"action": "keep", "id": first, "text": 'The sailor said "aye".'})
    desk.take({"action": "reject", "id": second})
    changed = desk.take({"action": "split", "id": third, "seconds": 2.0})
    assert changed["gone"] == [third] and len(changed["clips"]) == 2
    parts = [clip["text"] for clip in sorted(changed["clips"], key=lambda clip: clip["start"])]
    assert " ".join(parts) == "We saw the road after dinner. The forest is little and broken."

    assert len(kept(folder)) == 1 and "sailor" in kept(folder)[0][1]
    now = read_stretches(folder)
    assert [one.start for one in now[1:]] == [one.end for one in now[:-1]]
    assert [one.state for one in now if REJECTED in one.reasons] == ["left out"]
    for one in now:
        if one.file is not None and one.state != "left out":
            assert soundfile.info(folder / one.file).duration == pytest.approx(one.seconds, abs=0.13)

    again = renew(folder, found=read_stretches(folder, ".import/found.jsonl"))
    assert [one.as_json() for one in again.stretches] == [one.as_json() for one in now] and not again.lost


def test_what_another_window_changed_is_refused_with_what_to_do(folder: Path) -> None:
    desk = Desk(folder)
    name = next(clip["id"] for clip in desk.state()["clips"] if clip["state"] == "doubtful")
    desk.take({"action": "merge", "id": name})
    before = (folder / "review.jsonl").read_bytes()
    for asked in ({"action": "keep", "id": name}, {"action": "sing", "id": "0-0-1"}, {}):
        with pytest.raises(NotDecided):
            desk.take(asked)
    assert (folder / "review.jsonl").read_bytes() == before


def test_a_folder_that_no_import_made_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=STRETCHES):
        Desk(tmp_path)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium_or_skip() as started:
        yield started


@pytest.fixture
def address(folder: Path) -> Iterator[str]:
    import uvicorn

    listener: socket.socket = open_port(0, "review")
    port = int(listener.getsockname()[1])
    server = uvicorn.Server(uvicorn.Config(make_app(Desk(folder), port), log_level="warning", lifespan="off"))
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]})
    thread.start()
    yield f"http://127.0.0.1:{port}/"
    server.should_exit = True
    thread.join(20)


def press(page: Page, *keys: str) -> None:
    """Press keys, each once the page has shown what the one before did."""
    for key in keys:
        page.keyboard.press(key)
        page.wait_for_selector("body[aria-busy=false]")


def test_with_a_keyboard_alone_clips_are_edited_rejected_split_merged_and_brought_back(
    browser: Browser, address: str, folder: Path
) -> None:
    page = browser.new_page(viewport={"width": 390, "height": 800})
    wrong: list[str] = []
    page.on("pageerror", lambda error: wrong.append(str(error)))
    page.on(
        "console", lambda told: wrong.append(told.text) if told.type == "error" and "422" not in told.text else None
    )
    page.goto(address)
    page.wait_for_selector("#clip:not([hidden])")
    press(page, "e")
    page.keyboard.type(" Indeed.")
    press(page, "Enter")  # the first
    press(page, "x", "u", "x")  # the second
    press(page, "m", "u")  # the third, then back
    press(page, "h", "k")  # with what the second reading heard
    press(page, "e", "Control+Enter")
    assert "between two words" in page.inner_text("#said")
    press(page, "Control+Home")
    for _ in range(5):
        page.keyboard.press("ArrowRight")
    press(page, "Control+Enter")  # the fourth is split near its second word
    assert "check both" in page.inner_text("#said")
    assert [text for _, text, _ in kept(folder)] == [
        "We sold the road after dinner. This bridge is under the tree. Indeed.",
        "Perhaps saw the road after dinner. The forest is little and broken.",
    ]

    page.reload()  # goes on where it was
    page.wait_for_selector("#clip:not([hidden])")
    assert "3 of 6 clips checked" in page.inner_text("#counter")
    press(page, "k", "k", "k")
    assert page.is_visible("#finished"), page.inner_text("body")
    assert len(kept(folder)) == 5
    assert not page.evaluate("document.documentElement.scrollWidth > innerWidth")
    assert not wrong
    page.close()


def test_the_page_plays_the_clip_slower_and_shows_what_it_cannot_do(
    browser: Browser, address: str, folder: Path
) -> None:
    page = browser.new_page(viewport={"width": 1280, "height": 800})
    page.goto(address)
    page.wait_for_selector("canvas[data-peaks='320']")
    press(page, "-")
    assert page.evaluate("[sound.playbackRate, sound.preservesPitch]") == [0.75, True]
    press(page, "e", "Control+a", "Delete", "Enter")
    assert "needs its text" in page.inner_text("#said")
    assert kept(folder) == []
    page.close()
