"""The one place where errors become exit codes (see errors.py)."""

from __future__ import annotations

import contextlib
import errno
import os
import sys
import tempfile
import time
import traceback
from collections.abc import Callable
from pathlib import Path

from xtts_finetune.cli.terminal import command_again
from xtts_finetune.errors import DONE, FAILED, INTERRUPTED, WRONG_INPUT


def run_app(app: Callable[[], object]) -> None:
    """Run a command and leave with its exit code; a user never sees a traceback."""
    use_utf8()
    code = FAILED
    try:
        code = _code_of(app)
        sys.stdout.flush()
    except OSError as error:
        # The reader of a pipe (`| head`) has left, or the terminal was closed; Python would complain once more
        # while it closes stdout.
        if not isinstance(error, BrokenPipeError) and error.errno != errno.EIO:
            raise
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _code_of(app: Callable[[], object]) -> int:
    from xtts_finetune.errors import UserError, WorkFailed  # noqa: PLC0415  (a Ctrl-C meanwhile is handled too)
    from xtts_finetune.pipeline.children.process import Interrupted  # noqa: PLC0415

    try:
        app()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
        if code == INTERRUPTED:
            complain(goes_on("interrupted"))
        return code
    except BrokenPipeError:
        raise
    except UserError as error:
        complain(str(error))
        return WRONG_INPUT
    except WorkFailed as error:
        complain(str(error))
        return FAILED
    except Interrupted as error:
        complain(goes_on(str(error)))
        return INTERRUPTED
    except KeyboardInterrupt:
        complain(goes_on("interrupted"))
        return INTERRUPTED
    except Exception as error:
        lines = str(error).splitlines() or [""]
        complain(f"unexpected {type(error).__name__}: {lines[0]}\n  log: {write_traceback(error)}")
        return FAILED
    return DONE


def goes_on(message: str) -> str:
    """What was interrupted, with the command that goes on."""
    return f"{message}; what is done is kept. Go on with:\n  {command_again()}"


def complain(message: str) -> None:
    """Print what went wrong on stderr, in red where colours are wanted."""
    if sys.stderr.isatty() and "NO_COLOR" not in os.environ and os.environ.get("TERM") != "dumb":
        message = f"\033[31m{message}\033[0m"
    with contextlib.suppress(OSError):  # of a terminal that is gone
        print(message, file=sys.stderr)


def write_traceback(error: BaseException) -> Path:
    """Keep the traceback of a fault of ours in a file for a report, and return its path."""
    name = f"xtts-finetune-{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}.log"
    file = Path(tempfile.gettempdir()) / name
    text = "".join(traceback.format_exception(type(error), error, error.__traceback__))
    file.write_text(f"{' '.join(sys.argv)}\n{text}", encoding="utf-8")
    return file


def use_utf8() -> None:
    """Print UTF-8 on every system: a Windows pipe would otherwise refuse letters that its code page lacks."""
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(encoding="utf-8", errors="replace")
