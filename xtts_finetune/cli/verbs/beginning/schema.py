"""`xtts-finetune schema`: write the JSON Schemas that editors check configs with."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from xtts_finetune.cli.terminal import tell
from xtts_finetune.errors import UserError
from xtts_finetune.spec.schema import outdated_schemas, write_schemas


def schema(
    out: Annotated[Path, typer.Option(help="Folder to write them to.", metavar="FOLDER")] = Path("schemas"),
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 2 if a file is out of date.")
    ] = False,
) -> None:
    """Write JSON Schemas, with which editors complete and check the YAML files."""
    if check:
        outdated = outdated_schemas(out)
        if outdated:
            names = ", ".join(path.as_posix() for path in outdated)
            raise UserError(f"not current: {names}; write them with: xtts-finetune schema --out {out.as_posix()}")
        tell(f"the schemas in {out.as_posix()} are current")
        return
    try:
        paths = write_schemas(out)
    except OSError as error:
        raise UserError(f"the schemas cannot be written to {out.as_posix()}: {error.strerror or error}") from None
    for path in paths:
        typer.echo(path.as_posix())
