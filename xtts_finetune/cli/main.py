"""The command `xtts-finetune`: everything, one verb a file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtts_finetune.cli.exits import run_app

if TYPE_CHECKING:
    import typer

# What other tools call these verbs, and what 'samples' was called once: they work, and --help does not show them.
ALIASES = {"train": "run", "infer": "say", "export": "ship", "utterances": "samples"}


def main() -> None:
    """Run a verb; the entry point of the installed command."""
    run_app(_app)


def _app() -> object:
    return build_app()(prog_name="xtts-finetune", standalone_mode=False)


def build_app() -> typer.Typer:
    """The command with all its verbs; docs/build_commands.py writes its reference from this."""
    # Imported inside, so that a Ctrl-C meanwhile ends as everywhere.
    import typer  # noqa: PLC0415

    from xtts_finetune.cli.options import APP, start  # noqa: PLC0415
    from xtts_finetune.cli.verb import Say, Verb, Verbs  # noqa: PLC0415
    from xtts_finetune.cli.verbs.beginning.doctor import doctor  # noqa: PLC0415
    from xtts_finetune.cli.verbs.beginning.fetch import fetch  # noqa: PLC0415
    from xtts_finetune.cli.verbs.beginning.import_ import import_  # noqa: PLC0415
    from xtts_finetune.cli.verbs.beginning.init import init  # noqa: PLC0415
    from xtts_finetune.cli.verbs.beginning.review import review  # noqa: PLC0415
    from xtts_finetune.cli.verbs.beginning.schema import schema  # noqa: PLC0415
    from xtts_finetune.cli.verbs.choosing.decide import decide  # noqa: PLC0415
    from xtts_finetune.cli.verbs.choosing.listen import listen  # noqa: PLC0415
    from xtts_finetune.cli.verbs.choosing.report import report  # noqa: PLC0415
    from xtts_finetune.cli.verbs.choosing.samples import samples  # noqa: PLC0415
    from xtts_finetune.cli.verbs.training.diagnose import diagnose  # noqa: PLC0415
    from xtts_finetune.cli.verbs.training.monitor import monitor  # noqa: PLC0415
    from xtts_finetune.cli.verbs.training.prepare import prepare  # noqa: PLC0415
    from xtts_finetune.cli.verbs.training.run import run  # noqa: PLC0415
    from xtts_finetune.cli.verbs.training.search import search  # noqa: PLC0415
    from xtts_finetune.cli.verbs.training.solve import solve  # noqa: PLC0415
    from xtts_finetune.cli.verbs.training.tries import tries  # noqa: PLC0415
    from xtts_finetune.cli.verbs.training.worker import worker  # noqa: PLC0415
    from xtts_finetune.cli.verbs.using.say import say  # noqa: PLC0415
    from xtts_finetune.cli.verbs.using.serve import serve  # noqa: PLC0415
    from xtts_finetune.cli.verbs.using.ship import ship  # noqa: PLC0415
    from xtts_finetune.cli.verbs.using.speak import speak  # noqa: PLC0415
    from xtts_finetune.cli.verbs.using.tune_speech import tune_speech  # noqa: PLC0415

    app = typer.Typer(**APP)
    app.callback(cls=Verbs, no_args_is_help=True)(start)
    verbs = (
        import_,
        review,
        init,
        fetch,
        run,
        doctor,
        prepare,
        samples,
        listen,
        decide,
        report,
        tries,
        ship,
        say,
        speak,
        serve,
        tune_speech,
        monitor,
        diagnose,
        solve,
        search,
        worker,
        schema,
    )
    for verb in verbs:
        app.command(verb.__name__.rstrip("_").replace("_", "-"), cls=Say if verb is say else Verb)(verb)
    for alias, name in ALIASES.items():
        verb = next(one for one in verbs if one.__name__ == name)
        app.command(alias, cls=Say if verb is say else Verb, hidden=True)(verb)
    return app


if __name__ == "__main__":
    main()
