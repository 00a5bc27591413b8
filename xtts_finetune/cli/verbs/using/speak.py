"""`xtts-finetune speak`: speak a script, a file for each line and one of all."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from enum import Enum
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
    model_to_speak_with,
    settings_given,
)
from xtts_finetune.cli.terminal import tell


class Format(str, Enum):
    """Kinds of sound files."""

    WAV = "wav"
    FLAC = "flac"
    MP3 = "mp3"
    OGG = "ogg"
    OPUS = "opus"


Script = Annotated[
    Path,
    typer.Argument(help="What to say: .txt, .md, .csv, .tsv, .json, .jsonl, .srt, .vtt or .epub.", metavar="SCRIPT"),
]
To = Annotated[
    Path | None,
    typer.Option(
        "--to",
        help="The folder for the files: a new one, or that of an earlier run, which goes on.",
        metavar="FOLDER",
        show_default="the script's name with -spoken",
    ),
]
Kind = Annotated[Format, typer.Option("--format", help="Of all files.")]
Pause = Annotated[
    float,
    typer.Option(
        "--pause",
        help="Silence between two lines; twice as much after a paragraph, four times after a chapter.",
        metavar="SECONDS",
        min=0.0,
        max=60.0,
    ),
]
Loudness = Annotated[
    str,
    typer.Option(
        "--loudness", help="What every line is brought to, in LUFS; 'off' leaves it as spoken.", metavar="LUFS"
    ),
]

Tries = Annotated[
    int,
    typer.Option(
        "--tries",
        help="How often a line that fails the checks is spoken at most, each time with another seed; 0: no checks.",
        metavar="N",
        min=0,
        max=20,
    ),
]


def speak(
    script: Script,
    to: To = None,
    format: Kind = Format.WAV,
    pause: Pause = 0.4,
    loudness: Loudness = "-20",
    model: Model = None,
    candidate: Candidate = None,
    file: File = None,
    demo: Demo = False,
    settings: Settings = None,
    language: Language = None,
    seed: Seed = 1,
    tries: Tries = 3,
    temperature: Temperature = None,
    top_k: TopK = None,
    top_p: TopP = None,
    repetition_penalty: RepetitionPenalty = None,
    speed: Speed = None,
    device: OnDevice = None,
) -> None:
    """Speak a script: a file for each line and one of all. Goes on where it stopped; only changed lines are new."""
    from xtts_finetune.errors import UserError  # noqa: PLC0415
    from xtts_finetune.look.quantities import duration  # noqa: PLC0415
    from xtts_finetune.speaking.assembling import Form  # noqa: PLC0415
    from xtts_finetune.speaking.script import read_script  # noqa: PLC0415
    from xtts_finetune.speaking.speak import Wanted, speak_script  # noqa: PLC0415

    form = Form(f".{format.value}", pause, loudness_asked(loudness))
    speaking = model_to_speak_with(model, candidate, file, demo, settings)
    read = read_script(script, language or speaking.language)
    wanted = Wanted(
        folder=to or script.with_name(f"{script.stem}-spoken"),
        name=script.stem,
        form=form,
        language=language,
        seed=seed,
        settings=settings_given(temperature, top_k, top_p, repetition_penalty, speed),
        device=device or "auto",
        tries=tries,
    )
    if wanted.folder.resolve() == script.resolve():
        raise UserError(f"--to: {wanted.folder} is the script; name a folder")
    done = speak_script(speaking, read, wanted, lambda line: tell(line, sys.stderr))
    if done.late:
        tell(f"{done.late} subtitles begin later than they should: the lines before them take longer", sys.stderr)
    for said in words_of_checks(done.again, done.faulty):
        tell(said, sys.stderr)
    tell(f"{len(read.lines)} lines, {duration(done.seconds)} in all:", sys.stderr)
    typer.echo(done.whole)


def loudness_asked(typed: str) -> float | None:
    """LUFS; None for 'off'. Raises UserError for anything else."""
    from xtts_finetune.errors import UserError  # noqa: PLC0415

    if typed.strip().casefold() == "off":
        return None
    try:
        value = float(typed)
    except ValueError:
        value = 0.0
    if not -60.0 <= value <= -5.0:
        raise UserError(f"--loudness: {typed} is neither 'off' nor a number from -60 to -5 (LUFS)")
    return value


def words_of_checks(again: int, faulty: Sequence[str]) -> Iterator[str]:
    """What became of lines that failed the checks."""
    if again:
        lines = "1 line failed the checks and was" if again == 1 else f"{again} lines failed the checks and were"
        yield f"{lines} spoken again"
    if faulty:
        named = ", ".join(faulty[:5]) + (", ..." if len(faulty) > 5 else "")
        yield f"{len(faulty)} still faulty, lines.csv says how: {named}; listen to them, or change their texts"
