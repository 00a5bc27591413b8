"""The Hugging Face hub: one file of a repository, over HTTP with ranges, so that it goes on where it stopped."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from xtts_finetune.errors import WorkFailed
from xtts_finetune.xtts.releases import PublishedFile, Release

# The client would tell the hub more than it needs to know, and ask it for more than the files.
os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")

# Seconds between tries when a connection breaks; each piece that arrives begins the row anew. What is asked before
# the first byte is tried less often: somebody without a network should hear so soon.
PAUSES = (1.0, 2.0, 4.0, 8.0, 16.0)
TRIES_BEFORE = 2
TIMEOUT = 30.0
LARGEST_LICENCE = 1_000_000
AGAIN = "what arrived is kept: type the same command again to continue"
AWAY = "is this computer connected? Try again then, or take the files from a folder: --from FOLDER"

Answer = TypeVar("Answer")

Progress = Callable[[int], None]  # bytes of the file that are there


def licence_text(release: Release) -> str:
    """The licence as it stands beside the release's files; it is read into memory and written nowhere.

    Raises WorkFailed if the hub cannot be reached or has none.
    """

    def read() -> bytes:
        content = b""
        with _response(release, release.licence.file, 0) as response:
            for piece in response.iter_bytes():
                content += piece
                if len(content) > LARGEST_LICENCE:
                    raise WorkFailed(f"{release.licence.file}: far too long for a licence; nothing was fetched")
        return content

    return _answered(release.licence.file, read).decode("utf-8", errors="replace")


def check_published(release: Release, published: PublishedFile) -> None:
    """Compare what the hub says of a file with what is known of it, before gigabytes of it are fetched.

    Only large files have a sha256 there. Raises WorkFailed if size or sum differ.
    """
    from huggingface_hub import get_hf_file_metadata  # noqa: PLC0415  heavy

    url = _url(release, published.name)
    said = _answered(published.name, lambda: get_hf_file_metadata(url, token=False, timeout=TIMEOUT))
    sum_differs = said.etag is not None and len(said.etag) == 64 and said.etag != published.sha256
    if sum_differs or (said.size is not None and said.size != published.size):
        raise WorkFailed(
            f"{published.name}: the hub has another file than {release.name} {release.version} "
            f"({said.size:,} bytes, {published.size:,} are known); it was not fetched"
        )


def _answered(name: str, ask: Callable[[], Answer]) -> Answer:
    """What a question to the hub gives, asked again where a connection breaks. Raises WorkFailed."""
    for pause in (*PAUSES[:TRIES_BEFORE], None):
        try:
            return ask()
        except _broken() as error:
            if pause is None:
                raise WorkFailed(f"{name}: {_first_line(error)}; {AWAY}") from None
            time.sleep(pause)
        except OSError as error:  # the hub refuses
            raise WorkFailed(f"{name}: {_first_line(error)}; {AGAIN}") from None
    raise AssertionError("the last try returns or raises")


def download(release: Release, published: PublishedFile, part: Path, progress: Progress) -> None:
    """Fetch a file into `part`, from where `part` ends; broken connections are tried again.

    Raises WorkFailed when the hub cannot be reached or refuses; what arrived stays in `part`.
    """
    tries = 0
    while (there := _length(part)) < published.size:
        fault = "the connection ended early"
        try:
            with _response(release, published.name, there) as response:
                _append(response, part, there, published.size, progress)
        except _broken() as error:
            fault = _first_line(error)
        except OSError as error:  # a refusal of the hub, or of the disk: no second try cures that
            raise WorkFailed(f"{published.name}: {_first_line(error)}; {AGAIN}") from None
        if _length(part) > there:
            tries = 0
        elif tries >= len(PAUSES):
            raise WorkFailed(f"{published.name}: {fault}; {AGAIN}")
        else:
            time.sleep(PAUSES[tries])
            tries += 1


def _append(response: Any, part: Path, there: int, size: int, progress: Progress) -> None:
    """Write what arrives behind the `there` bytes of `part`, or anew if the server sends the whole file."""
    if response.status_code != 206:
        there = 0
    with part.open("r+b" if there else "wb") as file:
        file.seek(there)
        for piece in response.iter_bytes():
            there += len(piece)
            if there > size:
                raise OSError("more arrives than the file should have")
            file.write(piece)
            progress(there)
        file.flush()
        os.fsync(file.fileno())


@contextmanager
def _response(release: Release, name: str, start: int) -> Iterator[Any]:
    from huggingface_hub import get_session  # noqa: PLC0415  heavy
    from huggingface_hub.utils import hf_raise_for_status  # type: ignore[attr-defined]  # noqa: PLC0415  heavy

    # Packed on the way, a part of a file would be no part of it.
    headers = {"User-Agent": "xtts-finetune", "Accept-Encoding": "identity"}
    if start:
        headers["Range"] = f"bytes={start}-"
    with get_session().stream("GET", _url(release, name), headers=headers, timeout=TIMEOUT) as response:
        hf_raise_for_status(response)
        yield response


def _url(release: Release, name: str) -> str:
    # HF_ENDPOINT names a mirror; the hub's own client reads it as well.
    from huggingface_hub import hf_hub_url  # noqa: PLC0415  heavy

    return hf_hub_url(release.repository, name, revision=release.revision)


def _broken() -> tuple[type[Exception], ...]:
    """What a connection that breaks raises; answers of the hub that refuse are OSErrors."""
    from httpx2 import TransportError  # noqa: PLC0415  heavy

    return (TransportError,)


def _first_line(error: Exception) -> str:
    """The error's first line, or what kind it is."""
    lines = str(error).strip().splitlines()
    return lines[0] if lines else type(error).__name__


def _length(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0
