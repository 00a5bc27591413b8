"""Servers of this computer alone, such as the monitor's page: their address, and whom they answer."""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable, MutableMapping
from typing import TYPE_CHECKING, Any

from xtts_finetune.errors import UserError

if TYPE_CHECKING:
    from starlette.requests import Request

HOST = "127.0.0.1"
HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}

Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]
App = Callable[[Scope, Receive, Send], Awaitable[None]]


class OwnHostOnly:
    """ASGI middleware: only requests that name this server as their host, and come from its own pages, are answered.

    A page elsewhere that gets a browser to ask here under another name (DNS rebinding) learns nothing, and cannot
    hand anything in.
    """

    def __init__(self, app: App, port: int) -> None:
        self._app = app
        self._hosts = {f"{HOST}:{port}", f"localhost:{port}"}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        from starlette.responses import PlainTextResponse  # noqa: PLC0415  heavy

        if scope["type"] == "http":
            headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
            origin = headers.get("origin")
            if headers.get("host", "") not in self._hosts:
                return await PlainTextResponse("unknown host", 421, HEADERS)(scope, receive, send)
            if origin is not None and origin.removeprefix("http://") not in self._hosts:
                return await PlainTextResponse("from another page", 403, HEADERS)(scope, receive, send)
        return await self._app(scope, receive, send)


class NotAccepted(Exception):
    """What a page handed in is not read; the message says why, `status` says it to browsers."""

    def __init__(self, reason: str, status: int) -> None:
        super().__init__(reason)
        self.status = status


async def handed_in(request: Request, most: int, what: str) -> bytes:
    """The JSON that a page handed in, as bytes; `what` it should be.

    Raises NotAccepted for another type, and for more than `most` bytes, without reading on.
    """
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise NotAccepted("expected application/json", 415)
    content = b""
    async for part in request.stream():
        content += part
        if len(content) > most:
            raise NotAccepted(f"larger than any {what}", 413)
    return content


def open_port(port: int, option: str, host: str = HOST) -> socket.socket:
    """A listening socket, of the loopback interface unless `host` is another address; port 0 takes any.

    Raises UserError when it cannot be had; `option` is what asked for the server.
    """
    listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows: nobody else may take the port at the same time
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen()
    except (OSError, OverflowError) as error:
        listener.close()
        reason = getattr(error, "strerror", None) or str(error)
        raise UserError(
            f"{option}: port {port} of {host} cannot be used ({reason}); name another with --port"
        ) from None
    return listener


def serve(app: Any, listener: socket.socket) -> None:
    """Answer until Ctrl-C."""
    import uvicorn  # noqa: PLC0415  heavy

    config = uvicorn.Config(app, log_level="warning", access_log=False, server_header=False, lifespan="off")
    uvicorn.Server(config).run(sockets=[listener])
