"""What a search is run from: the pinned start, the phase's values, the space, and the length of its trials."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.look.commands import command, run_first
from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.plan.inputs import planned_phase
from xtts_finetune.records.run_folder import TrialsFolder
from xtts_finetune.records.values import strict_json
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.search import RangeSpec
from xtts_finetune.trials.judging import marks_of
from xtts_finetune.trials.pinned import (
    SHARE_OF_PHASE,
    PinnedStart,
    Setup,
    Wishes,
    declared_phase,
    find_start,
    lasting_values,
    make_trial,
    pin,
    read_setup,
    write_setup,
)
from xtts_finetune.trials.search.space import Point, Space, longest_warmup, values_at, with_values
from xtts_finetune.trials.trial import Trial
from xtts_finetune.xtts.base import quick_hash

# Evaluations of a trial at least.
EVALS = 8
AT_ONCE = 4
DECLARED = "declared"


@dataclass(frozen=True)
class SearchWishes(Wishes):
    """What the user asks of a search."""

    at_once: int | None = None
    seed: int | None = None


@dataclass(frozen=True)
class SearchSetup(Setup):
    """What a search is run from.

    values   the phase's values as a trial has them that changes nothing
    space    what is chosen from, as `search` declares it
    at_once  trials of a generation, which are compared at the marks and may be trained at the same time
    """

    values: Mapping[str, Any]
    space: Mapping[str, Any]
    seed: int
    at_once: int

    @classmethod
    def of_version(cls, version: int, content: dict[str, Any], folder: TrialsFolder) -> dict[str, Any]:
        """Version 1 had words of its own for the start. Raises ValueError for another one."""
        if version != 1:
            return super().of_version(version, content, folder)
        values, phase = content.pop("phase"), content.pop("name")
        fingerprint = "" if content.pop("from_base") else quick_hash(folder.start)
        start = PinnedStart(content["start"], None, None, content.pop("optimizer"), fingerprint)
        return {**content, "phase": phase, "values": values, "start": asdict(start)}

    @property
    def dimensions(self) -> Space:
        """The space, checked."""
        return {
            key: RangeSpec(**value) if isinstance(value, Mapping) else tuple(value) for key, value in self.space.items()
        }


def search_setup(work: Work, name: str, wishes: SearchWishes) -> tuple[TrialsFolder, SearchSetup]:
    """The phase's search: that which has begun, or a new one.

    Raises UserError when the phase declares no space, has nothing to start from, or was changed since it began.
    """
    if not declared_phase(work, name).search:
        raise UserError(
            f"phases/{name}.yaml has nothing to search; add for example\n"
            "search:\n  learning_rate: {low: 1.0e-7, high: 1.0e-5, log: true}\n  batch_size: [2, 4, 8]"
        )
    folder = work.run.search(name)
    there = read_setup(folder, SearchSetup)
    if there is None:
        start, weights = find_start(work, name, wishes.start or "start")
        setup = _make(work, name, wishes, start)
        setup = replace(setup, start=pin(folder, start, weights))
        write_setup(folder, setup)
        return folder, setup
    wished = SearchWishes(
        steps=wishes.steps or there.steps,
        at_once=wishes.at_once or there.at_once,
        seed=there.seed if wishes.seed is None else wishes.seed,
    )
    start = replace(there.start, which=wishes.start or there.start.which)
    now, then = (strict_json(asdict(setup)) for setup in (_make(work, name, wished, start), there))
    differ = [key for key in then if now[key] != then[key]]
    if differ:
        raise UserError(
            f"the search of {name} has begun with other values ({', '.join(differ)}): put them back, or start over "
            "with --fresh"
        )
    return folder, there


def declared_trial(folder: TrialsFolder, setup: SearchSetup) -> Trial:
    """The phase as it is declared, which a found point must beat."""
    return _trial(folder, setup, DECLARED, {})


def trial_of(folder: TrialsFolder, setup: SearchSetup, number: int, point: Point) -> Trial:
    """The trial of a point."""
    return _trial(folder, setup, f"trial{number:03}", values_at(setup.dimensions, point))


def _trial(folder: TrialsFolder, setup: SearchSetup, name: str, changes: Mapping[str, Any]) -> Trial:
    phase = with_values(setup.values, changes)
    every = max(1, round(setup.eval_every * _step_size(setup.values, phase)))
    length = {"steps": every * setup.evals, "eval_every_steps": every}
    return make_trial(folder, setup, name, phase | length)


def _step_size(phase: Mapping[str, Any], changed: Mapping[str, Any]) -> float:
    """How many steps of the changed phase see as many clips as one of the unchanged phase: 2 for half the batch."""

    def size(values: Mapping[str, Any]) -> tuple[str, float]:
        def value(key: str) -> Any:
            return values.get(key, PhaseSpec.model_fields[key].default)

        key = "batch_size" if value("max_tokens") is None else "max_tokens"
        return key, float(value(key)) * float(value("accumulate"))

    (unit, before), (other, now) = size(phase), size(changed)
    return before / now if unit == other else 1.0


def _make(work: Work, name: str, wishes: SearchWishes, start: PinnedStart) -> SearchSetup:
    spec = work.declaration.phases[name]
    planned = planned_phase(work.declaration, work.run, name)
    if planned is None:
        raise UserError(run_first("the clips are not counted yet", command("prepare")))
    wished = wishes.steps or max(1, planned.steps // SHARE_OF_PHASE)
    every = min(spec.eval_every_steps, -(-wished // EVALS))
    evals = EVALS * -(-wished // (EVALS * every))
    at_once = wishes.at_once or AT_ONCE
    values = {"stop_when": [], **lasting_values(spec)}
    values.pop("steps", None)
    return SearchSetup(
        phase=name,
        start=start,
        evals=evals,
        marks=marks_of(at_once, evals, -(-longest_warmup(spec.search, values) // every)),
        eval_every=every,
        values=values,
        space={
            key: dimension.model_dump(mode="json") if isinstance(dimension, RangeSpec) else list(dimension)
            for key, dimension in spec.search.items()
        },
        seed=spec.seed if wishes.seed is None else wishes.seed,
        at_once=at_once,
    )
