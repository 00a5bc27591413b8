"""`xtts-finetune fetch`: get the base that training starts from, with a bar for each file, its licence asked first."""

from __future__ import annotations

import sys
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from xtts_finetune.cli.terminal import agrees, console
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children.process import something_is_kept

if TYPE_CHECKING:
    from xtts_finetune.setup.fetch import Accept
    from xtts_finetune.xtts.releases import PublishedFile, Release


class FetchScreen:
    """The terminal, used as a context so that the bars end with it."""

    def __init__(self) -> None:
        self._console = console()
        columns = (TextColumn("{task.description:14}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self._bars = Progress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> FetchScreen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def progress(self, published: PublishedFile, there: int) -> None:
        """Move a file's bar; the first piece starts it."""
        if there:
            something_is_kept()
        if published.name not in self._tasks:
            self._bars.start()
            self._tasks[published.name] = self._bars.add_task(published.name, total=published.size)
            if not self._console.is_terminal:
                self.say(f"fetching {published.name}, {published.size:,} bytes")
        self._bars.update(self._tasks[published.name], completed=there)

    def accept(self, given: bool) -> Accept:
        """The question about the licence; `given` answers it beforehand."""

        def ask(release: Release, text: str) -> bool:
            if given:
                self._points(release)
                return True
            self.say(f"{text.strip()}\n")
            self._points(release)
            return agrees("Do you accept this licence?")

        return ask

    def _points(self, release: Release) -> None:
        self.say(f"{release.licence.name}, in short (the licence itself counts: {release.licence_page}):")
        for point in release.licence.points:
            self.say(f"  - {point}")


def asks_first(release: Release, given: bool) -> None:
    """Raise UserError where nobody can be asked about the licence and it was not accepted beforehand."""
    if given or sys.stdin.isatty():
        return
    raise UserError(
        f"{release.name} comes under the {release.licence.name}, non-commercial use only; read it at "
        f"{release.licence_page}\nand say that you accept it with --accept-licence; nothing was fetched"
    )


Name = Annotated[str, typer.Argument(help="Which base model.", metavar="NAME")]
From = Annotated[
    Path | None,
    typer.Option("--from", help="Take the files from this folder instead of downloading them.", metavar="FOLDER"),
]
To = Annotated[
    Path | None,
    typer.Option(
        "--to",
        help="Where to put them.",
        metavar="FOLDER",
        show_default="where 'base: xtts_v2' is looked for",
    ),
]
Accepted = Annotated[
    bool,
    typer.Option("--accept-licence", "--accept-license", help="You have read the licence and accept it."),
]


def fetch(name: Name = "xtts_v2", source: From = None, to: To = None, accept_licence: Accepted = False) -> None:
    """Download a base model, 2.1 GB for xtts_v2: its licence first, every file checked; continues where it stopped."""
    from xtts_finetune.errors import UserError  # noqa: PLC0415
    from xtts_finetune.setup.fetch import fetch as fetch_release  # noqa: PLC0415
    from xtts_finetune.setup.fetch import look_around, place_for, take  # noqa: PLC0415
    from xtts_finetune.xtts.releases import release_of  # noqa: PLC0415

    release = release_of(name)
    if release is None:
        raise UserError(_unknown(name))
    folder = to.expanduser().absolute() if to is not None else place_for(release)
    with FetchScreen() as screen:
        place = look_around(release, folder, screen)
        if not place.wanted(release):
            screen.say(f"{release.name} {release.version} is whole in {folder}; nothing to do")
        elif source is not None:
            take(release, source.expanduser().absolute(), place, screen)
        else:
            asks_first(release, accept_licence)
            fetch_release(release, place, screen.accept(accept_licence), screen)
        _say_where(release, folder, screen)


def _say_where(release: Release, folder: Path, screen: FetchScreen) -> None:
    from xtts_finetune.xtts.base import places_of  # noqa: PLC0415

    named = release.name if folder in places_of(release.name) else f'"{folder.as_posix()}"'
    screen.say(f"{release.name} {release.version} is in {folder}")
    screen.say(f"  in pipeline.yaml:  base: {named}")
    screen.say(f"  its licence:       {release.licence.name}, non-commercial use only; {release.licence_page}")


def _unknown(name: str) -> str:
    from xtts_finetune.spec.reading.words import did_you_mean, listed  # noqa: PLC0415
    from xtts_finetune.xtts.releases import RELEASES  # noqa: PLC0415

    names = [release.name for release in RELEASES]
    hint = did_you_mean(name, names) or f"; known: {listed(names)}"
    return f"no base '{name[:60]}' is known{hint}. A base of your own needs no fetching: give its folder as 'base:'"
