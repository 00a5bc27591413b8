"""What became of every second, in words and numbers for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.table import Table

from xtts_finetune.look.commands import quoted
from xtts_finetune.look.quantities import duration
from xtts_finetune.recordings.importing import Imported
from xtts_finetune.recordings.voices.voices import encoder_missing
from xtts_finetune.records.stretches import Stretch
from xtts_finetune.spec.made_names import slug

STATES = ("kept", "doubtful", "left out")


def table_of(stretches: Sequence[Stretch]) -> Table:
    """Seconds and stretches by state, each with its reasons; a stretch counts for the first of its reasons."""
    table = Table(box=None, pad_edge=False)
    table.add_column("")
    table.add_column("time", justify="right")
    table.add_column("clips", justify="right")
    for state in STATES:
        of_state = [stretch for stretch in stretches if stretch.state == state]
        table.add_row(state, *_sums(of_state), style="bold")
        kinds: dict[str, list[Stretch]] = {}
        for stretch in of_state:
            for reason in stretch.reasons[:1]:
                kinds.setdefault(reason.kind, []).append(stretch)
        for kind, of_kind in sorted(kinds.items(), key=lambda item: -_seconds(item[1])):
            table.add_row(f"  {kind}", *_sums(of_kind))
    table.add_row("together", duration(_seconds(stretches)), "", style="bold")
    return table


def voices_line(imported: Imported) -> str:
    """Who speaks, where several do; '' where it is one."""
    if len(imported.voices) < 2:
        return ""
    others = ", ".join(f"{voice.label} {duration(voice.seconds)}" for voice in imported.voices)
    missing = encoder_missing()
    hint = f". {missing}" if missing else ""
    return f"{len(imported.voices)} voices: {others}; the clips are of voice {imported.voice}{hint}"


def next_steps(folder: Path, stretches: Sequence[Stretch]) -> list[tuple[str, str]]:
    """What to do next, and the command for it."""
    doubtful = sum(stretch.state == "doubtful" for stretch in stretches)
    steps = []
    if doubtful:
        clips = "the clip that is doubtful" if doubtful == 1 else f"the {doubtful} clips that are doubtful"
        steps.append((f"Check {clips}", quoted(["xtts-finetune", "review", str(folder)])))
    if any(stretch.state == "kept" for stretch in stretches):
        steps.append(("Set up a voice with the clips", init_command(folder, stretches)))
    return steps


def init_command(folder: Path, stretches: Iterable[Stretch]) -> str:
    """The command that sets up a voice with a data set."""
    speaker = next((stretch.speaker for stretch in stretches if stretch.speaker), folder.name)
    return quoted(["xtts-finetune", "init", f"voices/{slug(speaker)}", "--data", str(folder)])


def _sums(stretches: Sequence[Stretch]) -> tuple[str, str]:
    clips = "" if stretches and stretches[0].state == "left out" else str(len(stretches))
    return duration(_seconds(stretches)), clips


def _seconds(stretches: Iterable[Stretch]) -> float:
    return sum(stretch.seconds for stretch in stretches)
