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

from xtts_finetune.cli.terminal import command_again, width_of
from xtts_finetune.errors import DONE, FAILED, INTERRUPTED, WRONG_INPUT
from xtts_finetune.look.commands import note_named
from xtts_finetune.look.wrapping import wrapped


def run_app(app: Callable[[], object]) -> None:
    """Run a command and leave with its exit code; a user never sees a traceback."""
    use_utf8()
    note_named(sys.argv[1:])
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
        code = app()
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else int(end.code is not None)
    except BrokenPipeError:
        raise
    except UserError as error:
        complain(str(error))
        return WRONG_INPUT
    except WorkFailed as error:
        complain(str(error))
        return FAILED
    except Interrupted as error:
        complain(how_to_continue(str(error)))
        return INTERRUPTED
    except KeyboardInterrupt:
        code = INTERRUPTED
    except Exception as error:
        if said := _wrong_usage(error):
            complain(said)
            return WRONG_INPUT
        lines = str(error).splitlines() or [""]
        complain(f"unexpected {type(error).__name__}: {lines[0]}\n  log: {write_traceback(error)}")
        return FAILED
    if code == INTERRUPTED:  # typer's own way of ending at Ctrl-C
        complain(how_to_continue("interrupted"))
    return code if isinstance(code, int) else DONE


def _wrong_usage(error: Exception) -> str:
    """What typer found wrong with a command's words, and where its options are explained; '' of any other error.

    Versions of typer have these errors from different packages; all of them have this method.
    """
    if not isinstance(said := getattr(error, "format_message", str)(), str) or not said:
        return ""
    context = getattr(error, "ctx", None)
    if context is None or said == context.get_help():  # without any word the message is the help itself
        return said
    return f"{said}\n  for help: {context.command_path} --help"


def how_to_continue(message: str) -> str:
    """What was interrupted, with the command that continues it, or starts it anew where nothing is kept yet."""
    from xtts_finetune.pipeline.children.process import is_anything_kept  # noqa: PLC0415  (likewise)

    if is_anything_kept():
        return f"{message}; what is done is kept. Continue with:\n  {command_again()}"
    return f"{message}. Start again with:\n  {command_again(without=())}"


def complain(message: str) -> None:
    """Print what went wrong on stderr, wrapped at words in a terminal, and in red where colours are wanted."""
    if sys.stderr.isatty():
        message = wrapped(message, width_of(sys.stderr))
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
