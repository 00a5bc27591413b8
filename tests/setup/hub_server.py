"""A hub of our own on this machine: made files, served with ranges, that can break off or lie."""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import PurePosixPath

import numpy as np

from xtts_finetune.xtts.releases import CPML, XTTS_V2, PublishedFile, Release

REVISION = "0123456789abcdef0123456789abcdef01234567"
LICENCE = b"A licence of terms.\nNon-commercial, and so on.\n"
SIZES = {
    "config.json": 50,
    "vocab.json": 3000,
    "mel_stats.pth": 1067,
    "dvae.pth": 400_000,
    "model.pth": 2_500_000,
}


def made_files() -> dict[str, bytes]:
    """Files under the names of a base's, of other bytes each."""
    chance = np.random.default_rng(7)
    return {name: chance.bytes(size) for name, size in SIZES.items()}


def release_of(files: dict[str, bytes]) -> Release:
    """The release that these files are."""
    published = tuple(
        PublishedFile(name, len(content), hashlib.sha256(content).hexdigest()) for name, content in files.items()
    )
    return Release("xtts_v2", "2.0.3", "made/up", REVISION, CPML, published)


@dataclass
class Hub:
    """What is served, how, and what was asked for.

    breaks_at   by file: the next GETs of it end before these bytes of the file, one each
    stated      ETags that differ from the truth, by file
    """

    files: dict[str, bytes]
    breaks_at: dict[str, list[int]] = field(default_factory=dict)
    stated: dict[str, str] = field(default_factory=dict)
    ranges: bool = True
    pause: float = 0.0
    asked: list[str] = field(default_factory=list)
    address: str = ""

    def gets(self, name: str) -> list[str]:
        """The ranges that were asked for of a file, '' for the whole."""
        return [line.partition(" ")[2] for line in self.asked if line.startswith(f"{name} ")]


@contextmanager
def serving(files: dict[str, bytes]) -> Iterator[Hub]:
    """Serve the files until the block ends; `address` is what HF_ENDPOINT is to be."""
    hub = Hub({**files, "LICENSE.txt": LICENCE})
    server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(hub))
    server.daemon_threads = True
    hub.address = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, format: str, *arguments: object) -> None:
            pass

        def do_HEAD(self) -> None:
            content = self._head("HEAD")
            if content is not None:
                self._answer(200, len(content), content)

        def do_GET(self) -> None:
            content = self._head("GET")
            if content is None:
                return
            wanted = self.headers.get("Range", "") if hub.ranges else ""
            start = int(wanted.removeprefix("bytes=").removesuffix("-")) if wanted else 0
            end = len(content)
            if breaks := hub.breaks_at.get(PurePosixPath(self.path).name):
                end = max(start, min(end, breaks.pop(0)))
            self._answer(206 if wanted else 200, len(content) - start, content)
            try:
                for place in range(start, end, 50_000):
                    self.wfile.write(content[place : min(end, place + 50_000)])
                    self.wfile.flush()
                    threading.Event().wait(hub.pause)
            except OSError:  # whoever asked was killed
                pass
            self.close_connection = True

        def _head(self, method: str) -> bytes | None:
            name = PurePosixPath(self.path).name
            known = any(f"/resolve/{revision}/" in self.path for revision in (REVISION, XTTS_V2.revision))
            content = hub.files.get(name) if known else None
            if method == "GET" and "/resolve/" in self.path:
                hub.asked.append(f"{name} {self.headers.get('Range', '')}")
            if content is None:
                self.send_response(404)
                self.send_header("X-Error-Code", "EntryNotFound")
                self.send_header("Content-Length", "0")
                self.end_headers()
            return content

        def _answer(self, status: int, length: int, content: bytes) -> None:
            name = PurePosixPath(self.path).name
            self.send_response(status)
            etag = hub.stated.get(name, hashlib.sha256(content).hexdigest())
            self.send_header("ETag", f'"{etag}"')
            self.send_header("X-Repo-Commit", REVISION)
            self.send_header("Content-Length", str(length))
            self.send_header("Connection", "close")
            self.end_headers()

    return Handler
