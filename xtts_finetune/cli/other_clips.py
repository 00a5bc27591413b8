"""Says that there are other clips than `init` chose the lengths of the phases for, and the command that fits them."""

from __future__ import annotations

from pathlib import Path

from xtts_finetune.cli.terminal import tell
from xtts_finetune.look.commands import quoted
from xtts_finetune.spec.declaration import Declaration


def tell_of_other_clips(declaration: Declaration) -> None:
    """One sentence and one command; nothing where `init` wrote nothing or where the clips are about as many."""
    from xtts_finetune.setup.refresh import clips_since, since_words  # noqa: PLC0415  (setup, for this alone)

    clips = clips_since(declaration)
    if clips is not None:
        tell(f"{since_words(clips)}. To fit the lengths to them:\n  {refresh_command(declaration.file.parent)}")


def refresh_command(folder: Path) -> str:
    """As it is pasted, from the folder that one is in."""
    named = [] if folder == Path.cwd() else [str(folder)]
    return quoted(["xtts-finetune", "init", *named, "--refresh"])
