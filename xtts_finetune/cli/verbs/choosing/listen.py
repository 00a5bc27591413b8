"""`xtts-finetune listen`: a blind listening test of the candidates, and the ratings that come back."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import Annotated

import typer

from xtts_finetune.cli.options import Demo, File, Settings, load, work_on


class Form(str, Enum):
    """What is marked out of 10."""

    FULL = "full"
    SHORT = "short"


Words = Annotated[
    list[str] | None,
    typer.Argument(
        help="Candidates to compare; with --import, files of ratings.",
        metavar="[CANDIDATE|FILE]...",
        show_default="the two best",
    ),
]
Candidates = Annotated[bool, typer.Option("--candidates", help="The names given are candidates; the default.")]
Import = Annotated[bool, typer.Option("--import", help="Take in the ratings in the files given.")]
Partial = Annotated[bool, typer.Option("--partial", help="With --import: unfinished ratings too.")]
OfForm = Annotated[
    Form | None,
    typer.Option("--form", help="short: one score for each sound; full: four of them.", show_default="short"),
]
Sentences = Annotated[
    int | None,
    typer.Option("--sentences", help="How many are heard at first.", min=1, max=200, metavar="N", show_default="8"),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        help="Of order and sides; recorded.",
        min=0,
        max=2**32 - 1,
        metavar="S",
        show_default="by chance",
    ),
]
Extend = Annotated[
    bool,
    typer.Option("--extend", help="Listen to more sentences where the test is undecided: to 20 in all, then 40."),
]
Again = Annotated[bool, typer.Option("--replace", help="Replace a test that nobody has rated.")]
Serve = Annotated[bool, typer.Option("--serve", help="Serve the test to this computer and take ratings directly.")]
Port = Annotated[int, typer.Option("--port", help="For --serve.", min=0, max=65535)]


def listen(
    words: Words = None,
    file: File = None,
    demo: Demo = False,
    settings: Settings = None,
    candidates: Candidates = False,
    form: OfForm = None,
    sentences: Sentences = None,
    seed: Seed = None,
    extend: Extend = False,
    replace: Again = False,
    take: Import = False,
    partial: Partial = False,
    serve: Serve = False,
    port: Port = 8765,
) -> None:
    """Make a blind listening test, a page to open in a browser, and take in the ratings of listeners."""
    from xtts_finetune.errors import UserError  # noqa: PLC0415

    made = candidates or extend or replace or serve or not (form is None and sentences is None and seed is None)
    if take and made:
        raise UserError("--import takes files in and nothing else; leave the other options out")
    if take and not words:
        raise UserError("--import: name the files that listeners sent after it")
    if partial and not take:
        raise UserError("--partial belongs to --import")
    declaration = load(file, demo, settings or [])
    from xtts_finetune.pipeline.listening import Asked, lay_down  # noqa: PLC0415
    from xtts_finetune.pipeline.ratings import serve_test, take_in  # noqa: PLC0415
    from xtts_finetune.pipeline.run import renew_report  # noqa: PLC0415

    work = work_on(declaration, settings or [], None)
    if take:
        take_in(work, [Path(word) for word in words or []], partial)
        return
    asked = Asked(tuple(words or ()), form.value if form else None, sentences, seed, extend, replace, serve)
    test = lay_down(work, asked)
    renew_report(work)
    if serve:
        serve_test(work, test, port)
