"""`xtts-finetune init`: write the declaration of a new voice from its recordings."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from xtts_finetune.setup.answers import Answers

Folder = Annotated[
    Path, typer.Argument(help="Where to write; it is made.", metavar="FOLDER", show_default="this folder")
]
Data = Annotated[
    list[Path] | None,
    typer.Option("--data", help="Folder of recordings with their texts. Repeatable.", metavar="FOLDER"),
]
Language = Annotated[
    str | None,
    typer.Option(
        "--language",
        help="Of the recordings: hu, Hungarian ...",
        metavar="CODE",
        show_default="from the texts",
    ),
]
Base = Annotated[
    str | None,
    typer.Option("--base", help="A known base or a base's folder.", metavar="NAME", show_default="xtts_v2"),
]
Gpu = Annotated[
    float | None,
    typer.Option(
        "--gpu-memory",
        help="Of the GPU that will train, in GB; 0: none.",
        metavar="GB",
        min=0,
        max=10_000,
        show_default="this computer's",
    ),
]
RunName = Annotated[
    str | None, typer.Option("--name", help="Name of the voice and its run.", show_default="the folder's")
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing; take what is found and usual.")]
Replace = Annotated[
    bool, typer.Option("--replace", help="Write over files that are there; they stay as NAME.old.")
]


def init(
    folder: Folder = Path(),
    data: Data = None,
    language: Language = None,
    base: Base = None,
    gpu_memory: Gpu = None,
    name: RunName = None,
    yes: Yes = False,
    replace: Replace = False,
) -> None:
    """Look at your recordings and write pipeline.yaml, two phases, sentences, matrix and launchers for them."""
    from xtts_finetune.cli.verbs.init_questions import Asked, Questions  # noqa: PLC0415
    from xtts_finetune.errors import UserError  # noqa: PLC0415
    from xtts_finetune.setup.files import render  # noqa: PLC0415
    from xtts_finetune.setup.write import in_the_way, write_files  # noqa: PLC0415

    questions = Questions(yes)
    folder = folder.expanduser().absolute()
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; name a folder to write into")
    answers = questions.answers(folder, Asked(tuple(data or ()), language, base, gpu_memory, name))
    files = render(answers)
    there = in_the_way(folder, files)
    if there and not replace and not questions.may_replace(there):
        raise UserError(
            f"{folder} has {', '.join(there)} already, with another content. Nothing was written: name another "
            "folder, or say --replace (what is there stays beside it as NAME.old)"
        )
    kept = write_files(folder, files)
    _say_what_is_next(answers, [*files], kept)


def _say_what_is_next(answers: Answers, files: list[str], kept: list[str]) -> None:
    """Load what was written, as every later command will, and say which these are."""
    from xtts_finetune.cli.terminal import console  # noqa: PLC0415
    from xtts_finetune.cli.verbs.init_next import plan_of, steps  # noqa: PLC0415

    out = console()

    def say(text: str) -> None:
        out.print(text, highlight=False, markup=False, soft_wrap=True)

    say(f"\nwritten into {answers.folder}:")
    for name in files:
        if not name.startswith("schemas/"):
            say(f"  {name}")
    say("  schemas/   for editors, which then check what you type")
    for name in kept:
        say(f"  {name}   what was there before")
    problem = plan_of(answers)
    say("\nThe declaration is right." if not problem else f"\n{problem}")
    say("Next:")
    for what, command in steps(answers):
        say(f"  {command:58} {what}")
