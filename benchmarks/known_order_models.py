"""The candidates of known_order.py: trained from the demo's base so that their order is known, one folder a seed.

    few         stopped after 15 steps          hot       a learning rate two hundred times too high
    right       the demo's steps                shuffled  the texts of the clips exchanged
    long        far too many steps: its last    other     the clips of another speaker
    average     of few and right

`long` keeps its checkpoints, so that ways to choose among them can be compared; they are no candidates. What is there
is not made again.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

from xtts_finetune.records.run_folder import RunFolder

DEMO = Path(__file__).parents[1] / "samples" / "demo"
STEPS, FEW, EVERY, MOST = 180, 15, 200, 1000
RATE, HOT = 5e-5, 1e-2
LADDER = tuple(range(EVERY, MOST, EVERY))
"""Checkpoints of `long` before its last."""


@dataclass(frozen=True)
class Project:
    """A folder with a pipeline.yaml and all that it names."""

    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / "pipeline.yaml"

    @property
    def run(self) -> RunFolder:
        return RunFolder(self.folder / "run" / "known")

    def weights(self, name: str) -> Path | None:
        """Of a candidate, or of a rung of the ladder (`long200`); None for the base's own."""
        if name == "base":
            return None
        step = name.removeprefix("long")
        if step.isdigit():
            return self.run.candidate("long").checkpoint(int(step))
        return self.run.candidate(name).best_model

    def go(self) -> None:
        """Train, speak, check and decide; what is up to date is kept."""
        command = [sys.executable, "-m", "xtts_finetune.cli.run_pipeline", "-f", str(self.file)]
        with (self.folder / "log.txt").open("a", encoding="utf-8") as log:
            subprocess.run(command, cwd=self.folder, check=True, stdout=log, stderr=subprocess.STDOUT)


def make_models(work: Path, seed: int, base: Path, other: Path) -> Project:
    """Train everything of one seed; returns the project that all are candidates of."""
    folder = work / f"seed{seed}"
    wrong = {}
    for name, data in (("shuffled", None), ("other", other)):
        project = write_project(folder / name, base, data, {name: phase(STEPS, seed)}, seed, [name], spoken=1)
        project.go()
        wrong[name] = {"name": f"{name}_clips", "checkpoint": str(project.run.candidate(name).best_model.resolve())}
    phases = {
        "few": phase(FEW, seed),
        "right": phase(STEPS, seed),
        "hot": phase(STEPS // 2, seed, rate=HOT),
        "long": phase(MOST, seed) | {"keep": {"checkpoints": 50}, "utterances_every_evals": 2},
    }
    made: list[Any] = [*phases, *wrong.values(), {"name": "average", "average": ["few", "right"]}]
    made += [{"name": f"{name}_last", "phase": name, "checkpoint": "last"} for name in ("long", "hot")]
    project = write_project(folder / "main", base, None, phases, seed, made)
    project.go()
    return project


def phase(steps: int, seed: int, rate: float = RATE) -> dict[str, Any]:
    """A phase of the base, without a rule that stops it."""
    return {
        "resume_from": None,
        "learning_rate": rate,
        "schedule": {"kind": "constant", "warmup_steps": 10},
        "batch_size": 3,
        "steps": steps,
        "eval_every_steps": min(steps, 50),
        "checkpoint_every": {"steps": EVERY},
        "seed": seed,
        "stop_when": [],
        "success": {},
    }


def write_project(
    folder: Path,
    base: Path,
    data: Path | None,
    phases: dict[str, dict[str, Any]],
    seed: int,
    candidates: list[Any],
    spoken: int | None = None,
) -> Project:
    """The demo with other phases, candidates and data; `data` None: its own, with texts exchanged for 'shuffled'."""
    if not folder.is_dir():
        shutil.copytree(DEMO / "data" if data is None else data, folder / "data")
        if folder.name == "shuffled":
            exchange_texts(folder / "data" / "set_a" / "metadata.csv", "|", 0)
            exchange_texts(folder / "data" / "set_b" / "metadata.csv", "|", 1)
    (folder / "phases").mkdir(exist_ok=True)
    (folder / "eval").mkdir(exist_ok=True)
    from_base = {"checkpoint": str(base.resolve() / "model.pth"), "optimizer": "reset"}
    for name, values in phases.items():
        write_yaml(folder / "phases" / f"{name}.yaml", {**values, "resume_from": from_base})
    said = read_yaml(DEMO / "eval" / "utterances.yaml")
    write_yaml(folder / "eval" / "utterances.yaml", said | {"sentences": said["sentences"][:spoken]})
    rows = [{"mel_ce_of_base": {"above": 1e9}, "ship": "base", "verdict": "never"}]
    write_yaml(folder / "eval" / "decision_matrix.yaml", {"candidates": candidates, "rows": rows})
    pipeline = read_yaml(DEMO / "pipeline.yaml")
    pipeline |= {"name": "known", "base": str(base.resolve()), "phases": list(phases)}
    write_yaml(folder / "pipeline.yaml", pipeline | {"eval_set": pipeline["eval_set"] | {"seed": seed}})
    return Project(folder)


def exchange_texts(table: Path, separator: str, header: int) -> None:
    """Give each clip the text of the next but two."""
    lines = table.read_text(encoding="utf-8").splitlines()
    rows = [line.split(separator) for line in lines[header:]]
    texts = [row[1] for row in rows]
    for row, text in zip(rows, texts[3:] + texts[:3], strict=True):
        row[1] = text
        if header == 0:
            row[2] = text
    table.write_text("\n".join([*lines[:header], *map(separator.join, rows)]) + "\n", encoding="utf-8")


def write_yaml(file: Path, values: Mapping[str, Any]) -> None:
    file.write_text(yaml.safe_dump(dict(values), allow_unicode=True, sort_keys=False), encoding="utf-8")


def read_yaml(file: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(file.read_text(encoding="utf-8")))
