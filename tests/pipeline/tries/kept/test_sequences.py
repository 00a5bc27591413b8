"""Whatever is typed one after the other, and however it is cut short: a finished model is never lost.

XTTS_FINETUNE_SEQUENCES says how many sequences are tried; 500 take a few minutes.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st

from tests.pipeline.project import Project, make_project, weights_file
from tests.pipeline.tries.kept.stand_in import Ending, Killed, StandIn
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children.process import Interrupted
from xtts_finetune.pipeline.plan.plan import make_plan
from xtts_finetune.pipeline.plan.stage_records import read_phase_yaml
from xtts_finetune.pipeline.run import run_plan
from xtts_finetune.pipeline.tries_commands import restore_now
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.candidates.tries import read_tries
from xtts_finetune.shipping.ship import ship_now

SEQUENCES, OF_A_PART = int(os.environ.get("XTTS_FINETUNE_SEQUENCES", "40")), 20
PHASES = ("phase1", "phase2")

OVERRIDES = (
    "phase1.learning_rate=6e-6",
    "phase2.learning_rate=2e-6",
    "phase2.learning_rate=3e-6",
    "phase2.epochs=45",
    "phase2.epochs=60",
    "phase1.steps=1400",
    "phase2.batch_size=4",
    "phase2.schedule.kind=cosine",
    "phase2.resume_from={checkpoint: ../own.pth}",
)
CURVES = (
    (4.0, 3.5, 3.2, 3.3),
    (4.0, 4.1, 4.2),  # never better than its start
    (4.0, 3.9, 3.1, 2.9, 2.95),
)


@dataclass(frozen=True)
class Command:
    """One command line and what becomes of it."""

    verb: str
    overrides: tuple[str, ...] = ()
    wanted: tuple[str, ...] = ()
    trained: int | None = None
    killed: int | None = None
    curve: tuple[float, ...] = CURVES[0]
    number: int = 0


commands = st.builds(
    Command,
    verb=st.sampled_from(["run"] * 6 + ["fresh", "ship", "restore"]),
    overrides=st.lists(st.sampled_from(OVERRIDES), max_size=2, unique_by=lambda text: text.split("=")[0]).map(tuple),
    wanted=st.sampled_from([(), (), (), ("phase1",), ("phase2",)]),
    trained=st.sampled_from([None, None, None, 0, 1, 2]),
    killed=st.one_of(st.none(), st.none(), st.integers(1, 60), st.integers(1, 250)),
    curve=st.sampled_from(CURVES),
    number=st.integers(0, 3),
)


class Watched:
    """Every model that was ever finished, by what it was trained from."""

    def __init__(self, project: Project) -> None:
        self.project = project
        self.finished: dict[str, list[bytes]] = {}

    def note(self) -> None:
        """Note what is finished by now."""
        for name in PHASES:
            folder = self.project.run_folder.candidate(name)
            with contextlib.suppress(UserError):
                info, recorded = read_model_info(folder), read_phase_yaml(folder)
                if info is not None and info["status"] == "done" and recorded and folder.best_model.is_file():
                    models = self.finished.setdefault(f"{name} {recorded['fingerprint']}", [])
                    content = folder.best_model.read_bytes()
                    if content not in models:
                        models.append(content)

    def there(self) -> set[bytes]:
        """The best models that are there."""
        run = self.project.run_folder
        folders = [run.candidate(name) for name in PHASES] + [each.folder for each in read_tries(run)]
        return {folder.best_model.read_bytes() for folder in folders if folder.best_model.is_file()}


def do(stand_in: StandIn, command: Command) -> None:
    """Run one command as a user would; how it ends is part of the sequence."""
    run = stand_in.project.run_folder
    ending = Ending(command.trained, command.killed, command.curve)
    with stand_in.at_work(ending), contextlib.suppress(UserError, Interrupted):
        work = stand_in.work(command.overrides)
        if command.verb == "ship":
            ship_now(work, "phase1" if command.number % 2 else None)
        elif command.verb == "restore":
            tries = read_tries(run)
            if tries:
                restore_now(work, tries[command.number % len(tries)].name)
        else:
            fresh = command.verb == "fresh"
            plan = make_plan(work.declaration, command.wanted, fresh)
            before = stand_in.used()
            whole = False
            try:
                run_plan(work, command.wanted, fresh)
                whole = True
            except Killed:
                pass
            grown = stand_in.most_used - before
            assert grown <= plan.disk.peak, f"{grown} bytes more, {plan.disk.peak} at the peak were planned"
            if whole:
                assert stand_in.used() - before <= plan.disk.stays
        return


def lived_through(sequence: Sequence[Command], folder: Path) -> tuple[int, int]:
    """Do the commands one after the other in a new project; how many models were finished, and tries there are."""
    project = make_project(folder)
    (folder / "own.pth").write_bytes(weights_file("mine"))
    stand_in, watched = StandIn(project), Watched(project)
    for command in [Command("run"), *sequence]:
        with contextlib.suppress(Killed):
            do(stand_in, command)
        watched.note()
        there = watched.there()
        for declared, models in watched.finished.items():
            for model in models:
                assert model in there, f"after {command}: a finished model of {declared} is gone"
    return sum(map(len, watched.finished.values())), len(read_tries(project.run_folder))


@pytest.mark.parametrize("part", range(SEQUENCES // OF_A_PART))
def test_no_sequence_of_commands_loses_a_finished_model_or_needs_more_disk_than_planned(part: int) -> None:
    @seed(part)
    @settings(max_examples=OF_A_PART, deadline=None, suppress_health_check=list(HealthCheck), database=None)
    @given(st.lists(commands, min_size=2, max_size=6))
    def hold(sequence: list[Command]) -> None:
        folder = Path(tempfile.mkdtemp(prefix="kept-"))
        try:
            lived_through(sequence, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)

    hold()
