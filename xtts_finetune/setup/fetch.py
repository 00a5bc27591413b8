"""Get a base: what is there is checked and kept, the licence is asked about, the rest is fetched and checked."""

from __future__ import annotations

import contextlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import Enum
from pathlib import Path
from typing import Protocol

from filelock import FileLock, Timeout

from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.records.atomic import atomic_path, json_or_none, replace_with_retry, write_text_atomic
from xtts_finetune.records.values import file_digest
from xtts_finetune.setup import hub
from xtts_finetune.xtts.base import FETCHED_PARTS, begun_in, places_of
from xtts_finetune.xtts.releases import MODEL, PublishedFile, Release, note_published, rewritten

CONFIG = "config.json"


class Found(str, Enum):
    """What lies under a published file's name."""

    MISSING = "missing"
    RIGHT = "right"
    REWRITTEN = "rewritten"
    OTHER = "other"


def look_at(path: Path, published: PublishedFile) -> Found:
    """What stands at `path` beside the published file; the whole file is read where its size is right.

    A config.json or model.pth with other bytes may still be of the same release: Coqui's programs write paths into
    the one, and the other anew. They count as rewritten if the one is the configuration of an XTTS model and the
    other holds the published weights (`xtts.releases.rewritten`).
    """
    if not path.is_file():
        return Found.MISSING
    if path.stat().st_size == published.size and file_digest(path) == published.sha256:
        return Found.RIGHT
    if published.name == CONFIG and _is_xtts_config(path):
        return Found.REWRITTEN
    return Found.REWRITTEN if rewritten(path, published) else Found.OTHER


def _is_xtts_config(path: Path) -> bool:
    return json_or_none(path, lambda config: isinstance(config["model_args"], dict)) or False


# What the disk should have left when all is there.
SPARE_BYTES = 200_000_000


class Screen(Protocol):
    """Where fetching says what it does."""

    def say(self, text: str) -> None: ...

    def progress(self, published: PublishedFile, there: int) -> None: ...


Accept = Callable[[Release, str], bool]  # the licence's text -> whether it is accepted


@dataclass(frozen=True)
class Place:
    """The folder that a release goes into, and what lies there of it."""

    folder: Path
    found: dict[str, Found]

    @property
    def parts(self) -> Path:
        """What is not whole yet."""
        return self.folder / FETCHED_PARTS

    def wanted(self, release: Release) -> list[PublishedFile]:
        """The files that are missing."""
        return [file for file in release.files if self.found[file.name] is Found.MISSING]


def place_for(release: Release) -> Path:
    """Where to put a release: where parts of it lie already, else the folder of bases or Coqui's cache."""
    places = places_of(release.name)
    names = (*(file.name for file in release.files), FETCHED_PARTS)
    for folder in places:
        if any((folder / name).exists() for name in names):
            return folder
    # 'bases' in the current folder counts where somebody made it; nobody is surprised by gigabytes there.
    return next(folder for folder in places if folder.parent != Path.cwd() / "bases")


def look_around(release: Release, folder: Path, screen: Screen) -> Place:
    """What lies in `folder` of the release. Raises UserError if a file there is another one."""
    if folder.exists() and not folder.is_dir():
        raise UserError(f"{folder} is a file, not a folder; name another one with --to")
    there = [file for file in release.files if (folder / file.name).is_file()]
    if there:
        screen.say(f"checking {', '.join(file.name for file in there)} in {folder}")
    found = {file.name: look_at(folder / file.name, file) for file in release.files}
    _refuse_others(release, folder, found, "move it away, or put this version elsewhere with --to FOLDER")
    _say_what_is_rewritten(release, folder, found, screen)
    note(release, Place(folder, found))
    return Place(folder, found)


def note(release: Release, place: Place, more: Sequence[PublishedFile] = ()) -> None:
    """Note what the published files that are whole in the folder say, and `more`: see `xtts.releases.rewritten`."""
    right = [file for file in release.files if place.found[file.name] is Found.RIGHT]
    if right or more:
        with contextlib.suppress(OSError):  # a folder of somebody else's; it is checked by its bytes again then
            note_published(place.folder, [*right, *more])


