"""`xtts-finetune review`: a page on which a person checks the clips that an import is not sure of."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Annotated

import typer

Folder = Annotated[Path, typer.Argument(help="The data set that import made.", metavar="FOLDER", show_default=False)]
Port = Annotated[int, typer.Option("--port", help="0 takes any that is free.", min=0, max=65535)]


def review(folder: Folder, port: Port = 8770) -> None:
    """Serve a page to this computer that plays each doubtful clip with its text, to keep, correct or reject it."""
    from xtts_finetune.look.loopback import HOST, open_port, serve  # noqa: PLC0415
    from xtts_finetune.recordings.review.desk import Desk  # noqa: PLC0415
    from xtts_finetune.recordings.review.server import make_app  # noqa: PLC0415

    desk = Desk(folder)
    listener = open_port(port, "review")
    taken = int(listener.getsockname()[1])
    print(f"open http://{HOST}:{taken}/ in a browser; each decision is saved at once. Ctrl-C ends this command.")
    print(f"Set up a voice with the clips once you are done:\n  {desk.next_command}", flush=True)
    with contextlib.suppress(KeyboardInterrupt):
        serve(make_app(desk, taken), listener)
