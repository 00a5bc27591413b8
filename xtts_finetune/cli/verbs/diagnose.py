"""`xtts-finetune diagnose`: say what curves of training show, and what to do."""

from __future__ import annotations

from typing import Annotated

import typer

from xtts_finetune.cli.options import Demo, File, load

What = Annotated[
    str | None,
    typer.Argument(
        help="A phase, or a log, table, TensorBoard file or folder of any run; the newest phase when left out.",
        metavar="[PHASE|FILE|FOLDER]",
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Print the diagnosis as JSON, for programs.")]
Relevant = Annotated[
    float,
    typer.Option(
        "--relevant",
        help="The smallest fall worth waiting for, in percent of the value over ten evaluations.",
        min=0.01,
        max=50.0,
        metavar="PERCENT",
    ),
]


def diagnose(
    what: What = None,
    file: File = None,
    demo: Demo = False,
    as_json: AsJson = False,
    relevant: Relevant = 2.0,
) -> None:
    """Say whether training still falls, has a plateau, swings, explodes or overfits; why; and what to do."""
    from xtts_finetune.cli.terminal import console  # noqa: PLC0415
    from xtts_finetune.cli.verbs.whose_curves import curves_of  # noqa: PLC0415
    from xtts_finetune.curves.diagnosis.diagnosis import diagnose as found_in  # noqa: PLC0415  (numpy)

    named = ("--demo",) if demo else ("-f", str(file)) if file is not None else ()
    curves, place = curves_of(what, lambda: load(file, demo), named)
    found = found_in(curves, place, relevant / 100)
    if as_json:
        import json  # noqa: PLC0415

        typer.echo(json.dumps(found.to_json(), ensure_ascii=False, indent=2, allow_nan=False))
        return
    from xtts_finetune.curves.diagnosis.shown import show  # noqa: PLC0415

    show(curves, found, console())
