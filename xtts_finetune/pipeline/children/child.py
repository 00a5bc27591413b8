"""The frame around every child process: `python -m ...pipeline.children.child [--stays] MODULE ... JOB.json`.

It runs MODULE as `python -m` would, after two precautions. A child whose parent is gone is asked to stop as
by Ctrl-C, so that nobody's training goes on unseen; and a child waits for an older one that still writes in
the same folder, because two of them would spoil each other's checkpoints. With `--stays` it takes further jobs
(staying.py has the rules).
"""

from __future__ import annotations

import _thread
import gc
import json
import logging
import os
import queue
import runpy
import signal
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

from xtts_finetune.errors import DONE, FAILED, UserError
from xtts_finetune.pipeline.children.lock import child_lock, sweep_leftovers
from xtts_finetune.pipeline.children.staying import STAYS
from xtts_finetune.records.job import EventWriter, Job

# torch's own, of a process that has set none.
FIRST_SEED = 67280421310721


def main(arguments: list[str], do: Callable[[list[str]], None] | None = None) -> None:
    """Run the module named first, with the rest as its arguments; the last one is the job's file.

    `do` does a job, and ends the process where it is not done; left out, as `run_module` does.
    """
    do = do or run_module
    stays = arguments[:1] == [STAYS]
    answers = _answers() if stays else -1
    parent = Parent()
    parent.start()
    began = AsNew()
    do(arguments[stays:])
    while stays:
        began.again()
        _print_to(Path(os.devnull))  # Windows moves and removes no file that is open
        parent.at_work = False
        os.write(answers, b"done\n")
        job = parent.jobs.get()
        if job is None:
            return
        parent.at_work = True
        _print_to(Path(job["log"]))
        do(job["arguments"])


def run_module(arguments: list[str]) -> None:
    """Run a module; a job that is not done ends the process."""
    if hasattr(signal, "SIGBREAK"):
        # The only signal that a parent on Windows can send to a child with a process group of its own.
        signal.signal(signal.SIGBREAK, signal.default_int_handler)
    # A parent that was itself started in the background hands on SIGINT ignored: Python would leave it so.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    sys.argv = list(arguments)
    try:
        job = Job.read(Path(arguments[-1]))
        with child_lock(job.run_folder, lambda message: _say(job.events, message)):
            sweep_leftovers(job.run_folder)
            runpy.run_module(arguments[0], run_name="__main__", alter_sys=True)
    except UserError as error:
        print(error, file=sys.stderr)
        sys.exit(FAILED)
    except SystemExit as ended:
        if ended.code not in (None, DONE):
            raise


def _answers() -> int:
    """What stdout was, for answers alone; what is printed goes where errors go, into the log."""
    answers = os.dup(1)
    os.dup2(2, 1)
    return answers


def _print_to(path: Path) -> None:
    with path.open("ab") as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)


def _say(events: Path, message: str) -> None:
    print(message, file=sys.stderr)
    with EventWriter(events) as writer:
        writer.note(message)


class Parent(threading.Thread):
    """Takes what the parent writes to stdin, a job a line; an end of file means that it is gone.

    While the child is at work it is asked to stop then, as by Ctrl-C; one that waits takes None as its last job.
    """

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.jobs: queue.SimpleQueue[dict[str, Any] | None] = queue.SimpleQueue()
        self.at_work = True

    def run(self) -> None:
        """Until the parent is gone."""
        stdin = sys.stdin
        if stdin is None:
            return
        try:
            for line in stdin.buffer:
                self.jobs.put(json.loads(line))
        except (OSError, ValueError):
            return
        self.jobs.put(None)
        if self.at_work:
            stop_this_process()


def stop_this_process() -> None:
    """As by Ctrl-C."""
    main_thread = threading.main_thread().ident
    if sys.platform != "win32" and main_thread is not None:
        # A real signal, which wakes the main thread from whatever it waits for.
        signal.pthread_kill(main_thread, signal.SIGINT)
    else:
        _thread.interrupt_main()


class AsNew:
    """What a job may leave behind in its process, as it was before the first."""

    def __init__(self) -> None:
        self._environment = dict(os.environ)
        self._handlers = {id(handler) for handler in _log_handlers()}

    def again(self) -> None:
        """Put it back."""
        os.environ.clear()
        os.environ.update(self._environment)
        for name in ("SIGTERM", "SIGHUP"):
            if hasattr(signal, name):
                signal.signal(getattr(signal, name), signal.SIG_DFL)
        for logger in _loggers():
            for handler in [each for each in logger.handlers if id(each) not in self._handlers]:
                logger.removeHandler(handler)
                handler.close()
        sys.stdout.flush()
        sys.stderr.flush()
        gc.collect()
        if "torch" in sys.modules:
            _torch_as_new()


def _torch_as_new() -> None:
    import torch  # noqa: PLC0415  imported by a job

    torch.set_grad_enabled(True)
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.benchmark = torch.backends.cudnn.deterministic = False
    torch.backends.cudnn.allow_tf32 = True
    torch.manual_seed(FIRST_SEED)
    if torch.cuda.is_initialized():  # type: ignore[no-untyped-call]
        torch.cuda.empty_cache()


def _loggers() -> list[logging.Logger]:
    known = logging.root.manager.loggerDict.values()
    return [logging.root, *(each for each in known if isinstance(each, logging.Logger))]


def _log_handlers() -> list[logging.Handler]:
    return [handler for logger in _loggers() for handler in logger.handlers]


if __name__ == "__main__":
    main(sys.argv[1:])
