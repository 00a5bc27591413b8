"""The same page over HTTP on this computer alone, which hands its ratings in by itself."""

from __future__ import annotations

import socket
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.listening.answers import MOST_BYTES, AlreadyTaken, NotTaken
from xtts_finetune.evaluation.listening.page import NO_REQUESTS, OWN_SERVER
from xtts_finetune.evaluation.listening.taking import Taken, take
from xtts_finetune.records.listening_files import ListeningTest

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

HOST = "127.0.0.1"
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def make_app(test: ListeningTest, port: int, taken: Callable[[Taken], None]) -> Starlette:
    """The server of one test: `/` is the page, `/ratings` takes a rating, checked like an imported file.

    Only requests that name this server as their host are answered: a page elsewhere that gets a browser to ask
    here under another name (DNS rebinding) learns nothing. A rating that comes from another origin is refused.
    """
    from starlette.applications import Starlette  # noqa: PLC0415  heavy
    from starlette.responses import HTMLResponse, PlainTextResponse  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    hosts = {f"{HOST}:{port}", f"localhost:{port}"}
    page = test.folder.page.read_text(encoding="utf-8").replace(NO_REQUESTS, OWN_SERVER, 1)

    def refused(request: Request) -> Response | None:
        if request.headers.get("host", "") not in hosts:
            return PlainTextResponse("unknown host", 421, HEADERS)
        origin = request.headers.get("origin")
        if origin is not None and origin.removeprefix("http://") not in hosts:
            return PlainTextResponse("from another page", 403, HEADERS)
        return None

    async def show(request: Request) -> Response:
        return refused(request) or HTMLResponse(page, headers=HEADERS)

    async def receive(request: Request) -> Response:
        if (refusal := refused(request)) is not None:
            return refusal
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

    return Starlette(routes=[Route("/", show), Route("/ratings", receive, methods=["POST"])])


def open_port(port: int) -> socket.socket:
    """A listening socket of the loopback interface; port 0 takes any. Raises UserError when it is taken."""
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows: nobody else may take the port at the same time
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((HOST, port))
        listener.listen()
    except OSError as error:
        listener.close()
        raise UserError(
            f"--serve: port {port} of {HOST} cannot be used ({error.strerror}); name another with --port"
        ) from None
    return listener


def serve(app: Any, listener: socket.socket) -> None:
    """Answer until Ctrl-C."""
    import uvicorn  # noqa: PLC0415  heavy

    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])
