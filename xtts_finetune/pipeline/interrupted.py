"""What the commands raise when the user stops them: no failure, and not the end."""

from __future__ import annotations


class Interrupted(Exception):
    """Work was stopped from outside; the message says what. The caller knows the command that goes on."""
