"""The frame around every child process: `python -m xtts_finetune.pipeline.children.child MODULE ... JOB.json`.

It runs MODULE as `python -m` would, after two precautions. A child whose parent is gone is asked to stop as
by Ctrl-C, so that nobody's training goes on unseen; and a child waits for an older one that still writes in
the same folder, because two of them would spoil each other's checkpoints.
"""

from __future__ import annotations

import _thread
import runpy
import signal
import sys
import threading
from pathlib import Path

from xtts_finetune.errors import FAILED, UserError
from xtts_finetune.pipeline.children.lock import child_lock, sweep_leftovers
from xtts_finetune.records.job import EventWriter, Job


def main(arguments: list[str]) -> None:
    """Run the module named first, with the rest as its arguments; the last one is the job's file."""
    if hasattr(signal, "SIGBREAK"):
        # The only signal that a parent on Windows can send to a child with a process group of its own.
        signal.signal(signal.SIGBREAK, signal.default_int_handler)
    # A parent that was itself started in the background hands on SIGINT ignored: Python would leave it so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=stop_without_parent, daemon=True).start()
    sys.argv = arguments
    try:
        job = Job.read(Path(arguments[-1]))
        with child_lock(job.run_folder, lambda message: _say(job.events, message)):
            sweep_leftovers(job.run_folder)
            runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(FAILED)


def _say(events: Path, message: str) -> None:
    print(message, file=sys.stderr)
    with EventWriter(events) as writer:
        writer.note(message)


def stop_without_parent() -> None:
    """Wait for the end of the parent, and end as by Ctrl-C then: for a thread of its own.

    The parent holds the other end of stdin and writes nothing: an end of file means that it is gone.
    """
    stdin = sys.stdin
    if stdin is None:
        return
    try:
        while stdin.buffer.read(1):
            pass
    except (OSError, ValueError):
        return
    main_thread = threading.main_thread().ident
    if sys.platform != "win32" and main_thread is not None:
        # A real signal, which wakes the main thread from whatever it waits for.
        signal.pthread_kill(main_thread, signal.SIGINT)
    else:
        _thread.interrupt_main()


if __name__ == "__main__":
    main(sys.argv[1:])
