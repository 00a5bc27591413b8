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


Phase = Annotated[str, typer.Argument(help="The phase whose 'search' is searched.", metavar="PHASE")]
Trials = Annotated[int, typer.Option("--trials", min=1, max=10_000, help="How many points are tried.", metavar="N")]
Steps = Annotated[
    int | None,
    typer.Option("--steps", min=1, help="Steps of a whole trial; default: a third of the phase's.", metavar="N"),
]
From = Annotated[
    StartAt | None,
    typer.Option(
        "--from",
        help="Where trials start: where the phase does, or its best or last model.",
        show_default="start",
    ),
]
AtOnce = Annotated[
    int | None,
    typer.Option(
        "--at-once",
        min=2,
        max=64,
        help="Trials of a generation: compared with each other, trained by as many workers.",
        show_default="4",
        metavar="N",
    ),
]
Seed = Annotated[
    int | None,
    typer.Option("--seed", min=0, max=2**32 - 1, help="Of the points.", show_default="the phase's", metavar="S"),
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
    """Try values of the space that a phase's 'search' declares, and say which are best.

    Interrupted anywhere, the same command continues; more --trials add to those done. `xtts-finetune worker` helps it.
    """
    declaration = load(file, demo, settings or [])
    from xtts_finetune.trials.crew import Sharing  # noqa: PLC0415
    from xtts_finetune.trials.search import search as searching  # noqa: PLC0415  (--help answers at once)
    from xtts_finetune.trials.search.setup import SearchWishes  # noqa: PLC0415

    work = work_on(declaration, settings or [], device)
    wishes = SearchWishes(steps, start.value if start is not None else None, at_once, seed)
    searching.search(work, phase, trials, wishes, fresh, Sharing(storage, grace))
