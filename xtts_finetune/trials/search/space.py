"""The space that a search chooses from, and its next point.

Points are proposed by the tree-structured Parzen estimator (Bergstra et al., Algorithms for Hyper-Parameter
Optimization, NeurIPS 2011) of Optuna. A point is a pure function of the space, the seed, its number and what the
earlier points have come to: it does not depend on when or where these were tried.
"""

from __future__ import annotations

import copy
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from xtts_finetune.records.values import hash_of
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.search import Dimension, RangeSpec, is_whole, put
from xtts_finetune.trials.pinned import warmup_steps

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution
    from optuna.trial import FrozenTrial

Space = Mapping[str, Dimension]
# By key of the phase: a number, or the label of a choice.
Point = dict[str, Any]

# Where the estimator keeps coming back to points that were tried, after so many attempts any other will do.
ATTEMPTS = 8
# Digits of a number, as people write them down.
DIGITS = 3
# So many generations are random, before the estimator has anything to go by.
RANDOM_GENERATIONS = 2


def label_of(choice: Any) -> str:
    """A choice as the ledger and tables show it."""
    return choice if isinstance(choice, str) else json.dumps(choice, sort_keys=True)


def distributions(space: Space) -> dict[str, BaseDistribution]:
    """The space in Optuna's terms."""
    from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution  # noqa: PLC0415  heavy

    found: dict[str, BaseDistribution] = {}
    for key, dimension in space.items():
        if not isinstance(dimension, RangeSpec):
            found[key] = CategoricalDistribution([label_of(choice) for choice in dimension])
        elif is_whole(PhaseSpec, key):
            found[key] = IntDistribution(int(dimension.low), int(dimension.high), log=dimension.log)
        else:
            found[key] = FloatDistribution(dimension.low, dimension.high, log=dimension.log)
    return found


def propose(space: Space, seed: int, number: int, history: Sequence[FrozenTrial], at_random: int) -> Point | None:
    """The point of trial `number`, which no trial of `history` has; None when the space has no further one.

    `history` has a finished trial for each point that was judged, and a running one for each that is being tried:
    these count as bad, so that trials of one generation keep apart. The first `at_random` are random.
    """
    import optuna  # noqa: PLC0415  heavy

    known = [trial.params for trial in history]
    dimensions = distributions(space)
    for attempt in range(ATTEMPTS):
        seeded = int(hash_of([seed, number, attempt])[:8], 16)
        study = optuna.create_study(
            sampler=optuna.samplers.RandomSampler(seed=seeded)
            if number < at_random
            else optuna.samplers.TPESampler(seed=seeded, n_startup_trials=0, constant_liar=True)
        )
        study.add_trials(history)
        point = {key: _written(space[key], value) for key, value in study.ask(dimensions).params.items()}
        if point not in known:
            return point
    rest = [point for point in _all_points(dimensions) if point not in known]
    return rest[int(hash_of([seed, number])[:8], 16) % len(rest)] if rest else None


def _all_points(dimensions: Mapping[str, BaseDistribution]) -> Iterator[Point]:
    """Every point of a space without real numbers, which alone can be used up; none of another."""
    from optuna.distributions import CategoricalDistribution, IntDistribution  # noqa: PLC0415  heavy

    values: list[Sequence[Any]] = []
    for dimension in dimensions.values():
        if isinstance(dimension, CategoricalDistribution):
            values.append(dimension.choices)
        elif isinstance(dimension, IntDistribution):
            values.append(range(dimension.low, dimension.high + 1))
        else:
            return
    for chosen in itertools.product(*values):
        yield dict(zip(dimensions, chosen, strict=True))


def values_at(space: Space, point: Point) -> dict[str, Any]:
    """The phase's values that a point stands for, by dotted key, whole mappings before what is in them."""
    found = {}
    for key in sorted(point, key=lambda key: (key.count("."), key)):
        dimension = space[key]
        found[key] = point[key]
        if not isinstance(dimension, RangeSpec):
            found[key] = next(choice for choice in dimension if label_of(choice) == point[key])
    return found


def with_values(phase: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    """A phase's values with others at some dotted keys."""
    changed = copy.deepcopy(dict(phase))
    for key, value in values.items():
        put(changed, key, value)
    return changed


def longest_warmup(space: Space, phase: Mapping[str, Any]) -> int:
    """The most steps of warm-up that a trial may have."""
    schedules = [phase.get("schedule")]
    chosen, warmup = space.get("schedule"), space.get("schedule.warmup_steps")
    if chosen is not None and not isinstance(chosen, RangeSpec):
        schedules += chosen
    ends = (warmup.high,) if isinstance(warmup, RangeSpec) else warmup or ()
    schedules += [{"warmup_steps": end} for end in ends]
    return max(warmup_steps({"schedule": schedule}) for schedule in schedules)


def _written(dimension: Dimension, value: Any) -> Any:
    """A number with as many digits as people write, within its bounds."""
    if not isinstance(value, float) or not isinstance(dimension, RangeSpec):
        return value
    return min(max(float(f"{value:.{DIGITS}g}"), dimension.low), dimension.high)
