"""Why a phase ended: the reasons, what each means, and what to do next."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Literal

Status = Literal["done", "failed", "interrupted"]


class Reason(str, Enum):
    """Why a phase ended. The value is what the records say."""

    ALL_STEPS_DONE = "all_steps_done"
    TEXT_CE_ABOVE = "text_ce_above"
    NO_IMPROVEMENT = "no_improvement"
    OVERFITTING = "overfitting"
    INTERRUPTED = "interrupted"
    KILLED = "killed"
    ERROR = "error"

    @property
    def words(self) -> str:
        """The reason in plain words."""
        return _WORDS[self][0]

    @property
    def meaning(self) -> str:
        """What the reason says about the run."""
        return _WORDS[self][1]

    @property
    def advice(self) -> str:
        """What to do next."""
        return _WORDS[self][2]

    @property
    def status(self) -> Status:
        """'done' for a phase that came to an end of its own, by its steps or by a rule."""
        if self is Reason.INTERRUPTED:
            return "interrupted"
        return "failed" if self in (Reason.KILLED, Reason.ERROR) else "done"


_WORDS: dict[Reason, tuple[str, str, str]] = {
    Reason.ALL_STEPS_DONE: (
        "all steps done",
        "The phase trained for as long as it was declared to.",
        "Listen to its utterances and go on to the next phase.",
    ),
    Reason.TEXT_CE_ABOVE: (
        "text CE above its limit",
        "The model is losing the text it is to speak: further training would harm the pronunciation.",
        "Use this phase's best model. Before training on, lower the learning rate or check the clips' texts.",
    ),
    Reason.NO_IMPROVEMENT: (
        "no improvement",
        "The phase has learned what it can at this learning rate from these clips.",
        "Listen to its best model. To go further, add clips, or a phase with another learning rate.",
    ),
    Reason.OVERFITTING: (
        "overfitting",
        "The model learns the training clips by heart: it gets worse on clips that it has never heard.",
        "Use the best model, from before the rise. More varied clips help; so does a lower learning rate.",
    ),
    Reason.INTERRUPTED: (
        "interrupted",
        "The run was stopped from outside before the phase had ended.",
        "Start it again: it goes on from its newest checkpoint.",
    ),
    Reason.KILLED: (
        "killed by the system",
        "The system ended the process, most often because the memory ran out.",
        "Close other programs or lower batch_size (and raise accumulate by as much), then start it again.",
    ),
    Reason.ERROR: (
        "an error",
        "The phase could not go on; the message above and the log say why.",
        "Mend the cause, then start it again: it goes on from its newest checkpoint, if there is one.",
    ),
}


@dataclass(frozen=True)
class Stop:
    """A phase ends: the reason, and a message with the numbers of this very case."""

    reason: Reason
    message: str

    def to_json(self) -> dict[str, str]:
        """As model_info.json holds it."""
        return {"name": self.reason.value, "message": self.message}
