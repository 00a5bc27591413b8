"""`xtts-finetune search PHASE`: a search for a phase's values, on one machine or several."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from xtts_finetune.cli.options import Demo, File, Grace, OnDevice, Settings, Storage, load, work_on


class StartAt(str, Enum):
    """Where all trials start."""

    START = "start"
    BEST = "best"
    LAST = "last"


Phase = Annotated[str, typer.Argument(help="The phase to search for.", metavar="PHASE")]
Trials = Annotated[
    int, typer.Option("--trials", min=1, max=10_000, help="How many sets of values to try.", metavar="N")
]
Steps = Annotated[
    int | None,
    typer.Option("--steps", min=1, help="Steps of a whole trial.", metavar="N", show_default="a third of the phase's"),
]
From = Annotated[
    StartAt | None,
    typer.Option(
        "--from",
        help="Where trials start: where the phase starts, or from its best or last model.",
        show_default="start",
    ),
]
AtOnce = Annotated[
    int | None,
    typer.Option(
        "--at-once",
        min=2,
        max=64,
        help="Trials of a generation, which are compared with each other; as many workers can help.",
        show_default="4",
        metavar="N",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed",
        min=0,
        max=2**32 - 1,
        help="Another number, other sets of values.",
        show_default="the phase's",
        metavar="S",
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Forget the phase's search first.")]


def search(
    phase: Phase,
    trials: Trials = 12,
    steps: Steps = None,
    start: From = None,
    at_once: AtOnce = None,
    seed: Seed = None,
    storage: Storage = None,
    grace: Grace = 120,
    file: File = None,
    demo: Demo = False,
    settings: Settings = None,
    fresh: Fresh = False,
    device: OnDevice = None,
) -> None:
    """Try values for a phase, from the ranges under 'search' in its file, and say which are best.

    The same command continues after an interruption; more --trials add to those done. `xtts-finetune worker` helps.
    """
    declaration = load(file, demo, settings or [])
    from xtts_finetune.trials.crew import Sharing  # noqa: PLC0415
    from xtts_finetune.trials.search import search as searching  # noqa: PLC0415  (--help answers at once)
    from xtts_finetune.trials.search.setup import SearchWishes  # noqa: PLC0415

    work = work_on(declaration, settings or [], device)
    wishes = SearchWishes(steps, start.value if start is not None else None, at_once, seed)
    searching.search(work, phase, trials, wishes, fresh, Sharing(storage, grace))
