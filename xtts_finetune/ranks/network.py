"""Addresses: where several machines meet, and by which of its own each is seen there."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import socket
import time
from collections.abc import Callable

from xtts_finetune.errors import UserError

LOOPBACK = "127.0.0.1"
_ENDPOINT = re.compile(r"(?P<host>\[[^\]\s]+\]|[^\s:\[\]/]+):(?P<port>[0-9]{1,5})")


def endpoint(text: str) -> tuple[str, int]:
    """Host and port of HOST:PORT. Raises UserError for anything else."""
    match = _ENDPOINT.fullmatch(text.strip())
    if match is None or not 1 <= int(match["port"]) <= 65535:
        raise UserError(f"--rendezvous: expected HOST:PORT, such as 192.168.1.10:29400, but got '{text}'")
    return match["host"].strip("[]"), int(match["port"])


def address_of(host: str) -> str:
    """A host's address. Raises UserError when nothing knows its name."""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError as error:
        raise UserError(f"--rendezvous: no address is known for '{host}' ({error}); give its number") from None
    return str(found[0][4][0])


def is_own(host: str) -> bool:
    """Whether an address is one of this machine's. Raises UserError when nothing knows its name."""
    address = address_of(host)
    try:
        with socket.socket(_family(address), socket.SOCK_STREAM) as probe:
            probe.bind((address, 0))
    except OSError:
        return False
    return True


def facing(host: str) -> str:
    """The address of this machine that `host` sees; nothing is sent for it. Raises UserError if no way leads there."""
    address = address_of(host)
    try:
        with socket.socket(_family(address), socket.SOCK_DGRAM) as probe:
            probe.connect((address, 9))
            return str(probe.getsockname()[0])
    except OSError as error:
        raise UserError(f"--rendezvous: there is no route to '{host}' ({error}); is the network there?") from None


def interface_of(address: str) -> str | None:
    """The name of the network interface that has an address of this machine; None where none says so.

    127.0.0.2 is the loopback's as well, which names 127.0.0.1 alone.
    """
    import psutil  # noqa: PLC0415

    interfaces = psutil.net_if_addrs()
    for name, addresses in interfaces.items():
        if any(each.address.split("%")[0] == address for each in addresses):
            return str(name)
    if ipaddress.ip_address(address).is_loopback and address != LOOPBACK:
        return interface_of(LOOPBACK)
    return None


def check_free(host: str, port: int) -> None:
    """Raise UserError when another program listens where the machines are to meet."""
    address = address_of(host)
    with socket.socket(_family(address), socket.SOCK_STREAM) as probe:
        with contextlib.suppress(OSError, AttributeError):
            if hasattr(socket, "SO_REUSEADDR") and not hasattr(socket, "SO_EXCLUSIVEADDRUSE"):
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # one that has just ended
        try:
            probe.bind((address, port))
        except OSError as error:
            raise UserError(
                f"--rendezvous: port {port} of {host} cannot be used ({error}); give another one, the same on all "
                "machines"
            ) from None


def answers(host: str, port: int, seconds: float = 2.0) -> bool:
    """Whether somebody listens there; that is waited for at most `seconds`."""
    try:
        with socket.create_connection((host, port), timeout=seconds):
            return True
    except OSError:
        return False


def wait_for(
    host: str,
    port: int,
    seconds: float | None = None,
    pause: float = 1.0,
    clock: Callable[[], float] = time.monotonic,
) -> bool:
    """Wait until somebody listens there; False when nobody did within `seconds` (None: for ever).

    It is tried every `pause` seconds; `clock` is in seconds, too.
    """
    ends = None if seconds is None else clock() + seconds
    while not answers(host, port):
        if ends is not None and clock() >= ends:
            return False
        time.sleep(pause)
    return True


def _family(address: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in address else socket.AF_INET
