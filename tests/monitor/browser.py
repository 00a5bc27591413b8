"""The page's server in a thread of the test, and a real Chromium."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from xtts_finetune.look.loopback import HOST, open_port
from xtts_finetune.monitor.run import RunWatch
from xtts_finetune.monitor.serve import make_app, make_server

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


@contextmanager
def served(folders: Sequence[Path]) -> Iterator[int]:
    """Serve the runs; gives the port."""
    listener = open_port(0, "--web")
    port = int(listener.getsockname()[1])
    app = make_app([RunWatch(folder) for folder in folders], port)
    server = make_server(app)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
    thread.start()
    try:
        yield port
    finally:
        server.should_exit = True
        thread.join(20)


@contextmanager
def opened(browser: Browser, address: str, width: int = 1280, dark: bool = False) -> Iterator[Page]:
    """A page that must not complain, and must not ask anybody but its own server."""
    page = browser.new_page(viewport={"width": width, "height": 900}, color_scheme="dark" if dark else "light")
    complaints: list[str] = []
    page.on("pageerror", lambda error: complaints.append(str(error)))
    page.on("console", lambda said: complaints.append(said.text) if said.type == "error" else None)
    page.on("request", lambda one: None if one.url.startswith((address, "data:")) else complaints.append(one.url))
    page.goto(address)
    yield page
    page.close()
    assert complaints == []


def address_of(port: int) -> str:
    """Where the page is."""
    return f"http://{HOST}:{port}/"
