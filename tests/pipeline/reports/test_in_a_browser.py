"""The report in a real browser: what listeners wrote is text there, and nothing is wider than the screen."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from testbed.browser import chromium_or_skip
from tests.evaluation.listening.driver import open_page
from tests.evaluation.listening.made_ratings import as_bytes, rate
from tests.evaluation.listening.spoken_run import spoken_run
from tests.pipeline.made_up_run import add_base, add_phase
from xtts_finetune.evaluation.decision import decide, write_decision
from xtts_finetune.evaluation.listening.make import Wanted, make_test
from xtts_finetune.evaluation.listening.material import gather_material
from xtts_finetune.evaluation.listening.taking import take
from xtts_finetune.pipeline.reports.report import write_report
from xtts_finetune.records.heard.listening_files import ListeningTest, checksum, read_test
from xtts_finetune.records.heard.scores import Scores, UtteranceScores, write_scores
from xtts_finetune.records.stopping import Reason, Stop

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NOTE = "<script>document.title = 'mine'</script> dull"
HEARD = "the old sailor and i'd never have both stated that to the " * 4


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium_or_skip() as found:
        yield found


@pytest.fixture(scope="module")
def report(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Of two candidates that a listener with a name and notes of markup has heard, and a recogniser at length."""
    declaration, run = spoken_run(tmp_path_factory.mktemp("heard"), 4, 0.1)
    add_base(run)
    add_phase(run, "phase1", 5.046, 3.45, 100, Stop(Reason.ALL_STEPS_DONE, "all 100 steps are done"))
    for name in ("base", "phase1"):
        said = [
            UtteranceScores(f"s0{n}", 1, f"s0{n}_s1.wav", "x", (), (), 2.0, 14.2, {"heard": HEARD, "cer": 0.3})
            for n in range(1, 5)
        ]
        write_scores(run.candidate(name).scores_json, Scores(name, "f", {}, tuple(said)))
    material = gather_material(declaration, run, ("base", "phase1"))
    make_test(
        run.listening_test("test-1"),
        Wanted("test-1", (("base", "phase1"),), "full", 1),
        material,
        material.lines,
        "hu",
    )
    test = read_test(run.listening_test("test-1"))
    take(as_bytes(with_notes(test)), [test])
    write_decision(run, decide(declaration, run))
    return write_report(declaration, run)


def with_notes(test: ListeningTest) -> dict[str, object]:
    """Passes every check, as only such listeners are shown."""
    rating = rate(test, listener="<b>Ánna")
    for given in rating["answers"]:
        key = test.trials[given["trial"]]
        given["preference"] = {"reference": 2, "anchor": -2}.get(key.b, {"reference": -2}.get(key.a, 1))
        given["note"] = NOTE
    return {**rating, "checksum": checksum(rating["answers"])}


@pytest.mark.parametrize("width", [1280, 390])
def test_notes_are_text_and_nothing_is_wider_than_the_screen(browser: Browser, report: Path, width: int) -> None:
    page, asked = open_page(browser, report, width)
    shown = page.evaluate("document.body.textContent")
    assert NOTE in shown and "<b>Ánna" in shown and "mine" not in page.title()
    assert page.locator("script").count() == 2 and asked == []  # the page's own: its data and its script
    for details in page.locator("details").all():
        details.evaluate("each => each.open = true")
    assert HEARD.strip() in shown
    assert page.evaluate("document.documentElement.scrollWidth") == width
