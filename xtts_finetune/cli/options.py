"""The options that verbs share, and the declaration that they name.

`--lr`, `--epochs` and their like are shorthands for `--set`, so that they pass the same checks.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from xtts_finetune.numbers.fixed import DEVICE_PATTERN, DEVICES
from xtts_finetune.spec.phase import ResumeFrom, checkpoint_step

if TYPE_CHECKING:
    from xtts_finetune.pipeline.children.running import Machines, Work
    from xtts_finetune.spec.declaration import Declaration


@dataclass(frozen=True)
class Shorthands:
    """The shorthands as typed; None for those that were not given."""

    lr: str | None = None
    batch_size: str | None = None
    epochs: str | None = None
    gradient_clip: str | None = None
    resume_checkpoint: str | None = None
    optimization_level: str | None = None
    devices: str | None = None

    @property
    def given(self) -> bool:
        """Whether any was typed."""
        return self != Shorthands()


def with_shorthands(file: Path, wanted: Sequence[str], settings: Sequence[str], short: Shorthands) -> list[str]:
    """All overrides as `--set` takes them; shorthands apply to the wanted phases, or to all, and come first.

    What `--set` says about one phase is more exact, so it counts more.
    """
    if not short.given:
        return list(settings)
    phases = list(wanted) or phase_names(file)
    found: list[str] = []
    for phase in phases:
        if short.optimization_level is not None:
            found.append(f"{phase}.optimization_level={short.optimization_level}")
        if short.lr is not None:
            found.append(f"{phase}.learning_rate={short.lr}")
        if short.batch_size is not None:
            found.append(f"{phase}.batch_size={short.batch_size}")
        if short.gradient_clip is not None:
            found.append(f"{phase}.gradient_clip={short.gradient_clip}")
        if short.devices is not None:
            found.append(f"{phase}.devices={short.devices}")
        if short.epochs is not None:
            # A phase has 'epochs' or 'steps', never both.
            found += [f"{phase}.steps=null", f"{phase}.epochs={short.epochs}"]
        if short.resume_checkpoint is not None:
            found += resume_settings(file, phase, short.resume_checkpoint)
    return [*found, *settings]


# The shorthand that sets each key.
SHORTHANDS = {
    "optimization_level": "--optimization-level",
    "learning_rate": "--lr",
    "batch_size": "--batch-size",
    "gradient_clip": "--gradient-clip",
    "devices": "--devices",
    "steps": "--epochs",
    "epochs": "--epochs",
    "resume_from": "--resume-checkpoint",
}


def load_as_typed(
    path: Path, overrides: Sequence[str], run_folder: Path | None, short: Shorthands, settings: Sequence[str]
) -> Declaration:
    """The checked declaration, whose errors name the shorthands that were typed: `--lr`, not the `--set` that it means.

    Raises UserError with everything that is wrong with it.
    """
    from xtts_finetune.errors import DeclarationError, Problem  # noqa: PLC0415
    from xtts_finetune.spec.declaration import load_declaration  # noqa: PLC0415

    try:
        return load_declaration(path, overrides, run_folder)
    except DeclarationError as error:
        named = {}
        for setting in overrides[: len(overrides) - len(settings)]:
            phase, _, rest = setting.partition("=")[0].partition(".")
            option = SHORTHANDS[rest.partition(".")[0]]
            value = getattr(short, option.removeprefix("--").replace("-", "_"))
            named[" ".join(f"--set {setting[:80]}".split())] = f"{option} {value} for {phase}"
        problems = [Problem(named.get(each.where, each.where), each.message) for each in error.problems]
        raise DeclarationError(problems) from None


def resume_settings(file: Path, phase: str, checkpoint: str) -> list[str]:
    """`--resume-checkpoint` for one phase: 'best', 'last', 'step N' or 'N' of the phase that it resumes from
    as declared (or else of the one before it), or the path of a file."""
    typed = checkpoint
    if checkpoint.isdigit():
        checkpoint = f"step {checkpoint}"
    key = f"{phase}.resume_from"
    if checkpoint in ("best", "last") or checkpoint_step(ResumeFrom(checkpoint=checkpoint)) is not None:
        source = declared_source(file, phase)
        if source is None and phase in phase_names(file):
            from xtts_finetune.errors import UserError  # noqa: PLC0415

            raise UserError(
                f"--resume-checkpoint {typed}: {phase} is the first phase, so there is no phase to resume from; "
                "name a later phase, or the file of a checkpoint"
            )
        return ([f"{key}.phase={source}"] if source else []) + [f"{key}.checkpoint={checkpoint}"]
    # A path is typed relative to where the user stands, not to the declaration.
    path = Path(checkpoint).expanduser().absolute()
    return [f"{key}.phase=null", f"{key}.checkpoint={_quoted(str(path))}"]


def declared_source(file: Path, phase: str) -> str | None:
    """The phase that `phase` resumes from: as declared, or the one before it; None for the first."""
    resume = read_mapping(file.parent / "phases" / f"{phase}.yaml").get("resume_from")
    if isinstance(resume, Mapping) and isinstance(resume.get("phase"), str):
        return str(resume["phase"])
    names = phase_names(file)
    before = names.index(phase) if phase in names else 0
    return names[before - 1] if before else None


def phase_names(file: Path) -> list[str]:
    """The phases that the declaration lists; none when it cannot be read: loading it says why."""
    names = read_mapping(file).get("phases")
    return [name for name in names if isinstance(name, str)] if isinstance(names, list) else []


def read_mapping(file: Path) -> dict[str, Any]:
    """A YAML file's mapping, unchecked; empty when there is none."""
    import yaml  # noqa: PLC0415  (only these shorthands need it)

    try:
        content = yaml.safe_load(file.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        return {}
    return content if isinstance(content, dict) else {}


def _quoted(text: str) -> str:
    """As a YAML string that holds backslashes and colons as they are."""
    return "'" + text.replace("'", "''") + "'"


DEFAULT_FILE = Path("pipeline.yaml")
# Errors are ours to print (cli/exits.py). Help is plain: rich's takes longer to import than all the rest.
APP: dict[str, Any] = {
    "pretty_exceptions_enable": False,
    "add_completion": False,
    "rich_markup_mode": None,
    "context_settings": {"help_option_names": ["-h", "--help"], "max_content_width": 100},
}


def _as_device(word: str) -> str:
    if re.fullmatch(DEVICE_PATTERN, word):
        return word
    raise typer.BadParameter(f"{word!r} is not {DEVICES}" + (MPS if word == "mps" else ""))


MPS = "; Apple's GPUs are not supported: take cpu"


File = Annotated[
    Path | None,
    typer.Option(
        "-f", "--file", help="The config, or the folder that it is in.", show_default="pipeline.yaml", metavar="FILE"
    ),
]
Demo = Annotated[bool, typer.Option("--demo", help="Use the demo that comes with this package; it runs in run/demo/.")]
Settings = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="Change a value of the config, such as phase2.learning_rate=2e-6. Repeatable.",
        metavar="KEY=VALUE",
    ),
]
OnDevice = Annotated[
    str | None,
    typer.Option(
        "--device",
        help="Where to train and speak: the GPU (auto), cpu, or one of several GPUs.",
        show_default="as in the config",
        parser=_as_device,
        metavar="auto|cpu|cuda|cuda:N",
    ),
]

