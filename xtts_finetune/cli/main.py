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

    from xtts_finetune.cli.options import APP, start  # noqa: PLC0415
    from xtts_finetune.cli.verb import Say, Verb  # noqa: PLC0415
    from xtts_finetune.cli.verbs.decide import decide  # noqa: PLC0415
    from xtts_finetune.cli.verbs.diagnose import diagnose  # noqa: PLC0415
    from xtts_finetune.cli.verbs.doctor import doctor  # noqa: PLC0415
    from xtts_finetune.cli.verbs.fetch import fetch  # noqa: PLC0415
    from xtts_finetune.cli.verbs.init import init  # noqa: PLC0415
    from xtts_finetune.cli.verbs.listen import listen  # noqa: PLC0415
    from xtts_finetune.cli.verbs.monitor import monitor  # noqa: PLC0415
    from xtts_finetune.cli.verbs.prepare import prepare  # noqa: PLC0415
    from xtts_finetune.cli.verbs.report import report  # noqa: PLC0415
    from xtts_finetune.cli.verbs.run import run  # noqa: PLC0415
    from xtts_finetune.cli.verbs.say import say  # noqa: PLC0415
    from xtts_finetune.cli.verbs.schema import schema  # noqa: PLC0415
    from xtts_finetune.cli.verbs.search import search  # noqa: PLC0415
    from xtts_finetune.cli.verbs.ship import ship  # noqa: PLC0415
    from xtts_finetune.cli.verbs.solve import solve  # noqa: PLC0415
    from xtts_finetune.cli.verbs.tries import tries  # noqa: PLC0415
    from xtts_finetune.cli.verbs.utterances import utterances  # noqa: PLC0415
    from xtts_finetune.cli.verbs.worker import worker  # noqa: PLC0415

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
