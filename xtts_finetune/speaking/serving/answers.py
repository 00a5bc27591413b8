"""An order's sound as an answer: its first part decides what the answer is, the others follow as they are spoken."""

from __future__ import annotations

import asyncio
import contextlib

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from xtts_finetune.errors import UserError
from xtts_finetune.speaking.serving.asking import Refused
from xtts_finetune.speaking.serving.desk import Asked, Desk, Full, Order
from xtts_finetune.speaking.serving.encoding import MEDIA_TYPES

LOOK_SECONDS = 0.25
"""How often it is looked whether the client is still there, while it waits for the first sound."""
GONE = 499


async def answer(desk: Desk, asked: Asked, request: Request) -> Response:
    """The sound of what is asked. Raises Refused where the line is full, or nothing can be spoken."""
    try:
        order = desk.take(asked)
    except Full:
        raise Refused(429, "too many are waiting already; ask again in a moment", code="queue_full") from None
    try:
        first = await _first(order, request)
    except UserError as error:
        raise Refused(400, str(error), "input") from None
    except Exception:
        raise Refused(500, "this could not be spoken; the terminal of the server says why") from None
    except BaseException:
        order.leave()
        raise
    return Response(status_code=GONE) if first is None else Spoken(first, order)


async def _first(order: Order, request: Request) -> bytes | None:
    """The first part; None where the client has left, for whom nothing is spoken then."""
    while True:
        try:
            return await order.next(LOOK_SECONDS) or b""
        except TimeoutError:
            if await request.is_disconnected():
                order.leave()
                return None


class Spoken(StreamingResponse):
    """Parts of sound while they are spoken; a client that leaves stops the work."""

    def __init__(self, first: bytes, order: Order) -> None:
        super().__init__(iter(()), media_type=MEDIA_TYPES[order.asked.format])
        self._first, self._order = first, order

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer. What goes wrong on the way breaks the connection, so that nobody takes a part for the whole."""
        order = self._order
        watching = asyncio.create_task(_leave_when_gone(order, receive))
        try:
            await send({"type": "http.response.start", "status": 200, "headers": self.raw_headers})
            await send({"type": "http.response.body", "body": self._first, "more_body": True})
            with contextlib.suppress(Exception):  # said where it went wrong
                async for part in order.rest():
                    await send({"type": "http.response.body", "body": part, "more_body": True})
                if not order.left:
                    await send({"type": "http.response.body", "body": b"", "more_body": False})
        finally:
            watching.cancel()
            order.leave()


async def _leave_when_gone(order: Order, receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    order.leave()