Storage = Annotated[
    str | None,
    typer.Option(
        "--storage",
        envvar="XTTS_FINETUNE_STORAGE",
        show_envvar=False,
        help="The database that all workers share, postgresql://USER@HOST/DATABASE for several machines; "
        "XTTS_FINETUNE_STORAGE sets it, too.",
        show_default="a SQLite file of the run",
        metavar="URL",
    ),
]
Grace = Annotated[
    int,
    typer.Option(
        "--grace", min=2, help="A worker that has been silent for this long loses its trial.", metavar="SECONDS"
    ),
]


def declared_file(file: Path | None, demo: bool) -> tuple[Path, Path | None]:
    """The declaration's file and, for the demo, the folder it runs in.

    Raises UserError when both are asked for. Whether there is such a file, loading it says.
    """
    from xtts_finetune.errors import UserError  # noqa: PLC0415
    from xtts_finetune.setup.demo import demo_declaration, demo_run_folder  # noqa: PLC0415

    if demo and file is not None:
        raise UserError("-f and --demo name two configs; give one of them")
    if demo:
        return demo_declaration(), demo_run_folder()
    wanted = file or DEFAULT_FILE
    if wanted.is_dir() and (wanted / DEFAULT_FILE).is_file():
        wanted = wanted / DEFAULT_FILE
    return wanted, None


def check_there(path: Path) -> None:
    """Raise UserError where no config is where one was named: `init` makes one in a folder without."""
    from xtts_finetune.errors import UserError  # noqa: PLC0415
    from xtts_finetune.look.commands import quoted, run_first  # noqa: PLC0415

    is_yaml = path.suffix in (".yaml", ".yml")
    if path.exists() and (is_yaml or not path.is_dir()):
        return
    if is_yaml and path.parent.is_dir():
        raise UserError(f"{path}: there is no such file; name another one with -f")
    folder = str(path.parent if is_yaml else path)
    raise UserError(run_first(f"{path}: there is no such file", f"xtts-finetune init {quoted([folder])}"))


def load(file: Path | None, demo: bool, overrides: Sequence[str] = ()) -> Declaration:
    """The checked declaration. Raises UserError with everything that is wrong with it."""
    from xtts_finetune.spec.declaration import load_declaration  # noqa: PLC0415  (pydantic; --help needs none)

    path, run_folder = declared_file(file, demo)
    if file is not None:
        check_there(path)
    return load_declaration(path, list(overrides), run_folder)


def work_on(
    declaration: Declaration,
    overrides: Sequence[str],
    device: str | None,
    machines: Machines | None = None,
) -> Work:
    """What the pipeline needs to run: the declaration, where to run it, and the terminal."""
    from xtts_finetune.cli.terminal import command_again, console  # noqa: PLC0415
    from xtts_finetune.pipeline.children.running import Work  # noqa: PLC0415

    chosen = device if device is not None else declaration.pipeline.device
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
