"""`search`: the values of a phase that a search may choose from, checked before any trial begins."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, TypeAlias

from pydantic import Discriminator, Field, StringConstraints, Tag

from xtts_finetune.spec.model import Contradiction, Spec, number
from xtts_finetune.spec.reading.document import Document
from xtts_finetune.spec.reading.problems import check
from xtts_finetune.spec.reading.shapes import shape_at
from xtts_finetune.spec.reading.words import did_you_mean, listed
from xtts_finetune.spec.train import LIST, MAPPING

# What a trial must not change: which phase it is, how long it is, and what it is judged and kept by.
NOT_SEARCHED = frozenset(
    {
        "goal", "resume_from", "optimization_level", "search", "success", "stop_when", "epochs", "steps",
        "eval_every_steps", "checkpoint_every", "keep", "utterances_every_evals", "on_out_of_memory",
    }
)  # fmt: skip


class RangeSpec(Spec):
    """A stretch of numbers, ends included; whole ones for a key whose value is a whole number."""

    low: float = Field(description="The least value.")
    high: float = Field(description="The largest value.")
    log: bool = Field(False, description="Equal factors are equally likely, as suits learning rates.")

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        low, high = number(given.get("low")), number(given.get("high"))
        if low is None or high is None:
            return []
        if low >= high:
            return [(("low", "high"), f"'low' {low:g} is not below 'high' {high:g}")]
        if given.get("log") is True and low <= 0:
            return [(("low", "log"), f"with 'log', 'low' must be above 0 but is {low:g}")]
        return []


Choices: TypeAlias = tuple[Any, ...]
Dimension: TypeAlias = RangeSpec | Choices


def _kind(value: object) -> str:
    return MAPPING if isinstance(value, Mapping | RangeSpec) else LIST


SearchKey = Annotated[str, StringConstraints(pattern=r"^[a-z_]+(\.[a-z_]+)*$", max_length=64)]
SearchSpace = dict[
    SearchKey,
    Annotated[
        Annotated[Annotated[Choices, Field(min_length=1)], Tag(LIST)] | Annotated[RangeSpec, Tag(MAPPING)],
        Discriminator(_kind),
    ],
]


def check_search(model: type[Spec], phases: Mapping[str, Document]) -> None:
    """Note in each phase's document what is wrong with its `search`: every end and every choice must fit the phase.

    `model` is the phase's; nothing is noted of a phase that is wrong without its search.
    """
    for phase in phases.values():
        space = phase.get("search")
        if not isinstance(space, dict) or phase.found:
            continue
        for key, dimension in space.items():
            place = ("search", key)
            if key.split(".")[0] in NOT_SEARCHED:
                phase.complain(place, f"search.{key}: is not the search's to choose")
            elif shape_of(model, key) is None:
                known = [name for name in model.model_fields if name not in NOT_SEARCHED]
                hint = did_you_mean(key, known) or f"; keys: {listed(known)}"
                phase.complain(place, f"search.{key}: a phase has no such key{hint}")
            else:
                _check_values(model, phase, key, dimension)


def shape_of(model: type[Spec], key: str) -> dict[str, Any] | None:
    """JSON Schema of the value at a dotted key of the model; None where it has no such key."""
    data: dict[str, Any] = {}
    put(data, key, None)  # of what may be a word or a mapping, the mapping is meant
    return shape_at(_schema(model), data, tuple(key.split(".")))


def is_whole(model: type[Spec], key: str) -> bool:
    """Whether the value at a dotted key is a whole number."""
    return (shape_of(model, key) or {}).get("type") == "integer"


def put(values: dict[str, Any], key: str, value: Any) -> None:
    """Set the value at a dotted key; what is above it is made where it is missing."""
    *above, last = key.split(".")
    for part in above:
        inner = values.get(part)
        values[part] = dict(inner) if isinstance(inner, Mapping) else {}
        values = values[part]
    values[last] = value


@cache
def _schema(model: type[Spec]) -> dict[str, Any]:
    return model.model_json_schema()


def _check_values(model: type[Spec], phase: Document, key: str, dimension: Any) -> None:
    """Put each value where it would stand, and say what the phase's own check says of it."""
    said = set()
    for value in _extremes(dimension, is_whole(model, key)):
        tried = Document(phase.name, phase.file, copy.deepcopy(phase.data))
        assert tried.data is not None
        tried.data.pop("search")
        put(tried.data, key, value)
        check(model, tried)
        said |= {problem.message for problem in tried.problems()}
        if isinstance(dimension, list) and dimension.count(value) > 1:
            said.add(f"{json.dumps(value)} is there twice")
    for message in sorted(said):
        phase.complain(("search", key), f"search.{key}: {message}")


def _extremes(dimension: Any, whole: bool) -> Iterator[Any]:
    if isinstance(dimension, list):
        yield from dimension
        return
    for end in (dimension["low"], dimension["high"]):
        yield int(end) if whole and float(end).is_integer() else end
