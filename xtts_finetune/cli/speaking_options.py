"""What `say` and `speak` share: their options, and the model that they speak with."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xtts_finetune.cli.options import load
from xtts_finetune.cli.terminal import command_again

if TYPE_CHECKING:
    from xtts_finetune.speaking.speaking_models import SpeakingModel

JUDGED = "as the samples were spoken"

Model = Annotated[
    Path | None,
    typer.Option(
        "--model",
        help="Folder of a shipped model; needs no config.",
        metavar="FOLDER",
        show_default="what the run has shipped",
    ),
]
Candidate = Annotated[
    str | None,
    typer.Option("--candidate", help="Speak with the base, a phase or another candidate of the run.", metavar="NAME"),
]
Language = Annotated[
    str | None,
    typer.Option("--language", help="Of the text, such as en or hu.", metavar="CODE", show_default="the model's"),
]
VoiceName = Annotated[
    str | None,
    typer.Option("--voice", help="One of the model's voices.", metavar="NAME", show_default="its own"),
]
Seed = Annotated[int, typer.Option("--seed", help="Another number, another take.", metavar="N", min=0, max=2**32 - 1)]
# As text: the config's own check has the limits, and the words for what is beyond them.
Temperature = Annotated[
    str | None,
    typer.Option("--temperature", help="Lower is steadier, higher livelier.", metavar="NUMBER", show_default=JUDGED),
]
TopK = Annotated[
    str | None,
    typer.Option(
        "--top-k", help="Choose among this many of the likeliest tokens.", metavar="NUMBER", show_default=JUDGED
    ),
]
TopP = Annotated[
    str | None,
    typer.Option(
        "--top-p",
        help="Choose among the likeliest tokens of this share, 0 to 1.",
        metavar="NUMBER",
        show_default=JUDGED,
    ),
]
RepetitionPenalty = Annotated[
    str | None,
    typer.Option("--repetition-penalty", help="Higher repeats less.", metavar="NUMBER", show_default=JUDGED),
]
Speed = Annotated[str | None, typer.Option("--speed", help="Rate of speech.", metavar="NUMBER", show_default=JUDGED)]


def settings_given(
    temperature: str | None, top_k: str | None, top_p: str | None, repetition_penalty: str | None, speed: str | None
) -> dict[str, str]:
    """Those settings of inference that were typed."""
    options = {
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "repetition_penalty": repetition_penalty,
        "speed": speed,
    }
    return {name: value for name, value in options.items() if value is not None}


def check_options(
    model: Path | None, candidate: str | None, file: Path | None, demo: bool, settings: list[str] | None
) -> None:
    """Raise UserError for options that contradict each other."""
    from xtts_finetune.errors import UserError  # noqa: PLC0415

    if model is not None and candidate is not None:
        raise UserError("--model speaks with a shipped folder, --candidate with a model of the run; give one of them")
    if model is not None and (demo or file is not None or settings):
        raise UserError("--model needs no config; leave -f, --demo and --set out")


def commands_for(file: Path | None, demo: bool, settings: list[str] | None) -> Callable[..., str]:
    """Makes commands for the same config, to be copied, of a verb and its words."""

    def command(*verb: str) -> str:
        named = ["--demo"] if demo else ["-f", str(file)] if file is not None else []
        return command_again([*verb, *named, *(word for value in settings or [] for word in ("--set", value))])

    return command


def model_to_speak_with(
    model: Path | None, candidate: str | None, file: Path | None, demo: bool, settings: list[str] | None
) -> SpeakingModel:
    """A shipped folder, a candidate of the run, or what the run has shipped.

    Raises UserError as `check_options`, and for a model that is not there.
    """
    check_options(model, candidate, file, demo, settings)
    from xtts_finetune.speaking.speaking_models import candidate_model, shipped_model, what_was_shipped  # noqa: PLC0415

    command = commands_for(file, demo, settings)
    if model is not None:
        return shipped_model(model)
    declaration = load(file, demo, settings or [])
    if candidate is None:
        return what_was_shipped(declaration, command)
    return candidate_model(declaration, candidate, command)
