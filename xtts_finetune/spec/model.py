"""What every part of a declaration shares: frozen, and strict about keys."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, StringConstraints

# Names become folder names: no separators, no dots at the start, nothing that a file system treats specially.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$", max_length=64)]


class Spec(BaseModel):
    """A part of a declaration. Unknown keys are errors; values do not change after they were checked."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)
