"""`xtts-finetune say`: speak with a shipped model, or with any candidate."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from xtts_finetune.cli.options import Demo, File, OnDevice, Settings
from xtts_finetune.cli.speaking_options import (
    Candidate,
    Language,
    Model,
    RepetitionPenalty,
    Seed,
    Speed,
    Temperature,
    TopK,
    TopP,
    VoiceName,
    check_options,
    model_to_speak_with,
    settings_given,
)
from xtts_finetune.cli.terminal import tell

Text = Annotated[list[str], typer.Argument(help="What to say; '-' reads it from standard input.", metavar="TEXT")]
Out = Annotated[
    Path | None,
    typer.Option(
        "-o",
        "--out",
        help="Write a sound file instead of playing: .wav, .flac, .mp3, .ogg or .opus.",
        metavar="FILE",
    ),
]


def say(
    text: Text,
    model: Model = None,
    candidate: Candidate = None,
    file: File = None,
    demo: Demo = False,
    settings: Settings = None,
    out: Out = None,
    language: Language = None,
    voice: VoiceName = None,
    seed: Seed = 1,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    repetition_penalty: RepetitionPenalty = None,
    speed: Speed = None,
    device: OnDevice = None,
) -> None:
    """Speak with a shipped model or a candidate: play it sentence by sentence, or write a sound file."""
    check_options(model, candidate, file, demo, settings)
    from xtts_finetune.speaking.say import Wanted, check_wanted, say_now  # noqa: PLC0415

    given = settings_given(temperature, top_k, top_p, repetition_penalty, speed)
    words = sys.stdin.buffer.read().decode("utf-8", "replace") if text == ["-"] else " ".join(text)
    wanted = Wanted(words, language, out, seed, given, device or "auto", voice)
    check_wanted(wanted)
    speaking = model_to_speak_with(model, candidate, file, demo, settings)
    written = say_now(speaking, wanted, lambda line: tell(line, sys.stderr))
    if written is not None:
        typer.echo(written)
