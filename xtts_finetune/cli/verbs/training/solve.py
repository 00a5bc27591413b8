"""`xtts-finetune solve PHASE`: remedies for a phase that has stopped improving, and the race between them."""

from __future__ import annotations

from enum import Enum
from typing import Annotated

import typer

from xtts_finetune.cli.options import Demo, File, Grace, OnDevice, Settings, Storage, load, work_on


class StartAt(str, Enum):
    """Which checkpoint of the phase all remedies start from."""

    LAST = "last"
    BEST = "best"


Phase = Annotated[str, typer.Argument(help="The phase that no longer improves.", metavar="PHASE")]
Run = Annotated[str | None, typer.Option("--run", help="Run this remedy alone.", metavar="NAME")]
RaceAll = Annotated[bool, typer.Option("--race", help="Race all remedies and the unchanged phase.")]
Adopt = Annotated[
    str | None,
    typer.Option("--adopt", help="Write this remedy as the file of the next phase.", metavar="NAME"),
]
Steps = Annotated[
    int | None,
    typer.Option("--steps", min=1, help="Steps of the race.", metavar="N", show_default="a third of the phase's"),
]
From = Annotated[
    StartAt | None,
    typer.Option(
        "--from", help="The checkpoint to start from.", show_default="last, or best where that is clearly better"
    ),
]
Seeds = Annotated[
    int,
    typer.Option(
        "--seeds",
        min=1,
        max=20,
        metavar="N",
        help="Run the best remedy and the unchanged phase with this many seeds; 3 take up to four times as long more.",
    ),
]
Fresh = Annotated[bool, typer.Option("--fresh", help="Forget the phase's race first.")]


def solve(
    phase: Phase,
    run: Run = None,
    race: RaceAll = False,
    adopt: Adopt = None,
    steps: Steps = None,
    start: From = None,
    seeds: Seeds = 1,
    storage: Storage = None,
    grace: Grace = 120,
    file: File = None,
    demo: Demo = False,
    settings: Settings = None,
    fresh: Fresh = False,
    device: OnDevice = None,
) -> None:
    """Write remedies for a phase that no longer improves; run one of them, or race all against each other.

    Without --run, --race or --adopt it writes the files and says what each changes and why.
    """
    from xtts_finetune.errors import UserError  # noqa: PLC0415

    if sum([run is not None, race, adopt is not None]) > 1:
        raise UserError("--run, --race and --adopt exclude each other; give one of them")
    if seeds > 1 and not race:
        raise UserError("--seeds goes with --race")
    declaration = load(file, demo, settings or [])
    from xtts_finetune.trials.crew import Sharing  # noqa: PLC0415
    from xtts_finetune.trials.pinned import Wishes  # noqa: PLC0415
    from xtts_finetune.trials.race import solve as solving  # noqa: PLC0415

    work = work_on(declaration, settings or [], device)
    wishes = Wishes(steps, start.value if start is not None else None)
    if adopt is not None:
        solving.adopt_remedy(work, phase, adopt)
    elif run is not None:
        solving.run_one(work, phase, run, wishes, fresh)
    elif race:
        solving.race(work, phase, wishes, seeds, fresh, Sharing(storage, grace))
    else:
        solving.write_remedies(work, phase, wishes, fresh)
