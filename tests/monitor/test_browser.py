"""The page in a real browser while a run is written: what appears, what it says, what it holds on to."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from testbed.browser import chromium_or_skip
from tests.monitor.browser import address_of, opened, served
from tests.monitor.made import MadeRun, evaluation
from xtts_finetune.monitor.document import static_page
from xtts_finetune.monitor.run import RunWatch
from xtts_finetune.records.holders import started_at
from xtts_finetune.records.metrics import MetricsWriter

if TYPE_CHECKING:
    from playwright.sync_api import Browser

# Far more than it takes (benchmarks/monitor_latency.py measures that): a busy machine must not fail a test.
PATIENCE = 20_000


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium_or_skip() as found:
        yield found


def at_work(made: MadeRun) -> MadeRun:
    made.hold(os.getpid(), started_at(os.getpid()) or 0.0, socket.gethostname())
    return made


def test_a_new_evaluation_appears_by_itself_and_is_said_to_screen_readers(tmp_path: Path, browser: Browser) -> None:
    made = at_work(MadeRun(tmp_path / "run"))
    made.train(50)
    with served([made.run.root]) as port, opened(browser, address_of(port)) as page:
        page.get_by_text("mel CE, step 50").wait_for(timeout=PATIENCE)
        assert page.locator("#state").inner_text() == "at work"
        page.evaluate("document.querySelector('#curves canvas').dataset.kept = 'yes'")
        made.write(evaluation(75, 2.345, 2.3))
        page.get_by_text("2.345", exact=True).first.wait_for(timeout=PATIENCE)
        assert "step 75: mel CE 2.345" in page.locator("#announced").inner_text()
        assert page.evaluate("document.querySelector('#curves canvas').dataset.kept") == "yes"
        assert page.locator("#said-mel_ce").inner_text().endswith("eval 2.345")
        assert page.title() == "18 % phase1 · run"


def test_a_killed_run_shows_as_such_and_a_run_that_goes_on_too(tmp_path: Path, browser: Browser) -> None:
    made = MadeRun(tmp_path / "run")
    process = subprocess.Popen([sys.executable, "-c", "import sys; sys.stdin.read()"], stdin=subprocess.PIPE)
    made.hold(process.pid, started_at(process.pid) or 0.0, socket.gethostname())
    try:
        with served([made.run.root]) as port, opened(browser, address_of(port)) as page:
            page.get_by_text("at work", exact=True).wait_for(timeout=PATIENCE)
            process.kill()
            process.wait()
            page.get_by_text("cut off", exact=True).wait_for(timeout=PATIENCE)
            assert f"Process {process.pid}" in page.get_by_role("alert").inner_text()
            at_work(made)
            page.get_by_text("at work", exact=True).wait_for(timeout=PATIENCE)
            assert page.get_by_role("alert").count() == 0
    finally:
        process.kill()
        process.wait()


def test_curves_are_read_by_keyboard_and_as_tables(tmp_path: Path, browser: Browser) -> None:
    made = MadeRun(tmp_path / "run")
    made.train(100)
    with served([made.run.root]) as port, opened(browser, address_of(port)) as page:
        page.get_by_text("mel CE, step 100").wait_for(timeout=PATIENCE)
        curve = page.get_by_role("group", name=re.compile("^mel CE"))
        said = page.locator("#said-mel_ce")
        curve.focus()
        curve.press("Home")
        assert said.inner_text().startswith("phase1 step 0: ") and said.inner_text().endswith("eval 3.900")
        curve.press("ArrowRight")
        assert said.inner_text().startswith("phase1 step 25: ")
        assert said.get_attribute("aria-live") == "polite"
        page.get_by_text("Numbers of this curve").first.click()
        rows = page.get_by_role("region", name="Numbers of mel CE").get_by_role("row")
        assert rows.nth(rows.count() - 1).inner_text().split() == ["phase1", "step", "0", "3.838", "3.900"]


def test_utterances_play_and_go_on_while_news_come(tmp_path: Path, browser: Browser) -> None:
    made = MadeRun(tmp_path / "run")
    made.speak("phase1", ["One <b>bold</b> line."])
    with served([made.run.root]) as port, opened(browser, address_of(port)) as page:
        player = page.get_by_label("One <b>bold</b> line.")
        player.wait_for(timeout=PATIENCE)
        assert page.locator("#sounds b").count() == 0
        player.evaluate("async sound => { sound.dataset.kept = 'yes'; await sound.play(); }")
        assert player.evaluate("sound => sound.duration") == pytest.approx(0.1)
        made.train(25)
        page.get_by_text("mel CE, step 25").wait_for(timeout=PATIENCE)
        assert player.get_attribute("data-kept") == "yes"


def test_several_runs_stand_side_by_side(tmp_path: Path, browser: Browser) -> None:
    runs = [MadeRun(tmp_path / name) for name in ("first", "second")]
    runs[0].train(50)
    runs[1].train(100)
    folders = [made.run.root for made in runs]
    with served(folders) as port, opened(browser, address_of(port)) as page:
        second = page.get_by_role("button", name=re.compile("second"))
        second.wait_for(timeout=PATIENCE)
        assert page.get_by_text("The runs side by side").is_visible()
        assert page.locator("#figures").inner_text().startswith("mel CE, step 50")
        second.press("Enter")
        assert page.locator("#figures").inner_text().startswith("mel CE, step 100")
        assert second.get_attribute("aria-pressed") == "true"


@pytest.mark.parametrize("width", [1280, 390])
def test_the_file_shows_the_same_without_a_server_and_fits(tmp_path: Path, browser: Browser, width: int) -> None:
    made = MadeRun(tmp_path / "run", learning_rate=5e-4)
    made.train(300)
    made.write(*(evaluation(300 + 25 * number, 2.8 + 0.1 * number, 2.5) for number in range(1, 7)))
    made.speak("phase1", ["A longwordthatcannotbebrokenanywhereatallbecauseithasnospace" * 3])
    file = tmp_path / "page.html"
    file.write_text(static_page([RunWatch(made.run.root)]), encoding="utf-8")
    with opened(browser, file.as_uri(), width, dark=width == 390) as page:
        assert page.get_by_text("The eval loss rises").is_visible()
        assert page.get_by_text("learning_rate: 0.0005").is_visible()
        assert page.locator("audio").get_attribute("src", timeout=PATIENCE).startswith("data:audio/wav")
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        drawn = page.evaluate(
            "[...document.querySelectorAll('#curves canvas')].map(c => c.getContext('2d')"
            ".getImageData(0, 0, c.width, c.height).data.some(value => value))"
        )
        assert drawn == [True] * 8


def test_the_numbers_of_the_chosen_model_stand_beside_the_last_steps(tmp_path: Path, browser: Browser) -> None:
    made = MadeRun(tmp_path / "run")
    made.train(100)
    made.write(evaluation(125, 3.456))
    with served([made.run.root]) as port, opened(browser, address_of(port)) as page:
        page.get_by_text("best so far, step 100").first.wait_for(timeout=PATIENCE)
        words = page.locator("#figures > div").first.inner_text().split("\n")
        assert words[:2] == ["mel CE, step 125", "3.456"] and words[-2:] == ["best so far, step 100", "3.052"]
        with MetricsWriter(made.run.candidate("average").metrics) as writer:
            writer.write(evaluation(0, 2.987))
        made.run.decision.write_text('{"ship": "average", "status": "decided"}', encoding="utf-8")
        page.get_by_text("chosen: average").first.wait_for(timeout=PATIENCE)
        assert page.locator("#figures .best-model.value").all_inner_texts() == ["2.987", "0.0280", "0.120"]
        assert page.locator("#curves h3").all_inner_texts()[:3] == [
            "mel CE nats",
            "text CE 0.01 nats",
            "stop CE nats, of the stop token alone",
        ]
