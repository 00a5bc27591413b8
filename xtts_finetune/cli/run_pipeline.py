"""The command `run_pipeline`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from xtts_finetune.cli.exits import run_app

if TYPE_CHECKING:
    import typer


def main() -> None:
    """Run the pipeline; the entry point of the installed command."""
    run_app(_app)


def _app() -> object:
    return build_app()(prog_name="run_pipeline", standalone_mode=False)


def build_app() -> typer.Typer:
    """The command; docs/build_commands.py writes its reference from this."""
    # Imported inside, so that a Ctrl-C meanwhile ends as everywhere.
    import typer  # noqa: PLC0415

    from xtts_finetune.cli.options import APP  # noqa: PLC0415
    from xtts_finetune.cli.verb import Verb  # noqa: PLC0415
    from xtts_finetune.cli.verbs.training.run import run  # noqa: PLC0415

    app = typer.Typer(**APP)
    app.command(cls=Verb)(run)
    return app


if __name__ == "__main__":
    main()
