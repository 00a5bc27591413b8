"""What a search is run from, pinned in its folder: the phase's values, the space, the length, the checkpoint.

`run/<name>/search/<phase>/` holds `setup.json`, `start.pth` (a hard link to the checkpoint that all trials start from;
none where that is the base) and a run folder for each trial.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.plan.inputs import planned_phase
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.search import RangeSpec
from xtts_finetune.spec.sources import Source, source_of
from xtts_finetune.spec.train import is_lora
from xtts_finetune.trials.halving import marks_of
from xtts_finetune.trials.race.make_setup import SHARE_OF_PHASE, starting_point
from xtts_finetune.trials.race.setup import pin
from xtts_finetune.trials.search.space import Point, Space, longest_warmup, values_at, with_values
from xtts_finetune.trials.situation import GUARDS
from xtts_finetune.trials.trials import Trial

VERSION = 1
# Evaluations of a trial at least.
EVALS = 8
DECLARED = "declared"
StartAt = Literal["start", "best", "last"]


@dataclass(frozen=True)
class SearchFolder:
    """`run/<name>/search/<phase>/`."""

    path: Path

    @property
    def setup(self) -> Path:
        """What the search is run from."""
        return self.path / "setup.json"

    @property
    def start(self) -> Path:
        """The checkpoint that all trials start from; none where that is the base."""
        return self.path / "start.pth"

    @property
    def record(self) -> Path:
        """What came out, for programs."""
        return self.path / "search.json"

    @property
    def page(self) -> Path:
        """What came out, for people: table, curves and importances."""
        return self.path / "SEARCH.html"


@dataclass(frozen=True)
class SearchWishes:
    """What the user asks for; None leaves it to the tool, or to the search that has begun."""

    steps: int | None = None
    start: StartAt | None = None
    at_once: int | None = None
    seed: int | None = None


@dataclass(frozen=True)
class SearchSetup:
    """What a search is run from.

    phase       the phase's values as a trial has them that changes nothing
    space       what is chosen from, as `search` declares it
    at_once     trials of a generation, which are compared at the marks and may be trained at the same time
    evals       length of a trial in evaluations; `marks` count them, too
    eval_every  steps of the unchanged phase between two of them
    """

    name: str
    phase: Mapping[str, Any]
    space: Mapping[str, Any]
    seed: int
    at_once: int
    evals: int
    marks: tuple[int, ...]
    eval_every: int
    start: StartAt
    optimizer: Literal["keep", "reset"]
    from_base: bool

    @property
    def dimensions(self) -> Space:
        """The space, checked."""
        return {
            key: RangeSpec(**value) if isinstance(value, Mapping) else tuple(value)
            for key, value in self.space.items()
        }

    def to_json(self) -> dict[str, Any]:
        """As setup.json holds it."""
        content: dict[str, Any] = json.loads(json.dumps(asdict(self)))
        return content


def search_setup(work: Work, name: str, wishes: SearchWishes) -> tuple[SearchFolder, SearchSetup]:
    """The phase's search: that which has begun, or a new one.

    Raises UserError when the phase declares no space, has nothing to start from, or was changed since it began.
    """
    if name not in work.declaration.phases:
        known = ", ".join(work.declaration.phases)
        raise UserError(f"unknown phase '{name}'; {work.declaration.file.name} declares {known}")
    if not work.declaration.phases[name].search:
        raise UserError(
            f"phases/{name}.yaml says nothing to search; add for example\n"
            "search:\n  learning_rate: {low: 1.0e-7, high: 1.0e-5, log: true}\n  batch_size: [2, 4, 8]"
        )
    folder = SearchFolder(work.run.searches / name)
    there = _read(folder)
    if there is None:
        source, optimizer = _source(work, name, wishes.start or "start")
        setup = _made(work, name, wishes, optimizer, source is None)
        if source is not None:
            pin(source, folder.start)
        write_json_atomic(folder.setup, {"version": VERSION, **setup.to_json()})
        return folder, setup
    setup = _made(work, name, _with_pinned(wishes, there), there.optimizer, there.from_base)
    differ = [key for key, value in setup.to_json().items() if value != there.to_json()[key]]
    if differ:
        raise UserError(
            f"the search of {name} has begun with other values ({', '.join(differ)}): put them back, or begin anew "
            "with --fresh"
        )
    return folder, there


def declared_trial(folder: SearchFolder, setup: SearchSetup) -> Trial:
    """The phase as it is declared, which a found point must beat."""
    return _trial(folder, setup, DECLARED, {})


def trial_of(folder: SearchFolder, setup: SearchSetup, number: int, point: Point) -> Trial:
    """The trial of a point."""
    return _trial(folder, setup, f"trial{number:03}", values_at(setup.dimensions, point))


def step_at(trial: Trial, setup: SearchSetup, mark: int) -> int:
    """The step of a trial at a mark: as many clips are seen by then as by the unchanged phase."""
    return int(trial.phase["steps"]) * mark // setup.evals


def _trial(folder: SearchFolder, setup: SearchSetup, name: str, values: Mapping[str, Any]) -> Trial:
    phase = with_values(setup.phase, values)
    every = max(1, round(setup.eval_every * _step_size(setup.phase, phase)))
    length = {"steps": every * setup.evals, "eval_every_steps": every}
    # Adapters start anew, so there are no moments for them.
    optimizer: Literal["keep", "reset"] = "reset" if is_lora(phase.get("train")) else setup.optimizer
    return Trial(
        name, folder.path / name, phase | length, None if setup.from_base else folder.start, optimizer
    )


def _step_size(phase: Mapping[str, Any], changed: Mapping[str, Any]) -> float:
    """How many steps of the unchanged phase see as many clips as one of the changed phase, inverted: 2 for half."""

    def size(values: Mapping[str, Any]) -> tuple[str, float]:
        def value(key: str) -> Any:
            return values.get(key, PhaseSpec.model_fields[key].default)

        key = "batch_size" if value("max_tokens") is None else "max_tokens"
        return key, float(value(key)) * float(value("accumulate"))

    (unit, before), (other, now) = size(phase), size(changed)
    return before / now if unit == other else 1.0


def _made(
    work: Work, name: str, wishes: SearchWishes, optimizer: Literal["keep", "reset"], from_base: bool
) -> SearchSetup:
    spec = work.declaration.phases[name]
    planned = planned_phase(work.declaration, work.run, name)
    if planned is None:
        raise UserError("the clips are not counted yet: xtts-finetune prepare first")
    wished = wishes.steps or max(1, planned.steps // SHARE_OF_PHASE)
    every = min(spec.eval_every_steps, -(-wished // EVALS))
    evals = EVALS * -(-wished // (EVALS * every))
    at_once = wishes.at_once or 4
    values = _values(spec)
    space = {
        key: dimension.model_dump(mode="json") if isinstance(dimension, RangeSpec) else list(dimension)
        for key, dimension in spec.search.items()
    }
    marks = marks_of(at_once, evals, -(-longest_warmup(spec.search, values) // every))
    return SearchSetup(
        name=name,
        phase=values,
        space=space,
        seed=spec.seed if wishes.seed is None else wishes.seed,
        at_once=at_once,
        evals=evals,
        marks=marks,
        eval_every=every,
        start=wishes.start or "start",
        optimizer=optimizer,
        from_base=from_base,
    )


def _values(spec: PhaseSpec) -> dict[str, Any]:
    """The phase's values for a trial: rules that guard against damage stay, those that end a phase go."""
    left_out = {"goal", "epochs", "steps", "success", "resume_from", "utterances_every_evals", "search"}
    values = spec.model_dump(mode="json", exclude_unset=True, exclude={*left_out, "optimization_level"})
    rules = [rule for rule in values.get("stop_when", ()) if rule["rule"] in GUARDS]
    return values | {"stop_when": rules, "keep": {"best": 1, "checkpoints": 1}}


