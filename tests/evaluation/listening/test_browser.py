"""The page in a real browser, from disk: a whole test by keyboard alone, and what it must not do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from testbed.browser import chromium_or_skip
from tests.evaluation.listening.driver import answer, begin, hear, open_page, practise, tab_to, until
from tests.evaluation.listening.spoken_run import spoken_run
from tests.pipeline.made_up_run import add_base, add_phase
from xtts_finetune.evaluation.decision import decide
from xtts_finetune.evaluation.listening.make import Wanted, make_test
from xtts_finetune.evaluation.listening.material import gather_material
from xtts_finetune.evaluation.listening.taking import take_file
from xtts_finetune.records.heard.listening import read_votes
from xtts_finetune.records.heard.listening_files import ListeningTest, read_test
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.declaration import Declaration

if TYPE_CHECKING:
    from playwright.sync_api import Browser

Made = tuple[Declaration, RunFolder, ListeningTest]


def lay_down(folder: Path, sentences: int, seconds: float, form: str = "full") -> Made:
    declaration, run = spoken_run(folder, sentences, seconds)
    material = gather_material(declaration, run, ("base", "phase1"))
    test = run.listening_test("test-1")
    make_test(test, Wanted("test-1", (("base", "phase1"),), form, 1), material, material.lines, "hu")
    return declaration, run, read_test(test)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium_or_skip() as found:
        yield found


@pytest.fixture(scope="module")
def slow(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """Two sentences of more than a second, the short form."""
    return lay_down(tmp_path_factory.mktemp("slow"), 2, 1.2, "short")


def towards_phase1(test: ListeningTest, trial: str) -> int:
    """What a listener answers who likes phase1 better and hears everything."""
    key = test.trials[trial]
    worth = {"anchor": 0, "base": 1, "phase1": 2, "reference": 3}
    return max(-2, min(2, worth[key.b] - worth[key.a]))


def test_a_whole_test_by_keyboard_alone(browser: Browser, tmp_path: Path) -> None:
    declaration, run, test = lay_down(tmp_path / "Hangpróba őű", 13, 0.12)
    add_base(run)
    add_phase(run, "phase1", 5.046, 3.45, 100, Stop(Reason.ALL_STEPS_DONE, "all 100 steps are done"))
    page, asked = open_page(browser, test.folder.page)
    order = [trial["trial"] for trial in page.evaluate("TEST.trials")]
    assert len(order) == 15

    begin(page, "Ánna B.")
    lessons = practise(page)
    assert any("high tones" in lesson for lesson in lessons) and any("noise" in lesson for lesson in lessons)
    for number, trial in enumerate(order):
        if number == 7:
            # The page is closed in the middle, and opened again.
            page.reload()
            assert "7 of 15 comparisons are done" in (page.text_content("#resume-text") or "")
            tab_to(page, "go-on")
            page.keyboard.press("Enter")
        until(page, f"all[position].trial === '{trial}'")
        assert page.text_content("#where") == f"Comparison {number + 1} of 15"
        answer(page, towards_phase1(test, trial))

    page.wait_for_selector("#done:not([hidden])")
    tab_to(page, "download")
    with page.expect_download() as waiting:
        page.keyboard.press("Enter")
    file = tmp_path / waiting.value.suggested_filename
    assert file.name == f"listening-{test.id[:8]}-A-nna-B.json"
    waiting.value.save_as(file)
    assert asked == []

    taken = take_file(file, [test])
    assert (taken.listener, taken.answers, taken.checks, taken.passed) == ("Ánna B.", 15, 2, 2)
    votes = read_votes(run)
    assert len(votes.votes) == 13
    assert {vote.preference for vote in votes.votes} == {1.0}
    first = json.loads(file.read_text(encoding="utf-8"))["answers"][0]
    assert first["marks"]["a"] == {"smoothness": 7, "naturalness": 8, "emotion": 9, "overall": 8}
    assert first["marks"]["b"] == {"smoothness": 6, "naturalness": 5, "emotion": 10, "overall": 4}

    decision = decide(declaration, run)
    assert (decision.status, decision.ship) == ("decided", "phase1")
    assert decision.to_json()["preferences"][0]["wins_second"] == 13


def test_both_must_be_heard_before_anything_is_answered(browser: Browser, slow: Made) -> None:
    page, asked = open_page(browser, slow[2].folder.page)
    begin(page, "Béla")
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    assert page.locator("#preference:disabled").count() == 1
    assert page.locator("[name=preference]:checked").count() == 0
    assert "Listen to A and B to the end" in (page.text_content("#missing") or "")
    hear(page, "a")
    assert "Listen to B to the end" in (page.text_content("#gate") or "")
    hear(page, "b")
    page.keyboard.press("4")
    page.keyboard.press("Enter")
    # What is missing is said, and the focus is where it can be given.
    assert "A score is missing: Overall of A" in (page.text_content("#missing") or "")
    assert page.evaluate("document.activeElement.getAttribute('aria-label')") == "Overall of A"
    assert page.text_content("#where") == "Practice 1 of 3"
    assert asked == []


def test_switching_goes_on_at_the_same_place(browser: Browser, slow: Made) -> None:
    page, asked = open_page(browser, slow[2].folder.page)
    begin(page, "Béla")
    page.evaluate("state.practised = 3; goOn()")
    # Where each sound was sent to: asking where it is comes too late on a busy machine.
    page.evaluate(
        "window.sent_to = {a: [], b: []}; for (const side of ['a', 'b']) player.sounds[side]"
        ".addEventListener('seeking', (event) => sent_to[side].push(event.target.currentTime))"
    )
    page.keyboard.press("a")
    until(page, "player.sounds.a.currentTime > 0.3")
    page.keyboard.press("b")
    assert page.evaluate("player.sounds.a.paused")
    assert page.evaluate("player.sounds.b.currentTime") >= 0.3
    until(page, "player.sounds.b.ended")
    # Heard from the middle on is not heard.
    assert 0 < page.evaluate("player.heard('b')") < 0.9
    assert page.locator("#preference:disabled").count() == 1
    # The same again starts over; Space pauses and goes on.
    page.keyboard.press("b")
    until(page, "player.sounds.b.currentTime > 0.2")
    page.keyboard.press("b")
    until(page, "sent_to.b.length >= 3")
    assert page.evaluate("sent_to.b.slice(-1)[0]") < 0.01
    until(page, "player.sounds.b.currentTime > 0.2")
    page.keyboard.press("Space")
    assert page.evaluate("player.sounds.b.paused")
    page.keyboard.press("Space")
    until(page, "player.heard('b') === 1")
    # From the real voice, which says something else, another starts at its beginning.
    page.keyboard.press("r")
    until(page, "player.sounds.r.currentTime > 0.3")
    page.keyboard.press("a")
    until(page, "sent_to.a.length >= 1")
    assert page.evaluate("sent_to.a.slice(-1)[0]") < 0.01
    assert asked == []


def test_an_answer_can_be_taken_back(browser: Browser, slow: Made) -> None:
    page, asked = open_page(browser, slow[2].folder.page)
    begin(page, "Béla")
    page.evaluate("state.practised = 3; goOn()")
    answer(page, 1, "78")
    until(page, "where.textContent.startsWith('Comparison 2')")
    page.click("#back")
    until(page, "where.textContent.startsWith('Comparison 1')")
    assert page.locator("[name=preference]:checked").get_attribute("value") == "1"
    page.keyboard.press("1")
    page.keyboard.press("9")
    page.keyboard.press("Enter")
    until(page, "where.textContent.startsWith('Comparison 2')")
    (kept,) = page.evaluate("Object.values(store.load().answers)")
    assert (kept["preference"], kept["marks"]) == (-2, {"a": {"overall": 9}, "b": {"overall": 8}})
    assert asked == []


def test_everything_has_a_name_for_screen_readers(browser: Browser, slow: Made) -> None:
    page, _ = open_page(browser, slow[2].folder.page)
    assert page.get_by_label("Your name or initials").count() == 1
    begin(page, "Béla")
    hear(page, "a", "b")
    for role, name in [
        ("button", "Real voice"),
        ("button", "Sound A heard ✓"),
        ("group", "Which do you like better?"),
        ("radio", "No difference"),
        ("slider", "Overall of B"),
        ("group", "What is wrong with A? if anything"),
        ("checkbox", "Robotic"),
        ("textbox", "A note if you like"),
        ("progressbar", "Comparisons done"),
    ]:
        assert page.get_by_role(role, name=name).count() >= 1, (role, name)  # type: ignore[arg-type]
    assert page.get_by_role("slider").first.get_attribute("aria-valuetext") == "not set"
    assert page.text_content("#live") == "Both are heard. You can answer now."
    assert page.evaluate("document.querySelectorAll('h1:not([hidden])').length") >= 1


def test_single_keys_can_be_switched_off(browser: Browser, slow: Made) -> None:
    """Who dictates, or types by accident, must not answer by it (WCAG 2.1.4)."""
    page, _ = open_page(browser, slow[2].folder.page)
    begin(page, "Béla")
    page.uncheck("#shortcuts")
    page.keyboard.press("a")
    assert page.evaluate("player.current") is None
    page.check("#shortcuts")
    page.keyboard.press("a")
    assert page.evaluate("player.current") == "a"


@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_wider_than_the_screen(browser: Browser, slow: Made, width: int) -> None:
    page, _ = open_page(browser, slow[2].folder.page, width)
    widths = ["document.documentElement.scrollWidth"]
    assert [page.evaluate(each) for each in widths] == [width]
    begin(page, "Béla")
    assert [page.evaluate(each) for each in widths] == [width]


def test_a_browser_that_keeps_nothing_is_said(browser: Browser, slow: Made) -> None:
    page = browser.new_page()
    page.add_init_script("Storage.prototype.setItem = () => { throw new Error('full'); };")
    page.goto(slow[2].folder.page.as_uri())
    begin(page, "Béla")
    assert "cannot keep your answers" in (page.text_content("#trouble") or "")


def test_another_listener_loses_nothing_of_the_first(browser: Browser, slow: Made) -> None:
    page, _ = open_page(browser, slow[2].folder.page)
    begin(page, "Béla")
    page.reload()
    page.click("#another")
    begin(page, "Cili")
    kept = page.evaluate("Object.values(localStorage).map((text) => JSON.parse(text).listener).sort()")
    assert kept == ["Béla", "Cili"]
