"""The options that verbs share, and the declaration that they name."""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from xtts_finetune.pipeline.children.running import Machines, Work
    from xtts_finetune.spec.declaration import Declaration

DEFAULT_FILE = Path("pipeline.yaml")
# Errors are ours to print (cli/exits.py). Help is plain: rich's takes longer to import than all the rest.
APP: dict[str, Any] = {
    "pretty_exceptions_enable": False,
    "add_completion": False,
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 100},
}


class Device(str, Enum):
    """Where to train and speak."""

    AUTO = "auto"
    CPU = "cpu"
    CUDA = "cuda"


File = Annotated[
    Path | None,
    typer.Option("-f", "--file", help="The declaration.", show_default="pipeline.yaml", metavar="FILE"),
]
Demo = Annotated[bool, typer.Option("--demo", help="Use the embedded demo; it runs in run/demo/.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set", help="Override a value: phase2.learning_rate=2e-6. Repeatable.", metavar="KEY=VALUE"
    ),
]
OnDevice = Annotated[
    Device | None, typer.Option("--device", help="Where to train and speak; default: as declared.")
]

Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        envvar="XTTS_FINETUNE_STORAGE",
        show_envvar=False,
        help="The ledger: postgresql://USER@HOST/DATABASE for several machines (or in XTTS_FINETUNE_STORAGE).",
        show_default="a SQLite file of the run",
        metavar="URL",
    ),
]
Grace = Annotated[
    int,
    typer.Option(
        "--grace", min=2, help="A worker that is not heard of for so long loses its trial.", metavar="SECONDS"
    ),
]


def declared_file(file: Path | None, demo: bool) -> tuple[Path, Path | None]:
    """The declaration's file and, for the demo, the folder it runs in.

    Raises UserError when both are asked for. Whether there is such a file, loading it says.
    """
    from xtts_finetune.demo import demo_declaration, demo_run_folder  # noqa: PLC0415
    from xtts_finetune.errors import UserError  # noqa: PLC0415

    if demo and file is not None:
        raise UserError("-f and --demo name two declarations; give one of them")
    if demo:
        return demo_declaration(), demo_run_folder()
    wanted = file or DEFAULT_FILE
    if wanted.is_dir() and (wanted / DEFAULT_FILE).is_file():
        wanted = wanted / DEFAULT_FILE
    return wanted, None


def load(file: Path | None, demo: bool, overrides: Sequence[str] = ()) -> Declaration:
    """The checked declaration. Raises UserError with everything that is wrong with it."""
    from xtts_finetune.spec.declaration import load_declaration  # noqa: PLC0415  (pydantic; --help needs none)

    path, run_folder = declared_file(file, demo)
    return load_declaration(path, list(overrides), run_folder)


def work_on(
    declaration: Declaration,
    overrides: Sequence[str],
    device: Device | None,
    machines: Machines | None = None,
) -> Work:
    """What the pipeline needs to run: the declaration, where to run it, and the terminal."""
    from xtts_finetune.cli.terminal import command_again, console  # noqa: PLC0415
    from xtts_finetune.pipeline.children.running import Work  # noqa: PLC0415

    chosen = device.value if device is not None else declaration.pipeline.device
    again = command_again()
    return Work(declaration, tuple(overrides), chosen, console(), again, machines=machines)


def say_version(asked: bool) -> None:
    """Print the version and end; called while options are read, before a verb is asked for."""
    if asked:
        from xtts_finetune import __version__  # noqa: PLC0415

        typer.echo(f"xtts-finetune {__version__}")
        raise typer.Exit


def start(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version.", callback=say_version, is_eager=True)
    ] = False,
) -> None:
    """Fine-tune XTTS voice models in phases: train, listen, decide, ship."""