def _source(work: Work, name: str, which: StartAt) -> tuple[Path | None, Literal["keep", "reset"]]:
    """The checkpoint that trials start from, None for the base, and whether its moments go on."""
    if which != "start":
        candidate, spec = work.run.candidate(name), work.declaration.phases[name]
        metrics = read_metrics(candidate.metrics)
        start, file = starting_point(candidate, metrics, which, adapters=is_lora(spec.train))
        return file, start.optimizer
    source = source_of(work.declaration, name)
    path = _file_of(work, source)
    if path is not None and not path.is_file():
        raise UserError(
            f"{name} starts from {source}, but there is no {path}; train that first: run_pipeline"
        )
    return path, source.optimizer


def _file_of(work: Work, source: Source) -> Path | None:
    if source.phase is None:
        return source.file
    folder = work.run.candidate(source.phase)
    if source.checkpoint == "best":
        return folder.best_model
    if source.checkpoint == "last":
        checkpoints = folder.checkpoints()
        return checkpoints[-1][1] if checkpoints else folder.path / "checkpoint_<step>.pth"
    return folder.checkpoint(int(source.checkpoint.split()[1]))


def _with_pinned(wishes: SearchWishes, there: SearchSetup | None) -> SearchWishes:
    """What is not wished is as it was when the search began."""
    if there is None:
        return wishes
    return SearchWishes(
        steps=there.evals * there.eval_every if wishes.steps is None else wishes.steps,
        start=wishes.start or there.start,
        at_once=wishes.at_once or there.at_once,
        seed=there.seed if wishes.seed is None else wishes.seed,
    )


def _read(folder: SearchFolder) -> SearchSetup | None:
    if not folder.setup.is_file():
        return None
    try:
        content = json.loads(folder.setup.read_text(encoding="utf-8"))
        if content.pop("version") != VERSION:
            raise ValueError("it is of another version")
        return SearchSetup(**{**content, "marks": tuple(content["marks"])})
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{folder.setup}: damaged ({error}); begin the search anew with --fresh") from None
