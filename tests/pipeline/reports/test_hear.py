"""The report opens with what people want first: the real voice, the base and the best candidate."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote

import pytest

from testbed.browser import chromium_or_skip
from tests.evaluation.listening.driver import open_page, until
from tests.pipeline.made_up_run import SENTENCES, add_base, add_data, add_utterances, declare, whole_run
from tests.pipeline.reports.test_page import read
from xtts_finetune.evaluation.decision import decide
from xtts_finetune.pipeline.reports.hear import links_of, what_to_hear
from xtts_finetune.pipeline.reports.players import collect_references, collect_sentences
from xtts_finetune.pipeline.reports.report import write_report
from xtts_finetune.pipeline.reports.report_model import Hear
from xtts_finetune.records.clips import ClipRecord, write_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

LONG = {name: f"{text} " * 30 for name, text in SENTENCES.items()}
PLAYING = "[...document.querySelectorAll('audio')].filter(each => !each.paused).map(each => each.ariaLabel)"
SHARES = """[...document.querySelectorAll('audio[data-key]')].map(each => each.currentTime / each.duration)"""
NAMES = ("base", "phase1", "phase2")


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium_or_skip() as found:
        yield found


def report_with(folder: Path, sentences: dict[str, str]) -> Path:
    declaration, run = whole_run(folder)
    for number, name in enumerate(NAMES):
        add_utterances(run, name, 150.0 + 90 * number, sentences)
    return write_report(declaration, run)


def hear(declaration: Declaration, run: RunFolder) -> Hear:
    decision = decide(declaration, run)
    sentences = collect_sentences(run, NAMES, decision.ship, "hu")
    return what_to_hear(run, decision, sentences, collect_references(run, NAMES))


def labels(found: Hear) -> list[tuple[str, str]]:
    return [(key, player.label) for key, player in found.players]


@pytest.mark.parametrize("sentences", [SENTENCES, LONG], ids=["short", "long"])
@pytest.mark.parametrize("width", [1280, 390])
def test_the_first_player_is_in_the_first_screen_and_nothing_is_wider_than_it(
    browser: Browser, tmp_path: Path, width: int, sentences: dict[str, str]
) -> None:
    page, asked = open_page(browser, report_with(tmp_path, sentences), width)
    page.set_viewport_size({"width": width, "height": 800})
    first = page.locator("audio").first.bounding_box()
    assert first is not None and first["y"] <= 700 and first["y"] + first["height"] <= 800
    for details in page.locator("details").all():
        details.evaluate("each => each.open = true")
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert asked == []


def play(page: Page, number: int) -> None:
    page.evaluate("number => document.querySelectorAll('audio')[number].play()", number)
    until(page, f"{PLAYING}.length === 1")


def test_only_one_of_all_players_of_the_page_sounds_at_a_time(browser: Browser, tmp_path: Path) -> None:
    page, _ = open_page(browser, report_with(tmp_path, LONG), 1280)
    page.evaluate("document.querySelectorAll('audio').forEach(each => { each.loop = true; })")
    for number in range(page.locator("audio").count()):
        play(page, number)
        assert page.evaluate(PLAYING) == [page.locator("audio").nth(number).get_attribute("aria-label")]
    page.keyboard.press("a")
    until(page, f"{PLAYING}.length === 1")
    assert page.evaluate(PLAYING) == [page.locator("audio[data-key=a]").get_attribute("aria-label")]


def test_keys_switch_between_the_three_at_the_same_place(browser: Browser, tmp_path: Path) -> None:
    page, _ = open_page(browser, report_with(tmp_path, SENTENCES), 1280)
    assert [each.inner_text() for each in page.locator(".hear kbd").all()] == ["R", "A", "B", "Space"]
    # A tenth of the speed: no sound comes to its end while a busy machine is asked how far it is.
    until(page, f"{SHARES}.every(share => share === 0)")
    page.evaluate("document.querySelectorAll('audio[data-key]').forEach(each => { each.playbackRate = 0.1; })")
    page.keyboard.press("r")
    page.wait_for_timeout(300)
    page.keyboard.press("Space")
    assert page.evaluate(PLAYING) == []
    # Of three sounds of other lengths each is taken up at the share where the one before it stood.
    page.evaluate("document.querySelector('audio[data-key=r]').currentTime = 1.5")
    for key, number in (("a", 1), ("b", 2), ("r", 0), ("b", 2)):
        page.keyboard.press(key)
        until(page, f"{SHARES}[{number}] > 0.4")
        page.keyboard.press("Space")
        shares = page.evaluate(SHARES)
        page.evaluate(f"document.querySelectorAll('audio')[{number}].currentTime *= {0.5 / shares[number]}")
    page.keyboard.press("b")
    assert page.evaluate(SHARES)[2] < 0.15, "the same key starts again"
    page.locator("#keys-work").uncheck()
    # From its start once more: unchecking may take longer than the sound does.
    page.evaluate("(it => { it.currentTime = 0; return it.play(); })(document.querySelector('audio[data-key=b]'))")
    page.keyboard.press("a")
    assert page.evaluate(PLAYING) == [page.locator("audio[data-key=b]").get_attribute("aria-label")]
    page.locator("[data-switch=a]").click()
    assert page.locator("[data-switch=a]").get_attribute("aria-pressed") == "true"


def test_a_sentence_that_was_recorded_is_taken_with_its_recording(tmp_path: Path) -> None:
    declaration, run = whole_run(tmp_path)
    file = run.candidate("phase1").utterances / "cheer_s1.wav"
    write_clips(run.clips, [ClipRecord("c", "a", file, SENTENCES["cheer"], "host", "hu", 1.4, "0" * 64, "eval", 12)])
    found = hear(declaration, run)
    assert found.text == SENTENCES["cheer"] and found.missing == ()
    assert labels(found) == [("r", "The real voice"), ("a", "base"), ("b", "phase2")]
    assert found.players[0][1].note == ""


def test_without_a_recording_of_it_the_real_voice_says_something_else(tmp_path: Path) -> None:
    found = hear(*whole_run(tmp_path))
    assert labels(found)[0] == ("r", "The real voice")
    assert found.players[0][1].note == "saying something else"


def test_gaps_are_said_and_what_is_there_can_be_heard(tmp_path: Path) -> None:
    declaration, run = whole_run(tmp_path)
    shutil.rmtree(run.candidate("base").utterances)
    found = hear(declaration, run)
    assert labels(found) == [("r", "The real voice"), ("b", "phase2")]
    assert found.missing == ("The base has not spoken yet.",)
    for file in run.candidate("phase2").utterances.glob("*.wav"):
        file.unlink()
    assert labels(hear(declaration, run))[1] == ("b", "phase1")
    shutil.rmtree(run.candidate("phase1").utterances)
    (tmp_path / "run" / "host_reference.wav").unlink()
    nothing = hear(declaration, run)
    assert nothing.players == () and nothing.missing == ("No model of yours has spoken yet.",)
    assert "No model of yours has spoken yet." in read(write_report(declaration, run)).words


def test_before_anything_was_spoken_a_recording_of_the_voice_is_there(tmp_path: Path) -> None:
    declaration = declare(tmp_path)
    run = RunFolder(declaration.run_folder)
    add_data(tmp_path, run)
    add_base(run)
    assert hear(declaration, run).players == ()
    add_utterances(run, "phase1", 200.0)
    sound = run.candidate("phase1").utterances / "cheer_s1.wav"
    shutil.copy(sound, tmp_path / "0.wav")  # the first held-out clip
    shutil.rmtree(run.candidate("phase1").utterances)
    assert labels(hear(declaration, run)) == [("r", "The real voice")]
    base_alone = RunFolder(declaration.run_folder)
    add_utterances(base_alone, "base", 200.0)
    found = hear(declaration, base_alone)
    assert labels(found) == [("r", "The real voice"), ("a", "base")]
    assert found.missing == ("No model of yours has spoken yet.",)


def test_links_lead_to_pages_that_are_there(tmp_path: Path) -> None:
    declaration, run = whole_run(tmp_path / "a & ő %41")
    assert [link.words for link in links_of(run, declaration.phases)] == ["How to read the numbers"]
    test = run.listening_test("test-1")
    for page in (run.data_page, test.page, test.protocol, run.race("phase1").page, run.search("phase2").page):
        page.parent.mkdir(parents=True, exist_ok=True)
        page.touch()
    links = list(links_of(run, declaration.phases))
    assert [link.words for link in links] == [
        "Your data",
        "Listening test",
        "Race of remedies for phase1",
        "Search for phase2",
        "How to read the numbers",
    ]
    assert all(link.address and (run.root / unquote(link.address)).is_file() for link in links)
    test.protocol.unlink()  # an empty one is no test
    links = list(links_of(run, declaration.phases))
    shown = [each["href"] for each in read(write_report(declaration, run)).all("a")]
    assert len(links) == 4 and [link.address for link in links] == shown[: len(links)]


def test_without_the_docs_their_name_stands_there_without_a_link(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("xtts_finetune.pipeline.reports.hear.DOCS", tmp_path)
    run = RunFolder(tmp_path)
    (link,) = links_of(run, ())
    assert (link.words, link.address) == ("docs/reading-the-numbers.md", None)
