"""Errors that are only about talking to other ranks are known as such."""

from __future__ import annotations

import pytest

from xtts_finetune.ranks.group import is_of_connection


@pytest.mark.parametrize(
    ("error", "of_connection"),
    [
        (RuntimeError("[/gloo/transport/tcp/pair.cc:538] Read error: Connection reset by peer"), True),
        (RuntimeError("NCCL communicator was aborted"), True),
        (RuntimeError("shapes do not match"), False),
        (ValueError("connection closed"), False),
    ],
)
def test_errors_about_talking_are_known(error: Exception, of_connection: bool) -> None:
    assert is_of_connection(error) is of_connection
