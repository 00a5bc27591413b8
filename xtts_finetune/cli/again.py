"""The command line that goes on after an interruption."""

from __future__ import annotations

import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import PurePath

# Options that belong to the first start alone.
ONLY_ONCE = {"--fresh"}


def command_again(arguments: Sequence[str] | None = None) -> str:
    """The command that goes on with what this one began, to be copied into a shell."""
    program, *rest = sys.argv if arguments is None else arguments
    name = PurePath(program).name.removesuffix(".exe").removesuffix(".py")
    words = [name, *(word for word in rest if word not in ONLY_ONCE)]
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)
