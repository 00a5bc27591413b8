"""The command `xtts-finetune`: everything, one verb a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtts_finetune.cli.exits import run_app

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Run a verb; the entry point of the installed command."""
    run_app(_app)


def _app() -> None:
    build_app()(prog_name="xtts-finetune")


def build_app() -> typer.Typer:
    """The command with all its verbs; docs/build_commands.py writes its reference from this."""
    # Imported inside, so that a Ctrl-C meanwhile ends as everywhere.
    import typer  # noqa: PLC0415

    from xtts_finetune.cli.decide import decide  # noqa: PLC0415
    from xtts_finetune.cli.diagnose import diagnose  # noqa: PLC0415
    from xtts_finetune.cli.doctor import doctor  # noqa: PLC0415
    from xtts_finetune.cli.fetch import fetch  # noqa: PLC0415
    from xtts_finetune.cli.init import init  # noqa: PLC0415
    from xtts_finetune.cli.listen import listen  # noqa: PLC0415
    from xtts_finetune.cli.monitor import monitor  # noqa: PLC0415
    from xtts_finetune.cli.options import APP, start  # noqa: PLC0415
    from xtts_finetune.cli.prepare import prepare  # noqa: PLC0415
    from xtts_finetune.cli.report import report  # noqa: PLC0415
    from xtts_finetune.cli.run import run  # noqa: PLC0415
    from xtts_finetune.cli.say import say  # noqa: PLC0415
    from xtts_finetune.cli.schema import schema  # noqa: PLC0415
    from xtts_finetune.cli.search import search  # noqa: PLC0415
    from xtts_finetune.cli.ship import ship  # noqa: PLC0415
    from xtts_finetune.cli.solve import solve  # noqa: PLC0415
    from xtts_finetune.cli.tries import tries  # noqa: PLC0415
    from xtts_finetune.cli.utterances import utterances  # noqa: PLC0415
    from xtts_finetune.cli.verb import Say, Verb  # noqa: PLC0415
    from xtts_finetune.cli.worker import worker  # noqa: PLC0415

    app = typer.Typer(**APP)
    app.callback(no_args_is_help=True)(start)
    verbs = (
        init,
        fetch,
        run,
        doctor,
        prepare,
        utterances,
        listen,
        decide,
        report,
        tries,
        ship,
        say,
        monitor,
        diagnose,
        solve,
        search,
        worker,
        schema,
    )
    for verb in verbs:
        app.command(cls=Say if verb is say else Verb)(verb)
    return app


if __name__ == "__main__":
    main()
