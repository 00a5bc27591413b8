"""Ratings of a listening test come in: from files, or from its page, which is served to this computer."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.listening.answers import NotTaken
from xtts_finetune.evaluation.listening.taking import Taken, take_file
from xtts_finetune.look.commands import run_first
from xtts_finetune.pipeline.children.running import Work, verb
from xtts_finetune.pipeline.next_step import say_next
from xtts_finetune.records.heard.listening_files import ListeningTest, is_of_weights_now, read_tests

DEFAULT_PORT = 8765


def take_in(work: Work, files: Sequence[Path], partial: bool = False) -> list[Taken]:
    """Take ratings in, each said on a line. What is good is kept, whatever is wrong with other files.

    Raises UserError with a line for every file that was refused.
    """
    tests = read_tests(work.run)
    if not tests:
        raise UserError(run_first(f"{work.run.listening}: there is no listening test to rate", verb(work, "listen")))
    taken, refused = [], []
    for file in files:
        try:
            taken.append(take_file(file, tests, partial))
            work.say(f"taken: {taken[-1]}")
        except NotTaken as reason:
            refused.append(f"{file}: {reason}")
    for test in tests:
        if test.name in {one.test for one in taken} and not is_of_weights_now(work.run, test):
            work.say(f"warning: {test.name} does not count: its candidates have been trained further since", "yellow")
    if taken:
        say_next(work)
    if refused:
        count = f"{len(refused)} of {len(files)} files were" if len(files) > 1 else "the file was"
        raise UserError("\n".join([*refused, f"{count} not taken"]))
    return taken


def serve_test(work: Work, test: ListeningTest, port: int = DEFAULT_PORT) -> None:
    """Serve a test to listeners at this computer until Ctrl-C; their ratings are taken in as they come.

    Raises UserError when the port is in use.
    """
    from xtts_finetune.evaluation.listening.taking import make_app  # noqa: PLC0415
    from xtts_finetune.look.loopback import HOST, open_port, serve  # noqa: PLC0415

    arrived: list[Taken] = []

    def say(taken: Taken) -> None:
        arrived.append(taken)
        work.say(f"taken: {taken}")

    with open_port(port, "--serve") as listener:
        chosen = listener.getsockname()[1]
        work.say(f"{test.name}: http://{HOST}:{chosen}/   open it in a browser of this computer; stop with Ctrl-C")
        with contextlib.suppress(KeyboardInterrupt):
            serve(make_app(test, chosen, say), listener)
    listeners = {taken.listener for taken in arrived}
    work.say(f"\nended; ratings of {len(listeners)} listener{'' if len(listeners) == 1 else 's'} were taken")
    if not arrived:
        work.say("answers that were given stay in that browser: open the page again to go on with them")
    say_next(work)
