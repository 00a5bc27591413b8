"""`xtts-finetune say`: speak with a shipped model, or with any candidate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from xtts_finetune.cli.options import Demo, File, OnDevice, Settings, load
from xtts_finetune.cli.terminal import command_again, tell

JUDGED = "as the samples were spoken"

Text = Annotated[list[str], typer.Argument(help="What to say; '-' reads it from standard input.", metavar="TEXT")]
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
Out = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--out",
        help="Write a sound file instead of playing: .wav, .flac, .mp3, .ogg or .opus.",
        metavar="FILE",
    ),
]
Language = Annotated[
    str | None,
    typer.Option("--language", help="Of the text, such as en or hu.", metavar="CODE", show_default="the model's"),
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


def say(
    text: Text,
    model: Model = None,
    candidate: Candidate = None,
    file: File = None,
    demo: Demo = False,
    settings: Settings = None,
    out: Out = None,
    language: Language = None,
    seed: Seed = 1,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    repetition_penalty: RepetitionPenalty = None,
    speed: Speed = None,
    device: OnDevice = None,
) -> None:
    """Speak with a shipped model or a candidate: play it sentence by sentence, or write a sound file."""
    from xtts_finetune.errors import UserError  # noqa: PLC0415

    if model is not None and candidate is not None:
        raise UserError("--model speaks with a shipped folder, --candidate with a model of the run; give one of them")
    if model is not None and (demo or file is not None or settings):
        raise UserError("--model needs no config; leave -f, --demo and --set out")
    from xtts_finetune.speaking.say import Wanted, check_wanted, say_now  # noqa: PLC0415
    from xtts_finetune.speaking.speaking_models import candidate_model, shipped_model, what_was_shipped  # noqa: PLC0415

    options = {
        "temperature": temperature,
        "top_k": top_k,
        "top_p": top_p,
        "repetition_penalty": repetition_penalty,
        "speed": speed,
    }
    given = {name: value for name, value in options.items() if value is not None}
    words = sys.stdin.buffer.read().decode("utf-8", "replace") if text == ["-"] else " ".join(text)
    wanted = Wanted(words, language, out, seed, given, device.value if device else "auto")
    check_wanted(wanted)

    def command(*verb: str) -> str:
        named = ["--demo"] if demo else ["-f", str(file)] if file is not None else []
        return command_again([*verb, *named, *(word for value in settings or [] for word in ("--set", value))])

    if model is not None:
        speaking = shipped_model(model)
    else:
        declaration = load(file, demo, settings or [])
        if candidate is None:
            speaking = what_was_shipped(declaration, command)
        else:
            speaking = candidate_model(declaration, candidate, command)
    written = say_now(speaking, wanted, lambda line: tell(line, sys.stderr))
    if written is not None:
        typer.echo(written)
