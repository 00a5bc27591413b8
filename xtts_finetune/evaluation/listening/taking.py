"""Ratings are taken into the run's folder, each once, whole or not at all: from files, or from the served page."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from xtts_finetune.evaluation.listening.answers import (
    MOST_BYTES,
    AlreadyTaken,
    NotTaken,
    Rating,
    check_rating,
    parse_rating,
)
from xtts_finetune.look.loopback import HEADERS, NotAccepted, OwnHostOnly, handed_in
from xtts_finetune.look.templating import may_ask_its_server
from xtts_finetune.records.atomic import json_or_none, write_json_atomic
from xtts_finetune.records.heard.listening import passed_checks
from xtts_finetune.records.heard.listening_files import ListeningTest

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response


def make_app(test: ListeningTest, port: int, taken: Callable[[Taken], None]) -> Starlette:
    """The server of one test: `/` is the page, `/ratings` takes a rating, checked like an imported file."""
    from starlette.applications import Starlette  # noqa: PLC0415  heavy
    from starlette.middleware import Middleware  # noqa: PLC0415
    from starlette.responses import HTMLResponse, PlainTextResponse  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    page = may_ask_its_server(test.folder.page.read_text(encoding="utf-8"))

    async def show(_: Request) -> Response:
        return HTMLResponse(page, headers=HEADERS)

    async def receive(request: Request) -> Response:
        try:
            content = await handed_in(request, MOST_BYTES, "rating")
            # What is there after a sitting is worth keeping; the rest of the same listening takes its place.
            done = take(content, [test], partial=True)
        except NotAccepted as reason:
            return PlainTextResponse(f"{reason}", reason.status, HEADERS)
        except AlreadyTaken:
            return PlainTextResponse("taken", 200, HEADERS)
        except NotTaken as reason:
            return PlainTextResponse(f"{reason}", 422, HEADERS)
        taken(done)
        return PlainTextResponse("taken", 201, HEADERS)

    routes = [Route("/", show), Route("/ratings", receive, methods=["POST"])]
    return Starlette(routes=routes, middleware=[Middleware(OwnHostOnly, port=port)])


@dataclass(frozen=True)
class Taken:
    """A rating that was taken in: where it lies, and how its listener did in the checks."""

    test: str
    listener: str
    file: Path
    answers: int
    of: int
    checks: int
    passed: int

    def __str__(self) -> str:
        checks = f", {self.passed} of {self.checks} checks passed" if self.checks else ""
        return f"{self.listener}: {self.answers} of {self.of} answers to {self.test}{checks}"


def take_file(file: Path, tests: Sequence[ListeningTest], partial: bool = False) -> Taken:
    """Take a file in. Raises NotTaken, with why, for one that is refused; nothing is written then."""
    try:
        with file.open("rb") as opened:
            content = opened.read(MOST_BYTES + 1)
    except OSError as error:
        raise NotTaken(f"cannot be read ({error.strerror or error})") from None
    return take(content, tests, partial)


def take(content: bytes, tests: Sequence[ListeningTest], partial: bool = False) -> Taken:
    """Take the bytes of a rating in. Raises NotTaken likewise.

    A later file of the same listening, with the answers so far and more, takes the place of the earlier one.
    """
    rating, value = parse_rating(content)
    test = check_rating(rating, tests, partial)
    _refuse_duplicate(rating, test)
    file = test.folder.rating(_file_name(rating.listener), rating.session[:8])
    # The checked values themselves: their checksum stays true.
    write_json_atomic(file, value)
    preferences = {answer.trial: float(answer.preference) for answer in rating.answers}
    checks, passed = passed_checks(test.trials, preferences)
    return Taken(test.name, rating.listener, file, len(rating.answers), len(test.counted), checks, passed)


def _refuse_duplicate(rating: Rating, test: ListeningTest) -> None:
    for file in test.folder.rating_files():
        there = json_or_none(file, lambda it: (str(it["session"]), str(it["listener"]), list(it["answers"])))
        if there is None:
            continue  # damaged since: it counts for nothing, and must not keep others out
        session, listener, answers = there
        if session == rating.session:
            if len(answers) >= len(rating.answers):
                raise AlreadyTaken(f"taken in already, as {file.name}")
            if listener != rating.listener:
                raise NotTaken(f"of the same listening as {file.name}, under another name")
        elif _folded(listener) == _folded(rating.listener):
            raise NotTaken(
                f"{listener} has rated {test.name} already ({file.name}); if this is somebody else, let them use "
                "another name"
            )


def _folded(name: str) -> str:
    return unicodedata.normalize("NFKC", name).casefold()


def _file_name(listener: str) -> str:
    """A listener's name as part of a file's name on any system."""
    plain = unicodedata.normalize("NFKD", listener).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9]+", "-", plain).strip("-")[:40] or "listener"
