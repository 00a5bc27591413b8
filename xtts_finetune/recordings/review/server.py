"""The review page's server, for this computer alone: the page, the stretches, their sounds, and decisions."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from xtts_finetune.errors import UserError
from xtts_finetune.look.loopback import HEADERS, NotAccepted, OwnHostOnly, handed_in
from xtts_finetune.look.templating import html_page
from xtts_finetune.recordings.review.decisions import NotDecided
from xtts_finetune.recordings.review.desk import Desk

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

MOST_BYTES = 100_000


def review_page(title: str) -> str:
    """The page; it asks its server for everything else."""
    return html_page(
        "review.html.j2",
        styles=("review.css",),
        scripts=("review_words.js", "review.js"),
        data={},
        served=True,
        title=title,
    )


def make_app(desk: Desk, port: int, decided: Callable[[], object] = lambda: None) -> Starlette:
    """`/` is the page, `/state` all stretches, `/sound/<id>` and `/peaks/<id>` of one, `/decide` takes a decision."""
    from starlette.applications import Starlette  # noqa: PLC0415  heavy
    from starlette.concurrency import run_in_threadpool  # noqa: PLC0415
    from starlette.middleware import Middleware  # noqa: PLC0415
    from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse  # noqa: PLC0415
    from starlette.responses import Response as Bytes  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    page = review_page(desk.folder.name)

    def show(_: Request) -> Response:
        return HTMLResponse(page, headers=HEADERS)

    def state(_: Request) -> Response:
        return JSONResponse(desk.state(), headers=HEADERS)

    def of_one(read: Callable[[str], Any], answer: Callable[[Any], Response]) -> Callable[[Request], Response]:
        def serve(request: Request) -> Response:
            try:
                return answer(read(str(request.path_params["name"])))
            except KeyError:
                return PlainTextResponse("this clip has changed meanwhile; reload the page", 404, HEADERS)
            except Exception as error:  # of whatever reads sounds: the page shows it with its clip
                return PlainTextResponse(f"the sound cannot be read: {error}", 422, HEADERS)

        return serve

    def as_sound(found: tuple[bytes, str]) -> Response:
        return Bytes(found[0], media_type=found[1], headers=HEADERS)

    def as_json(found: object) -> Response:
        return JSONResponse(found, headers=HEADERS)

    async def decide(request: Request) -> Response:
        try:
            asked = json.loads(await handed_in(request, MOST_BYTES, "decision"))
            if not isinstance(asked, dict):
                raise ValueError("no JSON object")
        except NotAccepted as reason:
            return PlainTextResponse(f"{reason}", reason.status, HEADERS)
        except ValueError as error:
            return PlainTextResponse(f"this is no decision: {error}", 400, HEADERS)
        try:
            changed = await run_in_threadpool(desk.take, asked)
        except (NotDecided, UserError) as reason:
            return PlainTextResponse(str(reason), 422, HEADERS)
        except OSError as error:
            return PlainTextResponse(f"this could not be written: {error.strerror or error}", 507, HEADERS)
        decided()
        return JSONResponse(changed, headers=HEADERS)

    routes = [
        Route("/", show),
        Route("/state", state),
        Route("/sound/{name}", of_one(desk.sound, as_sound)),
        Route("/peaks/{name}", of_one(desk.peaks, as_json)),
        Route("/decide", decide, methods=["POST"]),
    ]
    return Starlette(routes=routes, middleware=[Middleware(OwnHostOnly, port=port)])
