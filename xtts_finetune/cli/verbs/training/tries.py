"""`xtts-finetune tries`: the models that changed configs have set aside."""

from __future__ import annotations

from typing import Annotated

import typer

from xtts_finetune.cli.options import Demo, File, Settings, load, work_on

Restore = Annotated[
    str | None, typer.Option("--restore", help="Make this try the model of its phase again.", metavar="NAME")
]
AsCandidate = Annotated[
    str | None,
    typer.Option("--candidate", help="Add this try to the decision matrix, so that it may ship.", metavar="NAME"),
]
NewName = Annotated[
    str | None,
    typer.Option("--as", help="With --candidate: what it is called.", metavar="NAME", show_default="after the try"),
]
Remove = Annotated[
    list[str] | None, typer.Option("--remove", help="Remove this try for good. Repeatable.", metavar="NAME")
]


def tries(
    file: File = None,
    demo: Demo = False,
    settings: Settings = None,
    restore: Restore = None,
    candidate: AsCandidate = None,
    new_name: NewName = None,
    remove: Remove = None,
) -> None:
    """List models that were set aside when the config changed; bring one back, let it compete, or remove it."""
    from xtts_finetune.errors import UserError  # noqa: PLC0415
    from xtts_finetune.pipeline import tries_commands  # noqa: PLC0415

    work = work_on(load(file, demo, settings or []), settings or [], None)
    if sum(each is not None for each in (restore, candidate, remove or None)) > 1:
        raise UserError("--restore, --candidate and --remove exclude each other; give one of them")
    if new_name is not None and candidate is None:
        raise UserError("--as names a candidate; it goes with --candidate")
    if restore is not None:
        tries_commands.restore_now(work, restore)
    elif candidate is not None:
        tries_commands.make_candidate_now(work, candidate, new_name)
    elif remove:
        tries_commands.remove_now(work, remove)
    else:
        tries_commands.list_tries(work)
