"""Where machines meet: addresses as they are typed, and this machine's own."""

from __future__ import annotations

import socket

import pytest

from xtts_finetune.errors import UserError
from xtts_finetune.ranks.network import answers, check_free, endpoint, facing, interface_of, is_own, wait_for


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("192.168.1.10:29400", ("192.168.1.10", 29400)),
        ("trainer-1.local:1", ("trainer-1.local", 1)),
        ("[::1]:29400", ("::1", 29400)),
    ],
)
def test_host_and_port(text: str, found: tuple[str, int]) -> None:
    assert endpoint(text) == found


@pytest.mark.parametrize("text", ["", "host", "host:", ":29400", "host:0", "host:65536", "::1:29400", "tcp://a:1"])
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(UserError, match="expected HOST:PORT"):
        endpoint(text)


def test_this_machines_own_addresses() -> None:
    assert is_own("127.0.0.1")
    assert not is_own("192.0.2.1")  # for documentation alone: nobody has it
    assert facing("127.0.0.1") == "127.0.0.1"
    assert interface_of("127.0.0.1") is not None
    assert interface_of("127.0.0.2") == interface_of("127.0.0.1")
    assert interface_of("192.0.2.1") is None


def test_a_port_that_is_in_use() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        port = server.getsockname()[1]
        assert answers("127.0.0.1", port)
        with pytest.raises(UserError, match=f"port {port} of 127.0.0.1 cannot be used"):
            check_free("127.0.0.1", port)
    check_free("127.0.0.1", port)
    assert not wait_for("127.0.0.1", port, seconds=0)
