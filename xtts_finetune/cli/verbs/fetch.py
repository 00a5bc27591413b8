"""`xtts-finetune fetch`: get the base that training starts from."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from xtts_finetune.cli.verbs.fetch_screen import FetchScreen
    from xtts_finetune.xtts.releases import Release

Name = Annotated[str, typer.Argument(help="Which base.", metavar="NAME")]
From = Annotated[
    Path | None,
    typer.Option("--from", help="Take the files from this folder instead of the network.", metavar="FOLDER"),
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


def fetch(
    name: Name = "xtts_v2", source: From = None, to: To = None, accept_licence: Accepted = False
) -> None:
    """Fetch a base, 2.1 GB for xtts_v2: licence first, every file checked; goes on where it stopped."""
    from xtts_finetune.cli.verbs.fetch_screen import FetchScreen, asks_first  # noqa: PLC0415
    from xtts_finetune.errors import UserError  # noqa: PLC0415
    from xtts_finetune.fetch.fetch import fetch as fetch_release  # noqa: PLC0415
    from xtts_finetune.fetch.fetch import look_around, place_for, take  # noqa: PLC0415
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
    screen.say(
        f"  its licence:       {release.licence.name}, non-commercial use only; {release.licence_page}"
    )


def _unknown(name: str) -> str:
    from xtts_finetune.spec.reading.words import did_you_mean, listed  # noqa: PLC0415
    from xtts_finetune.xtts.releases import RELEASES  # noqa: PLC0415

    names = [release.name for release in RELEASES]
    hint = did_you_mean(name, names) or f"; known: {listed(names)}"
    return f"no base '{name[:60]}' is known{hint}. A base of your own needs no fetching: give its folder as 'base:'"
