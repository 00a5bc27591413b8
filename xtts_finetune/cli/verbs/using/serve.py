"""`xtts-finetune serve`: speak for other programs."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from xtts_finetune.cli.options import Demo, File, OnDevice, Settings
from xtts_finetune.cli.speaking_options import Candidate, Model, model_to_speak_with
from xtts_finetune.cli.terminal import tell

Host = Annotated[
    str,
    typer.Option(
        "--host", help="The address to listen at; any but this computer's own needs --token.", metavar="ADDRESS"
    ),
]
Port = Annotated[int, typer.Option("--port", help="0 takes any that is free.", min=0, max=65535)]
Token = Annotated[
    str,
    typer.Option(
        "--token",
        help="What every request must bring, of at least 16 characters; XTTS_FINETUNE_TOKEN sets it, too.",
        metavar="TEXT",
        envvar="XTTS_FINETUNE_TOKEN",
        show_envvar=False,
        show_default="none",
    ),
]
Queue = Annotated[
    int, typer.Option("--queue", help="How many may wait; who comes after them is told to try again.", min=1, max=1000)
]
Origin = Annotated[
    list[str] | None,
    typer.Option(
        "--allow-origin",
        help="Pages from there may ask, too; those of this computer always may. Give it again for another.",
        metavar="ORIGIN",
    ),
]


def serve(
    model: Model = None,
    candidate: Candidate = None,
    file: File = None,
    demo: Demo = False,
    settings: Settings = None,
    host: Host = "127.0.0.1",
    port: Port = 8020,
    token: Token = "",
    queue: Queue = 16,
    allow_origin: Origin = None,
    device: OnDevice = None,
) -> None:
    """Speak for other programs until Ctrl-C: OpenAI's calls, those of an XTTS server, and a page to try it."""
    from xtts_finetune.speaking.serving.serve import Wanted, serve_model  # noqa: PLC0415

    speaking = model_to_speak_with(model, candidate, file, demo, settings)
    wanted = Wanted(host, port, token, queue, tuple(allow_origin or ()), device or "auto")
    serve_model(speaking, wanted, lambda line: tell(line, sys.stderr))
