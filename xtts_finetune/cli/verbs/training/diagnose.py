"""`xtts-finetune diagnose`: say what curves of training show, of any run's file or of a phase, and what to do."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated

import typer

from xtts_finetune.cli.options import Demo, File, load
from xtts_finetune.curves.advice import Place
from xtts_finetune.curves.curves import Curves
from xtts_finetune.curves.readers import read_curves
from xtts_finetune.curves.readers.metrics_file import FORMAT
from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import command, run_first
from xtts_finetune.monitor.candidate import CandidateWatch
from xtts_finetune.numbers.usual import gpt_weights, learning_rates
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder
from xtts_finetune.spec.declaration import Declaration

Load = Callable[[], Declaration]


def curves_of(what: str | None, load: Load, named: tuple[str, ...]) -> tuple[Curves, Place]:
    """The curves that `what` names, and where they stand.

    what   a file, a folder or a phase; None: the last phase that has begun
    load   loads the declaration; asked only when it is needed
    named  the options that named a declaration, for commands; with them `what` is a phase first
    Raises UserError when there is no such thing, or nothing was recorded of it yet.
    """
    if what is not None and not named and Path(what).exists():
        curves = read_curves(Path(what))
        return curves, _place(curves, named)
    try:
        declaration = load()
    except UserError as error:
        if what is None or named:
            raise
        why = str(error).splitlines()[0]
        raise UserError(f"{what}: there is no such file; nor can it be a phase: {why}") from None
    phases = tuple(declaration.phases)
    if what is not None and what not in phases:
        if Path(what).exists():
            return (found := read_curves(Path(what))), _place(found, named)
        raise UserError(f"{what}: neither a file nor a phase; the phases are {', '.join(phases)}")
    begun = [name for name in phases if _metrics(declaration, name).is_file()]
    wanted = [name for name in begun if what in (None, name)]
    if not wanted:
        raise UserError(run_first(f"{what or 'no phase'}: nothing was recorded yet", command("run")))
    curves = read_curves(_metrics(declaration, wanted[-1]))
    return curves, _place(curves, named)


def _metrics(declaration: Declaration, phase: str) -> Path:
    return RunFolder(declaration.run_folder).candidate(phase).metrics


def _place(curves: Curves, named: tuple[str, ...]) -> Place:
    """Only a run of ours has a phase and checkpoints that commands can name."""
    if curves.format != FORMAT:
        return Place(None, named)
    folder = CandidateFolder(Path(curves.source).parent)
    watch = CandidateWatch(folder)
    rates = learning_rates(gpt_weights(watch.model), isinstance(watch.declaration.get("train"), Mapping))
    return Place(curves.phase, named, tuple(step for step, _ in folder.checkpoints()), rates)


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
    """Say whether a training is still falling, on a plateau, oscillating, exploding or overfitting; why; what to do."""
    from xtts_finetune.cli.terminal import console  # noqa: PLC0415
    from xtts_finetune.curves.diagnosis import diagnose as found_in  # noqa: PLC0415  (numpy)

    named = ("--demo",) if demo else ("-f", str(file)) if file is not None else ()
    curves, place = curves_of(what, lambda: load(file, demo), named)
    found = found_in(curves, place, relevant / 100)
    if as_json:
        import json  # noqa: PLC0415

        typer.echo(json.dumps(found.to_json(), ensure_ascii=False, indent=2, allow_nan=False))
        return
    from xtts_finetune.curves.shown import show  # noqa: PLC0415

    show(curves, found, console())
