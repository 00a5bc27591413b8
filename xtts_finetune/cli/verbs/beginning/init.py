"""`xtts-finetune init`: write the declaration of a new voice from its recordings, and say what comes next."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import quoted
from xtts_finetune.pipeline.children.process import something_is_kept
from xtts_finetune.pipeline.plan.plan import make_plan
from xtts_finetune.setup.found_data import Answers
from xtts_finetune.setup.set_languages import languages_of
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.spec.languages import LANGUAGES
from xtts_finetune.xtts.cleaning import install_command, package_problem

if TYPE_CHECKING:
    pass


def plan_of(answers: Answers) -> str:
    """'' if the written declaration can be planned, else what is still in the way.

    Raises UserError for a fault that a base on this machine would not cure.
    """
    declaration = load_declaration(answers.folder / "pipeline.yaml")
    if answers.base.missing:
        return "The config is right, but its base is not on this machine yet."
    try:
        make_plan(declaration)
    except UserError as error:
        raise UserError(f"the files were written, but cannot be planned yet: {error}") from None
    return ""


def steps(answers: Answers) -> list[tuple[str, str]]:
    """What to do next, and the command for it."""
    named = _named(answers.folder)
    rows = [("see what would run", ["run_pipeline", "--plan", *named])]
    if answers.base.missing:
        rows.insert(0, ("get the base, 2.1 GB", ["xtts-finetune", "fetch"]))
    rows += [
        ("check everything that a run needs", ["xtts-finetune", "doctor", *named]),
        ("read and check the clips; then open DATA.html and fix what it names", ["xtts-finetune", "prepare", *named]),
        ("train; or double-click the launchers, one for each phase", ["run_pipeline", *named]),
    ]
    lines = [(what, quoted(words)) for what, words in rows]
    needed = filter(package_problem, languages_of(answers.data, answers.language))
    packages = [(f"the packages that {LANGUAGES[code]} texts need", install_command(code)) for code in needed]
    return [*packages, *lines]


def _named(folder: Path) -> list[str]:
    return [] if folder == Path.cwd() else ["-f", _shown(folder)]


def _shown(path: Path) -> str:
    """The path as it is shortest from here."""
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)


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
Refreshed = Annotated[
    bool,
    typer.Option(
        "--refresh",
        help="Clips were added or removed: choose the lengths of the phases again. Your own changes stay.",
    ),
]
Replace = Annotated[bool, typer.Option("--replace", help="Write over files that are there; they stay as NAME.old.")]


def init(
    folder: Folder = Path(),
    data: Data = None,
    language: Language = None,
    base: Base = None,
    gpu_memory: Gpu = None,
    name: RunName = None,
    yes: Yes = False,
    replace: Replace = False,
    refresh: Refreshed = False,
) -> None:
    """Look at your recordings and write the config of a new voice: pipeline.yaml, two phases, sentences, launchers."""
    from xtts_finetune.cli.init_questions import Asked, Questions  # noqa: PLC0415
    from xtts_finetune.errors import UserError  # noqa: PLC0415
    from xtts_finetune.setup.files import in_the_way, render, write_files  # noqa: PLC0415
    from xtts_finetune.setup.refresh import note_written  # noqa: PLC0415

    questions = Questions(yes)
    folder = folder.expanduser().absolute()
    if refresh:
        given = {"--data": data, "--language": language, "--base": base, "--name": name, "--replace": replace}
        if unused := [flag for flag, value in given.items() if value]:
            raise UserError(f"{', '.join(unused)}: --refresh takes what pipeline.yaml says; change it there")
        _refresh(folder, None if gpu_memory is None else questions.memory(gpu_memory))
        return
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file; name a folder to write into")
    answers = questions.answers(folder, Asked(tuple(data or ()), language, base, gpu_memory, name))
    files = render(answers)
    there = in_the_way(folder, files)
    if there and not replace and not questions.may_replace(there):
        raise UserError(
            f"{folder} has {', '.join(there)} already, with another content. Nothing was written: name another "
            "folder, or say --replace (what is there is kept as NAME.old)"
        )
    unchanged = not there and all((folder / name).is_file() for name in files)
    kept = write_files(folder, files)
    note_written(answers, files)
    something_is_kept()
    _say_what_is_next(answers, [*files], kept, unchanged)


def _refresh(folder: Path, memory: tuple[int, bool] | None) -> None:
    """Say what suits the clips that are there now, and write it where the user has changed nothing."""
    from xtts_finetune.cli.terminal import tell  # noqa: PLC0415
    from xtts_finetune.setup.refresh import refresh_of  # noqa: PLC0415

    found = refresh_of(load_declaration(folder / "pipeline.yaml"), memory)
    then, now = found.written.clips, len(found.answers.look.kept)
    tell(f"{now} clips can be used; init chose the lengths of the phases for {then}.")
    if not found.changes:
        tell("Nothing to refresh: the lengths suit these clips.")
        tell(f"Next:\n  {quoted(['run_pipeline', '--plan', *_named(folder)])}")
        return
    for change in found.changes:
        yours = f"{change.name} stays as it is, because you changed it. These values would suit:"
        tell(f"{change.name}:" if change.untouched else yours)
        for key, (old, new) in change.values.items():
            tell(f"  {key}: {_short(old)} -> {_short(new)}")
    if not found.files:
        tell("Nothing was written: change what you like by hand.")
        return
    found.write()
    tell(f"Written: {', '.join(found.files)}.")
    tell(f"Next:\n  {quoted(['run_pipeline', '--plan', *_named(folder)])}")


def _short(value: object) -> str:
    return f"{len(value)} lines of the clips" if isinstance(value, list) else "not set" if value is None else f"{value}"


def _say_what_is_next(answers: Answers, files: list[str], kept: list[str], unchanged: bool) -> None:
    """Load what was written, as every later command will, and say which these are."""
    from xtts_finetune.cli.terminal import console  # noqa: PLC0415

    out = console()

    def say(text: str) -> None:
        out.print(text, highlight=False, markup=False, soft_wrap=True)

    say(f"\n{'unchanged in' if unchanged else 'written into'} {answers.folder}:")
    for name in files:
        if not name.startswith("schemas/"):
            say(f"  {name}")
    say("  schemas/   for editors, which then check what you type")
    for name in kept:
        say(f"  {name}   what was there before")
    problem = plan_of(answers)
    say("\nThe config is right." if not problem else f"\n{problem}")
    say("Next:")
    for what, command in steps(answers):
        say(f"  {what}:\n    {command}")
