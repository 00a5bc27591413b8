"""The same page over HTTP on this computer alone, which hands its ratings in by itself."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from xtts_finetune.evaluation.listening.answers import MOST_BYTES, AlreadyTaken, NotTaken
from xtts_finetune.evaluation.listening.page import NO_REQUESTS, OWN_SERVER
from xtts_finetune.evaluation.listening.taking import Taken, take
from xtts_finetune.loopback import HEADERS, OwnHostOnly
from xtts_finetune.records.listening_files import ListeningTest

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

    page = test.folder.page.read_text(encoding="utf-8").replace(NO_REQUESTS, OWN_SERVER, 1)

    async def show(_: Request) -> Response:
        return HTMLResponse(page, headers=HEADERS)

    async def receive(request: Request) -> Response:
        if request.headers.get("content-type", "").partition(";")[0] != "application/json":
            return PlainTextResponse("expected application/json", 415, HEADERS)
        content = b""
        async for part in request.stream():
            content += part
            if len(content) > MOST_BYTES:
                return PlainTextResponse("larger than any rating", 413, HEADERS)
        try:
            # What is there after a sitting is worth keeping; the rest of the same listening takes its place.
            done = take(content, [test], partial=True)
        except AlreadyTaken:
            return PlainTextResponse("taken", 200, HEADERS)
        except NotTaken as reason:
            return PlainTextResponse(f"{reason}", 422, HEADERS)
        taken(done)
        return PlainTextResponse("taken", 201, HEADERS)

    routes = [Route("/", show), Route("/ratings", receive, methods=["POST"])]
    return Starlette(routes=routes, middleware=[Middleware(OwnHostOnly, port=port)])


def serve(app: Any, listener: socket.socket) -> None:
    """Answer until Ctrl-C."""
    import uvicorn  # noqa: PLC0415  heavy

    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])
