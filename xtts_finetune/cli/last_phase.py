"""`python -m xtts_finetune.cli.last_phase [-f FILE|--demo] ...`: the last phase of a declaration, for the launchers."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from xtts_finetune.cli.exits import run_app
from xtts_finetune.cli.options import declared_file, phase_names
from xtts_finetune.errors import UserError


def last_phase(arguments: Sequence[str]) -> str:
    """The last phase of the declaration that these options of run_pipeline name; others are passed over.

    Raises UserError when there is none.
    """
    named = [value for option, value in pairwise(arguments) if option in ("-f", "--file")]
    file, _ = declared_file(Path(named[-1]) if named else None, "--demo" in arguments)
    names = phase_names(file)
    if not names:
        raise UserError(f"{file.name}: no phases can be read from it; name the phase to train")
    return names[-1]


def main() -> None:
    """Print it."""
    run_app(lambda: print(last_phase(sys.argv[1:])))


if __name__ == "__main__":
    main()
