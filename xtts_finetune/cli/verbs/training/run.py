"""`run_pipeline [PHASE...]`, the same as `xtts-finetune run`: train, speak, decide, report."""

from __future__ import annotations

from typing import Annotated

import typer

from xtts_finetune.cli.options import Demo, File, OnDevice, Settings, check_there, declared_file, work_on

Phases = Annotated[
    list[str] | None, typer.Argument(help="The phases to run; all of them when none is named.", metavar="PHASE")
]
Planned = Annotated[bool, typer.Option("--plan", help="Say what would run, and why; run nothing.")]
Fresh = Annotated[
    bool,
    typer.Option("--fresh", help="Train these phases from the start again; the models that they have are set aside."),
]
LR = Annotated[str | None, typer.Option("--lr", help="Learning rate of the phases that run.", metavar="RATE")]
BatchSize = Annotated[str | None, typer.Option("--batch-size", help="Clips in a batch.", metavar="N")]
Epochs = Annotated[str | None, typer.Option("--epochs", help="Passes over the clips.", metavar="N")]
Clip = Annotated[str | None, typer.Option("--gradient-clip", help="Largest gradient norm.", metavar="NORM")]
Level = Annotated[
    str | None,
    typer.Option(
        "--optimization-level",
        help="basic, enhanced, plateau_breaker, stable, or a preset of your own; its values win over the config.",
        metavar="PRESET",
    ),
]
Resume = Annotated[
    str | None,
    typer.Option("--resume-checkpoint", help="best, last, a step, or the path of a checkpoint.", metavar="CHECKPOINT"),
]
Devices = Annotated[
    str | None,
    typer.Option("--devices", help="GPUs of this machine, or processes on its CPU, that share each step.", metavar="N"),
]
Rendezvous = Annotated[
    str | None,
    typer.Option(
        "--rendezvous",
        help="Where several machines meet, each with the same command; the one that owns the address leads.",
        metavar="HOST:PORT",
    ),
]
Count = Annotated[int | None, typer.Option("--machines", help="How many machines meet.", metavar="N")]
Number = Annotated[
    int | None,
    typer.Option(
        "--machine", help="This machine's number, where addresses do not tell which one leads, 0.", metavar="K"
    ),
]
JoinSeconds = Annotated[
    int,
    typer.Option("--join-seconds", min=1, help="How long the machines wait for each other.", metavar="SECONDS"),
]


def run(
    phases: Phases = None,
    file: File = None,
    demo: Demo = False,
    plan: Planned = False,
    settings: Settings = None,
    optimization_level: Level = None,
    lr: LR = None,
    batch_size: BatchSize = None,
    epochs: Epochs = None,
    gradient_clip: Clip = None,
    resume_checkpoint: Resume = None,
    fresh: Fresh = False,
    device: OnDevice = None,
    devices: Devices = None,
    rendezvous: Rendezvous = None,
    machines: Count = None,
    machine: Number = None,
    join_seconds: JoinSeconds = 600,
) -> None:
    """Train the phases of your config in order, let every model speak, decide which one ships, and write the report.

    What is up to date is not run again.
    """
    # Imported here, so that --help answers at once.
    from xtts_finetune.cli.options import Shorthands, load_as_typed, with_shorthands  # noqa: PLC0415
    from xtts_finetune.cli.other_clips import tell_of_other_clips  # noqa: PLC0415
    from xtts_finetune.pipeline.phase.machines import machines_of, print_together  # noqa: PLC0415
    from xtts_finetune.pipeline.plan.plan import check_names, make_plan  # noqa: PLC0415
    from xtts_finetune.spec.declaration import load_declaration  # noqa: PLC0415

    path, run_folder = declared_file(file, demo)
    if file is not None:
        check_there(path)
    wanted = phases or []
    short = Shorthands(lr, batch_size, epochs, gradient_clip, resume_checkpoint, optimization_level, devices)
    if wanted and short.given:
        # A misspelt phase is said as such, not as a value of a phase that does not exist.
        check_names(load_declaration(path, (), run_folder), wanted)
    overrides = with_shorthands(path, wanted, settings or [], short)
    declaration = load_as_typed(path, overrides, run_folder, short, settings or [])
    together = machines_of(rendezvous, machines, machine, join_seconds)
    if plan:
        from xtts_finetune.cli.terminal import console  # noqa: PLC0415
        from xtts_finetune.pipeline.children.running import verb  # noqa: PLC0415
        from xtts_finetune.pipeline.plan.checks.preflight import check_first  # noqa: PLC0415
        from xtts_finetune.pipeline.plan.plan_table import print_plan, print_values  # noqa: PLC0415
        from xtts_finetune.pipeline.plan.times import planned_times  # noqa: PLC0415

        planned = make_plan(declaration, wanted, fresh)
        work = work_on(declaration, overrides, device, together)
        times = planned_times(declaration, planned, work.device)
        print_plan(planned, console(), verb(work, "tries"), times)
        print_together(declaration, planned, together, console())
        print_values(declaration, planned, console())
        tell_of_other_clips(declaration)
        # What would keep it from starting, in the words that the run itself would say it in.
        check_first(work, planned)
        return
    from xtts_finetune.cli.terminal import agrees_if_there  # noqa: PLC0415
    from xtts_finetune.monitor.tracking.following import tracked  # noqa: PLC0415
    from xtts_finetune.pipeline.run import run_plan  # noqa: PLC0415

    work = work_on(declaration, overrides, device, together)
    if together is not None and not together.leads:
        from xtts_finetune.pipeline.phase.machines import follow  # noqa: PLC0415

        follow(work, together)
        return
    tell_of_other_clips(declaration)
    with tracked(declaration, work.run, work.say):
        run_plan(work, wanted, fresh, agrees=agrees_if_there)
