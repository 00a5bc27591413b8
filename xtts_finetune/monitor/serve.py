"""The page from a server of this computer alone: live by server-sent events."""

from __future__ import annotations

import asyncio
import contextlib
import json
import socket
from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, Any

from xtts_finetune.look.loopback import HEADERS, OwnHostOnly
from xtts_finetune.monitor.document import Sent, message, page
from xtts_finetune.monitor.run import RunWatch
from xtts_finetune.monitor.sounds import sound_file
from xtts_finetune.monitor.view import Run

if TYPE_CHECKING:
    from starlette.applications import Starlette
    from starlette.requests import Request
    from starlette.responses import Response

# How often the records are looked at; a look that finds nothing new costs a few milliseconds.
LOOK_SECONDS = 0.5
# A comment now and then tells both sides that the other one is still there.
ALIVE_SECONDS = 15.0


class Looker:
    """Looks at the runs for all open pages at once, and wakes them when something changed."""

    def __init__(self, watches: Sequence[RunWatch]) -> None:
        self.watches = watches
        self.runs: list[Run] = []
        self.number = 0
        self.closing = False
        self.changed = asyncio.Condition()

    async def look(self) -> None:
        """Look once, in a thread: reading a long history takes a second, and pages are served meanwhile."""
        async with self.changed:  # nobody reads curves while they grow
            runs = await asyncio.to_thread(lambda: [watch.look() for watch in self.watches])
            if runs != self.runs:
                self.runs, self.number = runs, self.number + 1
                self.changed.notify_all()

    async def keep_looking(self) -> None:
        """Look again and again until cancelled; what goes wrong once is tried again."""
        while True:
            with contextlib.suppress(OSError):  # of a share that is gone for a moment
                await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def close(self) -> None:
        """End the events of all pages: a server does not end before its answers have."""
        async with self.changed:
            self.closing = True
            self.changed.notify_all()

    async def _moved_on(self, seen: int) -> bool:
        """Wait for something newer than look number `seen`; False when there was nothing for a while."""
        async with self.changed:
            try:
                await asyncio.wait_for(self.changed.wait_for(lambda: self.closing or self.number > seen), ALIVE_SECONDS)
            except asyncio.TimeoutError:
                return False
        return True

    async def events(self) -> AsyncIterator[str]:
        """Server-sent events of one page."""
        sent: Sent = {}
        seen = 0
        while not self.closing:
            if not await self._moved_on(seen):
                yield ": alive\n\n"
                continue
            async with self.changed:
                seen = self.number
                told = message(self.watches, self.runs, sent)
            yield f"data: {json.dumps(told, ensure_ascii=False, allow_nan=False, separators=(',', ':'))}\n\n"


def make_app(watches: Sequence[RunWatch], port: int) -> Starlette:
    """`/` is the page, `/events` what it shows, `/sound/<run>/<file>` an utterance."""
    from starlette.applications import Starlette  # noqa: PLC0415  heavy
    from starlette.middleware import Middleware  # noqa: PLC0415
    from starlette.responses import FileResponse, HTMLResponse, PlainTextResponse, StreamingResponse  # noqa: PLC0415
    from starlette.routing import Route  # noqa: PLC0415

    looker = Looker(watches)

    def show(request: Request) -> Response:
        return HTMLResponse(page(", ".join(watch.run.root.name for watch in watches), "live"), headers=HEADERS)

    def events(request: Request) -> Response:
        return StreamingResponse(looker.events(), media_type="text/event-stream", headers=HEADERS)

    def sound(request: Request) -> Response:
        number = int(request.path_params["run"])
        file = sound_file(watches[number].run.root, request.path_params["file"]) if number < len(watches) else None
        if file is None:
            return PlainTextResponse("no such sound", 404, HEADERS)
        return FileResponse(file, media_type="audio/wav", headers=HEADERS)

    @contextlib.asynccontextmanager
    async def looking(_: Starlette) -> AsyncIterator[None]:
        task = asyncio.create_task(looker.keep_looking())
        yield
        task.cancel()

    routes = [
        Route("/", show),
        Route("/events", events),
        Route("/sound/{run:int}/{file:path}", sound),
    ]
    app = Starlette(routes=routes, middleware=[Middleware(OwnHostOnly, port=port)], lifespan=looking)
    app.state.looker = looker
    return app


def make_server(app: Starlette) -> Any:
    """A uvicorn server whose end is not held up by pages that are open."""
    import uvicorn  # noqa: PLC0415  heavy

    class Server(uvicorn.Server):  # type: ignore[misc, unused-ignore]
        async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
            await app.state.looker.close()
            await super().shutdown(sockets=sockets)

    return Server(uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=2))


def serve(watches: Sequence[RunWatch], listener: socket.socket) -> None:
    """Serve until Ctrl-C."""
    app = make_app(watches, int(listener.getsockname()[1]))
    with contextlib.suppress(KeyboardInterrupt):
        make_server(app).run(sockets=[listener])
