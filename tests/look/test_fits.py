"""Every page fits a screen, wide or narrow, by day and by night: nothing is cut off, empty, or too pale to read."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Literal

import pytest

from testbed.browser import chromium_or_skip
from tests.evaluation.listening.driver import open_page
from tests.monitor.made import MadeRun, evaluation
from tests.pipeline.made_up_run import SENTENCES, whole_run
from tests.trials.test_pages import race, search
from xtts_finetune.monitor.document import static_page
from xtts_finetune.monitor.run import RunWatch
from xtts_finetune.pipeline.reports.data_report import write_data_page
from xtts_finetune.pipeline.reports.report import write_report
from xtts_finetune.records.clips import ClipWarning, WarningKind, read_clips, write_clips
from xtts_finetune.records.heard.scores import Scores, UtteranceScores, write_scores
from xtts_finetune.trials.pages import race_page, search_page

if TYPE_CHECKING:
    from playwright.sync_api import Browser

LONG_NAME = "a_clip_with_a_name_that_nobody_would_break_" * 3
FINDINGS = ("cut end: -5.1 dB beside the speech, limit -12", "other pitch: 5.2 semitones, limit 4")


def report(folder: Path) -> Path:
    declaration, run = whole_run(folder)
    for name in ("base", "phase1", "phase2"):
        readings = {"noise_mos": 3.84, "heard": LONG_NAME, "cer": 0.1, "f0_median_hz": 121.0}
        said = [UtteranceScores(s, 1, "x", "x", ("cut end",), FINDINGS, 2.0, 14.2, readings) for s in SENTENCES]
        write_scores(run.candidate(name).scores_json, Scores(name, "f", {}, tuple(said)))
    return write_report(declaration, run)


def data(folder: Path) -> Path:
    declaration, run = whole_run(folder)
    warnings = tuple(ClipWarning(kind, "found 3.5, where 1.2 is usual", 1.5) for kind in WarningKind)
    texts = {"normalised": "other words than were written", "warnings": warnings, "id": LONG_NAME}
    write_clips(run.clips, [replace(clip, **texts) for clip in read_clips(run.clips)[:40]])
    return write_data_page(declaration, run)


def monitor(folder: Path) -> Path:
    made = MadeRun(folder / "run", learning_rate=5e-4)
    made.train(300)
    made.write(*(evaluation(300 + 25 * number, 3.0, 2.5) for number in range(1, 4)))
    made.speak("phase1", [LONG_NAME])
    return written(folder, static_page([RunWatch(made.run.root)]))


def written(folder: Path, page: str) -> Path:
    folder.mkdir(exist_ok=True)
    (folder / "page.html").write_text(page, encoding="utf-8")
    return folder / "page.html"


PAGES: dict[str, Callable[[Path], Path]] = {
    "report": report,
    "data": data,
    "race": lambda folder: written(folder, race_page(race())),
    "search": lambda folder: written(folder, search_page(search(12))),
    "monitor": monitor,
}
CUT_OFF = """width => [...document.querySelectorAll(".scroll, .page *")].filter(each => {
  const box = each.getBoundingClientRect();
  const aside = each.closest("svg, .unseen, canvas") || getComputedStyle(each).position === "absolute";
  if (!box.width || aside) return false;
  return box.right > width + 1 || box.left < -1 || (each.matches(".scroll") && each.scrollWidth > each.clientWidth + 1);
}).map(each => each.outerHTML.slice(0, 150))"""
EMPTY = """[...document.querySelectorAll("tbody tr, tbody tr > *, li, dd, dt, p")].filter(each =>
  each.getBoundingClientRect().height > 0 && !each.innerText.trim()
  && !each.querySelector("audio, svg, canvas, progress")
  && getComputedStyle(each, "::before").content === "none"
).map(each => each.outerHTML.slice(0, 150))"""
# Contrast by WCAG 2: of each text with the first opaque background behind it.
PALE = """() => {
  const numbers = colour => colour.match(/[\\d.]+/g).map(Number);
  const light = colour => colour.map(v => v / 255)
    .map(v => v <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4)
    .reduce((sum, v, i) => sum + v * [0.2126, 0.7152, 0.0722][i], 0);
  const behind = each => { for (let at = each; at; at = at.parentElement) {
    const [r, g, b, a = 1] = numbers(getComputedStyle(at).backgroundColor);
    if (a > 0.99) return [r, g, b]; } return [255, 255, 255]; };
  return [...document.querySelectorAll(".page *")].filter(each => {
    if (![...each.childNodes].some(child => child.nodeType === 3 && child.textContent.trim())) return false;
    if (!each.getBoundingClientRect().width || each.closest("svg, .unseen, [disabled]")) return false;
    let opacity = 1;
    for (let at = each; at; at = at.parentElement) opacity *= getComputedStyle(at).opacity;
    const ground = behind(each), text = numbers(getComputedStyle(each).color).slice(0, 3)
      .map((v, i) => v * opacity + ground[i] * (1 - opacity));
    const [low, high] = [light(text), light(ground)].sort((a, b) => a - b);
    return (high + 0.05) / (low + 0.05) < 4.5;
  }).map(each => each.outerHTML.slice(0, 150));
}"""


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium_or_skip() as started:
        yield started


@pytest.fixture(scope="module", params=list(PAGES))
def page_file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return PAGES[request.param](tmp_path_factory.mktemp(request.param) / "made")


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_nothing_is_cut_off_empty_or_pale(
    browser: Browser, page_file: Path, width: int, scheme: Literal["light", "dark"]
) -> None:
    page, asked = open_page(browser, page_file, width)
    page.emulate_media(color_scheme=scheme)
    page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    page.wait_for_timeout(100)
    assert asked == []
    assert page.evaluate("document.documentElement.scrollWidth") == width
    assert page.evaluate(CUT_OFF, width) == []
    assert page.evaluate(EMPTY) == []
    assert page.evaluate(PALE) == []
