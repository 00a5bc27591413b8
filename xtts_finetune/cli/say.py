"""`xtts-finetune say`: speak with a shipped model."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from xtts_finetune.cli.options import Demo, File, OnDevice, Settings, load

Text = Annotated[list[str], typer.Argument(help="What to say; '-' reads it from the input.", metavar="TEXT")]
Model = Annotated[
    Path | None,
    typer.Option(
        "--model",
        help="Folder of a shipped model; needs no declaration.",
        metavar="FOLDER",
        show_default="what the run has shipped",
    ),
]
Out = Annotated[
    Path | None, typer.Option("-o", "--out", help="Write a WAV file instead of playing.", metavar="FILE")
]
Language = Annotated[
    str | None, typer.Option("--language", help="As XTTS names it.", show_default="the model's")
]
Seed = Annotated[int, typer.Option("--seed", help="Another one says it otherwise.", min=0, max=2**32 - 1)]
Speed = Annotated[
    float | None, typer.Option("--speed", help="Rate of speech.", min=0.25, max=4, show_default="as judged")
]


def say(
    text: Text,
    model: Model = None,
    file: File = None,
    demo: Demo = False,
    settings: Settings = None,
    out: Out = None,
    language: Language = None,
    seed: Seed = 1,
    speed: Speed = None,
    device: OnDevice = None,
) -> None:
    """Speak with a shipped model: play it sentence by sentence, or write a WAV file."""
    from xtts_finetune.errors import UserError  # noqa: PLC0415

    if model is not None and (demo or file is not None):
        raise UserError("--model names a shipped model itself; leave -f and --demo out")
    if model is None:
        from xtts_finetune.pipeline.shipping.plan import shipped_folder  # noqa: PLC0415

        model = shipped_folder(load(file, demo, settings or []))
    from xtts_finetune.pipeline.say import Wanted, say_now  # noqa: PLC0415

    words = sys.stdin.buffer.read().decode("utf-8", "replace") if text == ["-"] else " ".join(text)
    wanted = Wanted(model, words, language, out, seed, speed, device.value if device else "auto")
    written = say_now(wanted, lambda line: typer.echo(line, err=True))
    if written is not None:
        typer.echo(written)
