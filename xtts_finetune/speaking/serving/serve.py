"""What `xtts-finetune serve` does: load the model once, and answer until Ctrl-C."""

from __future__ import annotations

import contextlib
import ipaddress
import secrets
import socket
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from xtts_finetune.errors import UserError
from xtts_finetune.look.loopback import open_port
from xtts_finetune.speaking.say import check_device
from xtts_finetune.speaking.serving.guard import LOOPBACK_NAMES, Admitted
from xtts_finetune.speaking.speaking_models import SpeakingModel, in_voices

SHORTEST_TOKEN = 16

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """Where it listens, and whom it answers."""

    host: str = "127.0.0.1"
    port: int = 8020
    token: str = ""
    queue: int = 16
    origins: tuple[str, ...] = ()
    device: str = "auto"


def serve_model(model: SpeakingModel, wanted: Wanted, say: Say) -> None:
    """Answer until Ctrl-C. Raises UserError, before the model is loaded, where it cannot listen or must not."""
    admitted = admitted_of(wanted)
    check_device(wanted.device)
    listener = open_port(wanted.port, "--port", wanted.host)
    with contextlib.closing(listener):
        if model.older:
            say(f"warning: {model.older}")
        say(f"loading {model.name}")
        from xtts_finetune.speaking.serving.app import make_app  # noqa: PLC0415  heavy
        from xtts_finetune.speaking.serving.desk import Desk  # noqa: PLC0415  heavy
        from xtts_finetune.training.device import pick_device  # noqa: PLC0415  heavy

        speaker = in_voices(model, model.load(pick_device(wanted.device, say)))
        desk = Desk(speaker, wanted.queue, lambda line: say(f"{datetime.now():%H:%M:%S} {line}"))
        app = make_app(model, desk, admitted)
        for line in _where(listener, model, admitted):
            say(line)
        _answer(app, listener)


def admitted_of(wanted: Wanted) -> Admitted:
    """Raises UserError for a token that anybody could guess, and for other computers without one."""
    token = wanted.token.strip()
    elsewhere = wanted.host.strip("[]").casefold() not in LOOPBACK_NAMES
    suggested = f"--token {secrets.token_urlsafe(18)}"
    if elsewhere and not token:
        raise UserError(f"--host {wanted.host} lets other computers ask; have them bring a token, as\n  {suggested}")
    if token and len(token) < SHORTEST_TOKEN:
        raise UserError(f"--token: fewer than {SHORTEST_TOKEN} characters are guessed; longer would be\n  {suggested}")
    if not token.isascii() or any(character.isspace() for character in token):
        raise UserError(f"--token: it may have plain letters, digits and signs, and no blanks, as\n  {suggested}")
    for origin in wanted.origins:
        parts = urlsplit(origin)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.path:
            raise UserError(f"--allow-origin: {origin} is not the origin of a page, such as http://192.168.1.5:8000")
    return Admitted(token, elsewhere, wanted.origins)


def _where(listener: socket.socket, model: SpeakingModel, admitted: Admitted) -> list[str]:
    host, port = listener.getsockname()[:2]
    everywhere = ipaddress.ip_address(host).is_unspecified
    shown = socket.gethostname() if everywhere else f"[{host}]" if ":" in host else host
    base = f"http://{shown}:{port}"
    return [
        f"{base}/   speaks: open it, or give programs {base}/v1 in place of OpenAI's address",
        *(["every request must bring the token; the connection is not encrypted"] if admitted.token else []),
        f"voices: {', '.join(model.voices)}; Ctrl-C ends it",
    ]


def _answer(app: Any, listener: socket.socket) -> None:
    import uvicorn  # noqa: PLC0415  heavy

    config = uvicorn.Config(
        app, log_level="critical", access_log=False, server_header=False, lifespan="off", timeout_graceful_shutdown=2
    )
    with contextlib.suppress(KeyboardInterrupt):
        uvicorn.Server(config).run(sockets=[listener])
