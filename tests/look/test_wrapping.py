"""Lines for people break at words, and nothing that is to be copied is broken."""

from __future__ import annotations

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.console import Console
from rich.table import Table
from rich.text import Text

from xtts_finetune.look.tables import print_table
from xtts_finetune.look.wrapping import wrapped, wrapped_text

LONG = "/voices/anna/a/folder/whose/name/is/longer/than/any/terminal/that/we/try/here/REPORT.html"
WHOLE = (
    "xtts-finetune say 'Good morning.' -f voices/anna",
    "run_pipeline phase2 -f 'my voice/pipeline.yaml' --set a.b={c: 1}".replace("{c: 1}", "'{c: 1}'"),
    "xtts-finetune solve warmup --race --demo",
    "pip install pocketsphinx==5.0.3",
    "/voices/anna/my own voice/run/demo/REPORT.html",
    r"C:\Voices\Anna\my voice\run\demo\REPORT.html",
    "'my voice/pipeline.yaml'",
    "1 600",
    "12.5 GB",
    "27 %",
    LONG,
)


@pytest.mark.parametrize("width", [40, 60, 80, 100, 200])
@pytest.mark.parametrize("whole", WHOLE)
def test_what_is_to_be_copied_stays_on_one_line(whole: str, width: int) -> None:
    for before in ("It is", "  what you may want to do now, if you like what you hear:", "- so that is how", ""):
        for after in (" and that is all there is to say about it", ""):
            rows = wrapped(f"{before} {whole}{after}", width).split("\n")
            assert any(whole in row for row in rows)
            assert all(len(row) <= width for row in rows if whole not in row)


@given(
    st.lists(st.text("abcdef", min_size=1, max_size=12), min_size=1, max_size=60),
    st.integers(20, 120),
    st.integers(0, 4),
)
def test_no_word_is_broken_or_lost(words: list[str], width: int, indent: int) -> None:
    rows = wrapped(" " * indent + " ".join(words), width).split("\n")
    assert " ".join(rows).split() == words
    assert all(len(row) <= width and row == row.rstrip() for row in rows)


def test_what_follows_stands_under_the_last_column() -> None:
    line = "warning  memory   a batch of 24 clips needs more than there is; make it smaller"
    assert wrapped(line, 60).split("\n") == [
        "warning  memory   a batch of 24 clips needs more than there",
        "                  is; make it smaller",
    ]


def test_fields_with_wide_gaps_stay_whole() -> None:
    line = "  mel_ce 4.322 -> 3.710 (-14.2 %)   text_ce 0.0131 -> 0.0119 (-9.7 %)   reached: minimum   took 20 s"
    assert wrapped(line, 80).split("\n") == [
        "  mel_ce 4.322 -> 3.710 (-14.2 %)   text_ce 0.0131 -> 0.0119 (-9.7 %)",
        "    reached: minimum   took 20 s",
    ]


def test_styles_follow_their_words() -> None:
    text = Text("one two ", style="bold").append("three four", style="red")
    rows = wrapped_text(text, 10)
    assert rows.plain == "one two\n  three\n  four"
    assert [rows.plain[span.start : span.end] for span in rows.spans if span.style == "red"] == ["three", "four"]


def table() -> Table:
    made = Table(title="decision")
    for heading in ("candidate", "status", "why", "step"):
        made.add_column(heading)
    made.add_row("phase1", "left out", f"its file is not whole: {LONG}", "1 600")
    made.add_row("phase2", "", "it has the lowest mel_ce of all that may ship", "-")
    return made


@pytest.mark.parametrize("width", [40, 60, 80, 200])
def test_a_table_that_does_not_fit_is_a_list(width: int) -> None:
    printed = io.StringIO()
    print_table(Console(file=printed, width=width, force_terminal=True, color_system=None), table())
    text = printed.getvalue()
    assert LONG in text
    assert "…" not in text
    assert ("┃" in text) == (width == 200)
    if width < 200:
        assert "phase1" in text.splitlines()
        assert "status: left out" in text


def test_a_pipe_gets_the_table_as_wide_as_it_is() -> None:
    printed = io.StringIO()
    print_table(Console(file=printed, width=60), table())
    assert any(LONG in line and "1 600" in line for line in printed.getvalue().splitlines())
