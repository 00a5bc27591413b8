"""`xtts-finetune monitor`: look at runs while they train, or after."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from xtts_finetune.cli.options import Demo, File, load
from xtts_finetune.cli.terminal import tell
from xtts_finetune.look.commands import command, run_first
from xtts_finetune.numbers.usual import EVAL_STD, IMPROVEMENT

if TYPE_CHECKING:
    from xtts_finetune.monitor.run import RunWatch

DEFAULT_PORT = 8377

Runs = Annotated[
    list[Path] | None,
    typer.Argument(
        help="Folders of runs (run/<name>), shown side by side.", metavar="FOLDER", show_default="the config's"
    ),
]
Watch = Annotated[
    bool, typer.Option("--watch", help="Watch in the terminal, until Ctrl-C; this is what happens without an option.")
]
Web = Annotated[bool, typer.Option("--web", help="Watch in a browser on this computer, until Ctrl-C.")]
Port = Annotated[int, typer.Option("--port", help="With --web; 0 takes any that is free.", min=0, max=65535)]
Png = Annotated[Path | None, typer.Option("--png", help="Write the curves as a picture.", metavar="FILE")]
Html = Annotated[Path | None, typer.Option("--html", help="Write the page as one file.", metavar="FILE")]
AsJson = Annotated[bool, typer.Option("--json", help="Print everything once as JSON, for programs.")]
Std = Annotated[
    float, typer.Option("--most-std", help="Warn when the standard deviation of the eval loss is above this.", min=0)
]
Least = Annotated[
    float,
    typer.Option(
        "--least-improvement", help="Warn when the training loss falls by less than this over 5 epochs.", min=0
    ),
]
Gap = Annotated[
    float | None,
    typer.Option(
        "--most-gap",
        help="Warn also when the eval loss is this far above the training loss.",
        min=0,
        show_default="none",
    ),
]


def monitor(
    runs: Runs = None,
    file: File = None,
    demo: Demo = False,
    watch: Watch = False,
    web: Web = False,
    port: Port = DEFAULT_PORT,
    png: Png = None,
    html: Html = None,
    as_json: AsJson = False,
    most_std: Std = EVAL_STD,
    least_improvement: Least = IMPROVEMENT,
    most_gap: Gap = None,
) -> None:
    """Show how runs are doing: progress, curves, and warnings with what to do about them."""
    from xtts_finetune.cli.terminal import console  # noqa: PLC0415
    from xtts_finetune.errors import UserError  # noqa: PLC0415
    from xtts_finetune.monitor.run import RunWatch  # noqa: PLC0415
    from xtts_finetune.monitor.seen import Limits  # noqa: PLC0415

    asked = [name for name, wanted in (("--watch", watch), ("--web", web), ("--json", as_json)) if wanted]
    if len(asked) > 1:
        raise UserError(f"{' and '.join(asked)} are two views; ask for one of them")
    limits = Limits(eval_std=most_std, improvement=least_improvement, gap=most_gap)
    waits = watch or web or (not as_json and png is None and html is None and console().is_terminal)
    watches = [RunWatch(folder, limits) for folder in _folders(runs or [], file, demo, waits)]
    if png is not None or html is not None:
        _write(watches, png, html)
    if web:
        _serve(watches, port)
    elif as_json:
        _print_json(watches)
    elif watch or (png is None and html is None):
        from xtts_finetune.monitor.screen import keep_watching, say_once  # noqa: PLC0415

        (keep_watching if console().is_terminal else say_once)(watches, console())


def _folders(runs: list[Path], file: Path | None, demo: bool, waits: bool) -> list[Path]:
    """The runs' folders. Raises UserError where there is none to look at, and nobody will wait for it."""
    from xtts_finetune.errors import UserError  # noqa: PLC0415
    from xtts_finetune.setup.demo import demo_run_folder  # noqa: PLC0415

    if runs and (file is not None or demo):
        raise UserError("name folders of runs, or a config with -f or --demo, not both")
    # The demo is watched from its folder alone: its config is that of an installed package.
    found = runs or [demo_run_folder() if demo and file is None else load(file, demo).run_folder]
    for folder in found:
        if folder.exists() and not folder.is_dir():
            raise UserError(f"{folder} is no folder; name the folder of a run, such as run/demo")
        if not waits and not folder.is_dir():
            missing = f"{folder}: there is no such run yet; --watch and --web wait for it"
            raise UserError(missing if runs else run_first(missing, command("run")))
        if (folder / "pipeline.yaml").is_file():
            raise UserError(f"{folder} holds a config; name its run, {folder / 'run'}/<name>, or use -f {folder}")
    return [folder.absolute() for folder in found]


def _write(watches: list[RunWatch], png: Path | None, html: Path | None) -> None:
    from xtts_finetune.errors import UserError  # noqa: PLC0415
    from xtts_finetune.monitor.document import static_page  # noqa: PLC0415
    from xtts_finetune.monitor.picture import draw_picture  # noqa: PLC0415
    from xtts_finetune.records.atomic import write_text_atomic  # noqa: PLC0415

    for path in (png, html):
        for watch in watches:
            if path is not None and path.absolute().is_relative_to(watch.run.root):
                raise UserError(f"{path} is in the run's folder, where the monitor writes nothing; name another place")
    try:
        if png is not None:
            draw_picture(watches, png)
            tell(f"written: {png}")
        if html is not None:
            write_text_atomic(html, static_page(watches))
            tell(f"written: {html}")
    except OSError as error:
        raise UserError(f"{png if html is None else html} cannot be written ({error.strerror or error})") from None


def _serve(watches: list[RunWatch], port: int) -> None:
    from xtts_finetune.look.loopback import HOST, open_port  # noqa: PLC0415
    from xtts_finetune.monitor.serve import serve  # noqa: PLC0415

    listener = open_port(port, "--web")
    tell(f"http://{HOST}:{listener.getsockname()[1]}/   open it on this computer; Ctrl-C stops the page, not the run")
    serve(watches, listener)


def _print_json(watches: list[RunWatch]) -> None:
    import json  # noqa: PLC0415

    from xtts_finetune.monitor.document import message  # noqa: PLC0415

    runs = [watch.look() for watch in watches]
    typer.echo(json.dumps(message(watches, runs, {}), ensure_ascii=False, allow_nan=False))
