"""`xtts-finetune import`: recordings in, a data set of clips with texts out."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Annotated

import typer
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from xtts_finetune.cli.terminal import ask, console
from xtts_finetune.errors import WorkFailed
from xtts_finetune.look.quantities import duration

if TYPE_CHECKING:
    from xtts_finetune.recordings.screen import Voice


class ImportScreen:
    """The terminal, used as a context so that the bars end with it."""

    def __init__(self, yes: bool) -> None:
        self._console = console()
        self._asks = not yes and sys.stdin.isatty() and self._console.is_terminal
        columns = (
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.fields[of]}"),
            TimeRemainingColumn(),
        )
        self._bars = Progress(*columns, console=self._console, disable=not self._console.is_terminal)
        self._at: tuple[str, TaskID] | None = None

    def __enter__(self) -> ImportScreen:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._bars.stop()

    def say(self, text: str) -> None:
        """One line."""
        self._console.print(text, highlight=False, markup=False, soft_wrap=True)

    def progress(self, what: str, done: float, total: float | None) -> None:
        """Move the bar of one kind of work; the one before it is done."""
        of = duration(done) if total is None else f"{duration(done)} of {duration(total)}"
        if self._at is None or self._at[0] != what:
            self._bars.start()
            if self._at is not None:
                self._bars.remove_task(self._at[1])
            if not self._console.is_terminal and done != total:  # nothing is left to do where they are the same
                self.say(f"{what}{'' if total is None else f', {duration(total)}'}")
            self._at = (what, self._bars.add_task(what, total=total, of=of))
        self._bars.update(self._at[1], completed=done, of=of)

    def choose_voice(self, voices: Sequence[Voice]) -> str:
        """The one that is asked for; where nobody can be asked, the one that speaks most."""
        self._bars.stop()
        self.say(f"{len(voices)} people speak in these recordings:")
        for voice in voices:
            where = f"{Path(voice.example.source).name} at {duration(voice.example.start)}"
            self.say(f"  {voice.label}  {duration(voice.seconds)}, such as in {where}")
        usual = voices[0].label
        if not self._asks:
            self.say(f"the clips are of voice {usual}, who speaks most; choose another one with --voice")
            return usual
        known = [voice.label for voice in voices]
        while (answer := ask(f"Whose clips do you want ({', '.join(known)})?", usual).upper()) not in known:
            self.say(f"there is no voice '{answer}'")
        return answer


Sources = Annotated[
    list[Path],
    typer.Argument(help="Recordings, and folders of them: any audio or video file.", metavar="SOURCE"),
]
To = Annotated[
    Path,
    typer.Option("--to", help="The data set: a new folder, or one to add to.", metavar="FOLDER"),
]
Language = Annotated[
    str | None,
    typer.Option("--language", help="What is spoken, such as en or hu.", show_default="found by listening"),
]
Model = Annotated[
    str | None,
    typer.Option(
        "--model",
        help="A faster-whisper model, by its name or its folder.",
        metavar="MODEL",
        show_default="the best that is installed",
    ),
]
Speaker = Annotated[
    str | None,
    typer.Option("--speaker", help="The name of who speaks.", metavar="NAME", show_default="the folder's name"),
]
VoiceOption = Annotated[
    str | None,
    typer.Option(
        "--voice",
        help="Whose clips you want if several people speak: A, who speaks most, B, ... or a sound file of that voice.",
        metavar="VOICE",
        show_default="you are asked",
    ),
]
Texts = Annotated[
    Path | None,
    typer.Option(
        "--texts",
        help="What is said, word for word: a .txt, .srt, .vtt or .lab file, or a folder of them named as the "
        "recordings are. Files beside a recording are found without this option.",
        metavar="PATH",
    ),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take the voice that speaks most.")]


def import_(
    sources: Sources,
    to: To,
    language: Language = None,
    model: Model = None,
    speaker: Speaker = None,
    voice: VoiceOption = None,
    texts: Texts = None,
    yes: Yes = False,
) -> None:
    """Make a data set of recordings: cut into clips, texts written down and read twice. Continues where it stopped."""
    from xtts_finetune.look.tables import print_table  # noqa: PLC0415
    from xtts_finetune.recordings.importing import import_recordings  # noqa: PLC0415
    from xtts_finetune.recordings.telling import next_steps, table_of, voices_line  # noqa: PLC0415
    from xtts_finetune.recordings.wanted import Wanted  # noqa: PLC0415

    with ImportScreen(yes) as screen:
        wanted = Wanted(tuple(sources), to, language, model, speaker, voice, texts)
        imported = import_recordings(wanted, screen)
    stretches = imported.renewed.stretches
    print_table(console(), table_of(stretches))
    if line := voices_line(imported):
        screen.say(line)
    if all(stretch.state == "left out" for stretch in stretches):
        raise WorkFailed("nobody was heard to speak, so there are no clips; import.jsonl says what was heard instead")
    for what, command in next_steps(to, stretches):
        screen.say(f"{what}:\n  {command}")
