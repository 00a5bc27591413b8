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
        show_default="base and what the matrix can ship",
    ),
]
Candidates = Annotated[bool, typer.Option("--candidates", help="The names given are candidates; the default.")]
Import = Annotated[bool, typer.Option("--import", help="Take in the ratings in the files given.")]
Partial = Annotated[bool, typer.Option("--partial", help="With --import: unfinished ratings too.")]
OfForm = Annotated[
    Form | None,
    typer.Option("--form", help="full: four marks for each sound; short: overall alone.", show_default="full"),
]
Sentences = Annotated[
    int | None,
    typer.Option("--sentences", help="How many are heard.", min=1, max=200, metavar="N", show_default="20"),
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
    typer.Option("--extend", help="A second look with further sentences, once, where the first is undecided."),
]
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
    take: Import = False,
    partial: Partial = False,
    serve: Serve = False,
    port: Port = 8765,
) -> None:
    """Make a blind listening test, one page that works from disk, and take in what listeners say."""
    from xtts_finetune.errors import UserError  # noqa: PLC0415

    made = candidates or extend or serve or not (form is None and sentences is None and seed is None)
    if take and made:
        raise UserError("--import takes files in and nothing else; leave the other options out")
    if take and not words:
        raise UserError("--import: name the files that listeners sent: xtts-finetune listen --import FILE...")
    if partial and not take:
        raise UserError("--partial belongs to --import")
    declaration = load(file, demo, settings or [])
    from xtts_finetune.pipeline.listening import Asked, lay_down, serve_test, take_in  # noqa: PLC0415

    work = work_on(declaration, settings or [], None)
    if take:
        take_in(work, [Path(word) for word in words or []], partial)
        return
    asked = Asked(tuple(words or ()), form.value if form else None, sentences, seed, extend)
    test = lay_down(work, asked)
    if serve:
        serve_test(work, test, port)
