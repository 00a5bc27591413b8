"""What every part of a declaration shares: frozen, strict about keys, able to find its contradictions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

from xtts_finetune.numbers.fixed import DEVICE_PATTERN

# Names become folder names: no separators, no dots at the start, nothing that a file system treats specially.
NAME_PATTERN = r"^[A-Za-z0-9][A-Za-z0-9_-]*$"
Name = Annotated[str, StringConstraints(pattern=NAME_PATTERN, max_length=64)]
Device = Annotated[str, StringConstraints(pattern=DEVICE_PATTERN)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]

# Beyond any run; it keeps slips of the keyboard from becoming plans of years.
MOST_STEPS = 100_000_000

PositiveFloat = Annotated[float, Field(gt=0)]
Steps = Annotated[int, Field(ge=1, le=MOST_STEPS)]

# The keys that do not go together, and what is wrong, in words.
Contradiction = tuple[tuple[str, ...], str]


class Spec(BaseModel):
    """A part of a declaration. Unknown keys are errors; values do not change after they were checked."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    @classmethod
    def contradictions(cls, given: Mapping[str, Any]) -> list[Contradiction]:
        """What is wrong between the values of this part, in words; faults of a single value do not count.

        Each comes with the keys that it is between, or none if it is about what is missing. `given` has
        every key with a plain default; a value may be of a wrong type (see `number`).
        """
        return []

    @model_validator(mode="after")
    def _agrees_with_itself(self) -> Spec:
        found = self.contradictions(self.__dict__)
        if found:
            raise ValueError("; ".join(message for _, message in found))
        return self

    @classmethod
    def with_defaults(cls, given: Mapping[str, Any]) -> dict[str, Any]:
        """`given` with the plain defaults of the keys that it leaves out."""
        plain = {key: field.default for key, field in cls.model_fields.items() if not field.is_required()}
        return {**plain, **given}


def number(value: object) -> float | None:
    """`value` if it is a number, else None: for checks that must survive a value of a wrong type."""
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None
