"""`xtts-finetune tune-speech`: which settings of inference and recordings of the voice speak best."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from xtts_finetune.cli.options import Demo, File, OnDevice, Settings, load
from xtts_finetune.cli.speaking_options import commands_for
from xtts_finetune.cli.terminal import tell

Which = Annotated[
    str | None,
    typer.Argument(help="Whose settings.", metavar="CANDIDATE", show_default="the one that ships, or would now"),
]
Trials = Annotated[
    int, typer.Option("--trials", help="How many points to try, what is used now among them.", min=2, max=1000)
]
Texts = Annotated[
    Path | None,
    typer.Option(
        "--texts",
        help="A script with texts to try them on: .txt, .md, .csv, .json or another that `speak` reads.",
        metavar="FILE",
        show_default="texts of clips",
    ),
]
Seed = Annotated[int, typer.Option("--seed", help="Another number, other points.", min=0, max=2**31 - 1)]


def tune_speech(
    candidate: Which = None,
    trials: Trials = 30,
    texts: Texts = None,
    seed: Seed = 1,
    file: File = None,
    demo: Demo = False,
    settings: Settings = None,
    device: OnDevice = None,
) -> None:
    """Search for the settings of inference, and the recordings of the voice, that a candidate speaks best with.

    What is best by measurement is proposed as candidates, so that listeners decide. The same command goes on.
    """
    declaration = load(file, demo, settings or [])
    from xtts_finetune.evaluation.decision import decide  # noqa: PLC0415
    from xtts_finetune.records.run_folder import RunFolder  # noqa: PLC0415
    from xtts_finetune.shipping.plan import choose_candidate  # noqa: PLC0415
    from xtts_finetune.speaking.script import read_script  # noqa: PLC0415
    from xtts_finetune.speaking.speaking_models import candidate_model  # noqa: PLC0415
    from xtts_finetune.speaking.tuning.tune import tunable, tune  # noqa: PLC0415
    from xtts_finetune.speaking.tuning.words import candidates_yaml, summary  # noqa: PLC0415

    command = commands_for(file, demo, settings)
    run = RunFolder(declaration.run_folder)
    name = tunable(declaration, candidate or choose_candidate(decide(declaration, run), None))
    own = [line.text for line in read_script(texts, declaration.pipeline.language).lines] if texts else []
    model = candidate_model(declaration, name, command)
    where = device or declaration.pipeline.device
    tuned = tune(declaration, run, model, name, trials, seed, own, where, lambda line: tell(line, sys.stderr))
    for line in summary(tuned):
        tell(line)
    if tuned.proposals:
        tell(f"to let listeners decide, put this into {declaration.pipeline.decision}:")
        for line in candidates_yaml(declaration, tuned):
            typer.echo(line)
        tell(f"then:\n  {command('run_pipeline')}\n  {command('xtts-finetune', 'listen')}")