def fetch(release: Release, place: Place, accept: Accept, screen: Screen) -> None:
    """Fetch what is missing, after the licence was accepted.

    Raises UserError if it was not, if the disk is too small or if another command fetches the same; WorkFailed if
    the network fails or a file arrives with another checksum. What arrived is kept for the next try.
    """
    wanted = place.wanted(release)
    if not wanted:
        return
    _check_room(place, wanted)
    text = hub.licence_text(release)
    agreed = place.parts / release.licence.file
    if not (agreed.is_file() and agreed.read_text(encoding="utf-8") == text) and not accept(release, text):
        raise UserError(f"the licence of {release.name} was not accepted; nothing was fetched")
    _make(place.parts)
    try:
        with FileLock(place.parts / "lock", timeout=0):
            write_text_atomic(agreed, text)
            for published in wanted:
                _fetch_one(release, published, place, screen)
            replace_with_retry(agreed, place.folder / release.licence.file)
        note(release, place, wanted)
    except Timeout:
        raise UserError(f"another command is fetching {release.name} into {place.folder}; wait for it") from None
    shutil.rmtree(place.parts, ignore_errors=True)


def take(release: Release, source: Path, place: Place, screen: Screen) -> None:
    """Copy what is missing from a folder that has the files, each checked. Raises UserError for a wrong one."""
    if not source.is_dir():
        raise UserError(f"--from: there is no folder {source}")
    wanted = place.wanted(release)
    found = {file.name: look_at(source / file.name, file) for file in wanted}
    missing = [name for name, state in found.items() if state is Found.MISSING]
    if missing:
        raise UserError(f"--from: {source} lacks {', '.join(missing)}; nothing was copied")
    _refuse_others(release, source, found, f"if it is what you want, write 'base: {source}' in pipeline.yaml")
    _check_room(place, wanted)
    _make(place.folder)
    for published in wanted:
        screen.say(f"copying {published.name}")
        with atomic_path(place.folder / published.name) as temporary:
            shutil.copyfile(source / published.name, temporary)
    note(release, place, [file for file in wanted if found[file.name] is Found.RIGHT])
    licence = source / release.licence.file
    if licence.is_file() and not (place.folder / licence.name).exists():
        shutil.copyfile(licence, place.folder / licence.name)
    shutil.rmtree(place.parts, ignore_errors=True)


def _fetch_one(release: Release, published: PublishedFile, place: Place, screen: Screen) -> None:
    part = place.parts / f"{published.name}.part"
    there = part.stat().st_size if part.is_file() else 0
    if there > published.size:
        part.unlink()
    elif there:
        screen.say(f"{published.name}: continuing after {there:,} of {published.size:,} bytes")
    hub.check_published(release, published)
    hub.download(release, published, part, lambda got: screen.progress(published, got))
    if file_digest(part) != published.sha256:
        part.unlink()
        raise WorkFailed(
            f"{published.name} arrived with another checksum than {release.name} {release.version} has, so it was "
            "thrown away; type the same command again. If that happens twice, something on the way changes files"
        )
    replace_with_retry(part, place.folder / published.name)


def _say_what_is_rewritten(release: Release, folder: Path, found: dict[str, Found], screen: Screen) -> None:
    for file in release.files:
        if file.name == MODEL and found[file.name] is Found.REWRITTEN:
            screen.say(f"{file.name} is kept: {rewritten(folder / file.name, file)}")


def _refuse_others(release: Release, folder: Path, found: dict[str, Found], cure: str) -> None:
    others = [name for name, state in found.items() if state is Found.OTHER]
    if others:
        raise UserError(
            f"{folder}: {', '.join(others)} is not the file of {release.name} {release.version} (its checksum "
            f"differs): damaged, or of another version. Nothing was changed; {cure}"
        )


def _check_room(place: Place, wanted: Sequence[PublishedFile]) -> None:
    """Raise UserError if the disk has no room for what is still to come."""
    needed = sum(file.size for file in wanted) - begun_in(place.folder)
    there = place.folder
    while not there.exists() and there != there.parent:
        there = there.parent
    free = shutil.disk_usage(there).free
    if free < needed + SPARE_BYTES:
        raise UserError(
            f"{place.folder}: {needed / 1e9:.1f} GB are to come, but only {free / 1e9:.1f} GB are free there; make "
            "room, or name another folder with --to"
        )


def _make(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UserError(f"{folder} cannot be made ({error.strerror or error}); name another folder with --to") from None
