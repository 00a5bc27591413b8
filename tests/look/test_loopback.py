"""Servers of this computer alone."""

from __future__ import annotations

import pytest

from xtts_finetune.errors import UserError
from xtts_finetune.look.loopback import HOST, open_port


def test_a_server_is_heard_on_this_computer_alone() -> None:
    with open_port(0, "--web") as listener:
        assert listener.getsockname()[0] == HOST == "127.0.0.1"


def test_a_port_in_use_is_said() -> None:
    with open_port(0, "--web") as listener:
        port = listener.getsockname()[1]
        with pytest.raises(UserError, match=rf"^--serve: port {port} of 127\.0\.0\.1 cannot be used \(.+--port$"):
            open_port(port, "--serve")


def test_a_number_that_is_no_port_is_said() -> None:
    with pytest.raises(UserError, match=r"port 70000 .* name another with --port"):
        open_port(70_000, "--web")
