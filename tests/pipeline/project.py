"""A right declaration in a folder of its own, whose pipeline runs with fake children."""

from __future__ import annotations

import io
import json
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from tests.pipeline.fake_base import CONFIG, TOKENS, fake_base, model_file
from tests.spec.wrong_declarations import RIGHT, write_files
from xtts_finetune.pipeline.children.running import JOB, SHIPPING, TRAINING, Work
from xtts_finetune.pipeline.children.staying import FRAMES
from xtts_finetune.pipeline.plan.plan import make_plan
from xtts_finetune.pipeline.plan.stages import Plan
from xtts_finetune.pipeline.run import run_plan
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration, load_declaration
from xtts_finetune.xtts.weights.gpt_shapes import gpt_shapes, sizes_of_config

FAKE_CHILD = Path(__file__).with_name("fake_child.py")


def fake_child(module: str, arguments: Sequence[str]) -> list[str]:
    """The command line of the fake child."""
    # pytest's own variable would give each test's children an environment of their own, and so a process of their own.
    os.environ.pop("PYTEST_CURRENT_TEST", None)
    return [sys.executable, str(FAKE_CHILD), module, *arguments]


# It takes further jobs, as the real ones do: hundreds of starts of Python are saved.
FRAMES.extend(fake_child(module, []) for module in (JOB, TRAINING, SHIPPING))


@dataclass(frozen=True)
class Project:
    """A folder with a right declaration."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "pipeline.yaml"

    @property
    def run_folder(self) -> RunFolder:
        return RunFolder(self.folder / "run" / "trial")

    def declaration(self, *overrides: str) -> Declaration:
        return load_declaration(self.file, overrides)

    def plan(self, *overrides: str, wanted: Sequence[str] = ()) -> Plan:
        return make_plan(self.declaration(*overrides), wanted)

    def states(self, *overrides: str, wanted: Sequence[str] = ()) -> dict[str, str]:
        """Every stage's state, with its reason where it is stale."""
        stages = self.plan(*overrides, wanted=wanted).stages
        return {s.name: f"{s.state.value}: {s.why}" if s.state.value == "stale" else s.state.value for s in stages}

    def work(self, *overrides: str) -> Work:
        """What run_plan and its like are given: fake children, and a terminal that keeps what is printed."""
        console = Console(file=io.StringIO(), width=200)
        return Work(self.declaration(*overrides), overrides, "cpu", console, "run_pipeline", fake_child)

    def run(self, *overrides: str, wanted: Sequence[str] = (), fresh: bool = False) -> str:
        """Run with fake children; what was printed."""
        work = self.work(*overrides)
        (self.folder / "started.txt").unlink(missing_ok=True)
        try:
            run_plan(work, wanted, fresh)
        finally:
            printed = work.console.file.getvalue()  # type: ignore[attr-defined]
            (self.folder / "printed.txt").write_text(printed, encoding="utf-8")
        return printed

    @property
    def started(self) -> list[str]:
        """What the children of the last run were started for."""
        file = self.folder / "started.txt"
        return file.read_text(encoding="utf-8").split() if file.is_file() else []

    def tell(self, **behaviour: str) -> None:
        """How children end, by phase or kind of job."""
        (self.folder / "behaviour.json").write_text(json.dumps(behaviour), encoding="utf-8")


def weights_file(note: str = "") -> bytes:
    """The model.pth of the projects' base; with a note in it, another file of such weights."""
    return model_file(gpt_shapes(sizes_of_config(CONFIG, len(TOKENS))), note)


def make_project(folder: Path) -> Project:
    """The right declaration of the tests, without a run."""
    write_files({**RIGHT, **{f"base/{name}": content for name, content in fake_base().items()}}, folder)
    return Project(folder)
