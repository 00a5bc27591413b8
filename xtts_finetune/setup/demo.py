"""Where the embedded voice and base are: inside an installed package, or in `samples/demo` of a checkout."""

from __future__ import annotations

from pathlib import Path

from xtts_finetune.errors import UserError

HERE = Path(__file__).parent
PLACES = (HERE / "demo", HERE.parents[1] / "samples" / "demo")


def demo_declaration() -> Path:
    """The demo's pipeline.yaml. Raises UserError when the package was installed without its data."""
    for place in PLACES:
        file = place / "pipeline.yaml"
        if file.is_file():
            return file
    looked = " or ".join(str(place) for place in PLACES)
    raise UserError(f"--demo: the demo's files are not in {looked}; install the package again")


def demo_run_folder() -> Path:
    """Where the demo runs: the package's own folder may be read-only."""
    return Path.cwd() / "run" / "demo"
