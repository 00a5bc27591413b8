"""How a child's Python is started: it never imports from the folder that the user happens to be in.

`python -m` and `-c` put that folder first on the path, so that a clone of Coqui's `TTS` or a file `random.py` there
would be run in place of what is installed.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path

# -P, which processes that the child starts inherit, is from Python 3.11 on.
_SAFE = ("-P",) if sys.version_info >= (3, 11) else ()
_NOT_HERE = "import sys; sys.path[:1] = [] if sys.path[0] == '' else sys.path[:1]\n"
# A checkout that is not installed, where the parent found its own code.
_ROOT = str(Path(__file__).resolve().parents[3])
_FOUND = f"sys.path[:0] = [] if {_ROOT!r} in sys.path else [{_ROOT!r}]\n"
_MODULE = "import runpy; del sys.argv[0]; runpy.run_module(sys.argv[0], run_name='__main__', alter_sys=True)\n"


def code_arguments(code: str) -> list[str]:
    """Python's own arguments that run this code, which may use `sys`."""
    return [*_SAFE, "-c", _NOT_HERE + code]


def module_arguments(module: str) -> list[str]:
    """Python's own arguments that run this module, as `-m MODULE` would."""
    return [*code_arguments(_FOUND + _MODULE), module]


def python_module(module: str, arguments: Sequence[str]) -> list[str]:
    """The command line of this Python that runs the module."""
    return [sys.executable, *module_arguments(module), *arguments]
