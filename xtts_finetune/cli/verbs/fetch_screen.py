"""What fetching shows: one bar for each file in a terminal, a line for each in a pipe; and the licence's question."""

from __future__ import annotations

import sys
from types import TracebackType
from typing import TYPE_CHECKING

from rich.progress import BarColumn, DownloadColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from xtts_finetune.cli.asking import agrees
from xtts_finetune.cli.terminal import console
from xtts_finetune.errors import UserError

if TYPE_CHECKING:
    from xtts_finetune.fetch.fetch import Accept
    from xtts_finetune.xtts.releases import PublishedFile, Release


class FetchScreen:
    """The terminal, used as a context so that the bars end with it."""

    def __init__(self) -> None:
        self._console = console()
        columns = (TextColumn("{task.description:14}"), BarColumn(), DownloadColumn(), TimeRemainingColumn())
        self._bars = Progress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._tasks: dict[str, TaskID] = {}

    def __enter__(self) -> FetchScreen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def progress(self, published: PublishedFile, there: int) -> None:
        """Move a file's bar; the first piece starts it."""
        if published.name not in self._tasks:
            self._bars.start()
            self._tasks[published.name] = self._bars.add_task(published.name, total=published.size)
            if not self._console.is_terminal:
                self.say(f"fetching {published.name}, {published.size:,} bytes")
        self._bars.update(self._tasks[published.name], completed=there)

    def accept(self, given: bool) -> Accept:
        """The question about the licence; `given` answers it beforehand."""

        def ask(release: Release, text: str) -> bool:
            if given:
                self._points(release)
                return True
            self.say(f"{text.strip()}\n")
            self._points(release)
            return agrees("Do you accept this licence?")

        return ask

    def _points(self, release: Release) -> None:
        self.say(f"{release.licence.name}, in short (the licence itself counts: {release.licence_page}):")
        for point in release.licence.points:
            self.say(f"  - {point}")


def asks_first(release: Release, given: bool) -> None:
    """Raise UserError where nobody can be asked about the licence and it was not accepted beforehand."""
    if given or sys.stdin.isatty():
        return
    raise UserError(
        f"{release.name} comes under the {release.licence.name}, non-commercial use only; read it at "
        f"{release.licence_page}\nand say that you accept it with --accept-licence; nothing was fetched"
    )
