"""Who is answered: this computer's programs and pages, and from elsewhere only who knows the token."""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from xtts_finetune.look.loopback import HEADERS, App, Receive, Scope, Send

if TYPE_CHECKING:
    from starlette.responses import Response

MOST_BYTES = 100_000
"""Of a request's body: far more than any text that is spoken."""
LOOPBACK_NAMES = frozenset({"localhost", "127.0.0.1", "::1"})
OPEN = frozenset({"/", "/docs", "/openapi.json"})
"""What tells no secret, and may be read without the token: the page asks for it."""


@dataclass(frozen=True)
class Admitted:
    """Whom the server answers.

    token     that every request must bring; empty: none has to
    elsewhere whether other computers are answered
    origins   of pages that may ask besides those of this computer
    """

    token: str = ""
    elsewhere: bool = False
    origins: tuple[str, ...] = ()

    def is_own_name(self, host: str) -> bool:
        """Whether a request may name this server so; a page elsewhere that rebinds a name of its own must not."""
        name = (urlsplit(f"//{host}").hostname or "") if host else ""
        if name in LOOPBACK_NAMES:
            return True
        return self.elsewhere and (_is_address(name) or name in _own_names())

    def may_ask(self, origin: str, host: str) -> bool:
        """Whether a page of `origin` may."""
        if origin in self.origins:
            return True
        parts = urlsplit(origin)
        return parts.scheme in ("http", "https") and (parts.hostname in LOOPBACK_NAMES or parts.netloc == host)

    def knows(self, authorization: str) -> bool:
        """Whether the request brings the token."""
        scheme, _, given = authorization.partition(" ")
        return not self.token or (
            scheme.casefold() == "bearer" and secrets.compare_digest(given.strip().encode(), self.token.encode())
        )


class Guard:
    """ASGI middleware: refuses whom it should before anything of a request is read further, and what is too large."""

    def __init__(self, app: App, admitted: Admitted) -> None:
        self._app, self._admitted = app, admitted

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]}
        origin = headers.get("origin")
        shared = _sharing(origin, headers)
        if refusal := self._refusal(scope, headers, shared):
            return await refusal(scope, receive, send)

        async def answer(message: dict[str, object]) -> None:
            if message["type"] == "http.response.start":
                own = {**HEADERS, **shared, "Cross-Origin-Resource-Policy": "cross-origin"}
                there = message.get("headers") or ()
                added = [(name.lower().encode(), value.encode("latin-1")) for name, value in own.items()]
                message = {**message, "headers": [*there, *added]}  # type: ignore[misc]
            await send(message)

        body = await _body(receive)
        if body is None:
            return await _refused(413, f"larger than {MOST_BYTES:,} bytes", shared)(scope, receive, send)
        told = iter([{"type": "http.request", "body": body, "more_body": False}])

        async def replayed() -> dict[str, object]:
            return next(told, None) or dict(await receive())

        await self._app(scope, replayed, answer)  # type: ignore[arg-type]

    def _refusal(self, scope: Scope, headers: dict[str, str], shared: dict[str, str]) -> Response | None:
        from starlette.responses import Response  # noqa: PLC0415  heavy

        admitted, host, origin = self._admitted, headers.get("host", ""), headers.get("origin")
        if not _sound(admitted.is_own_name, host):
            return _refused(421, "this server goes by another name", {})
        if origin is not None and not _sound(admitted.may_ask, origin, host):
            return _refused(403, f"pages of {origin[:100]} may not ask here; --allow-origin lets them", {})
        if scope["method"] == "OPTIONS" and "access-control-request-method" in headers:
            return Response(status_code=204, headers={**HEADERS, **shared})
        if scope["path"] not in OPEN and not admitted.knows(headers.get("authorization", "")):
            return _refused(401, "the token is missing or wrong; send it as 'Authorization: Bearer TOKEN' "
                            "(an OpenAI client: as its api_key)", shared)  # fmt: skip
        return None


def error(message: str, status: int, param: str | None = None, code: str | None = None) -> dict[str, object]:
    """A refusal as OpenAI's clients read it."""
    kind = "server_error" if status >= 500 else "rate_limit_error" if status == 429 else "invalid_request_error"
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}


def _refused(status: int, message: str, headers: dict[str, str]) -> Response:
    from starlette.responses import JSONResponse  # noqa: PLC0415  heavy

    return JSONResponse(error(message, status), status, {**HEADERS, **headers})


def _sharing(origin: str | None, headers: dict[str, str]) -> dict[str, str]:
    """What lets a page that may ask read the answer."""
    if origin is None:
        return {}
    return {
        "Access-Control-Allow-Origin": origin,
        "Access-Control-Allow-Methods": "GET, POST",
        "Access-Control-Allow-Headers": headers.get("access-control-request-headers", "content-type, authorization"),
        "Access-Control-Max-Age": "600",
        "Vary": "Origin",
    }


async def _body(receive: Receive) -> bytes | None:
    """The whole body; None for one that is too large, of which the rest is not read."""
    parts = bytearray()
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return bytes(parts)
        parts += message.get("body", b"")
        if len(parts) > MOST_BYTES:
            return None
        if not message.get("more_body"):
            return bytes(parts)


def _sound(asked: object, *values: str) -> bool:
    try:
        return bool(asked(*values))  # type: ignore[operator]
    except ValueError:  # of names that are none
        return False


def _is_address(name: str) -> bool:
    try:
        ipaddress.ip_address(name)
    except ValueError:
        return False
    return True


def _own_names() -> Sequence[str]:
    own = socket.gethostname().casefold()
    return own, f"{own}.local", own.partition(".")[0]
