"""What a decision is: the answer, how sure it is, and everything that it was made from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal

from xtts_finetune.evaluation.statistics.preferences import Preference
from xtts_finetune.records.values import strict_json
from xtts_finetune.records.verdict import Condition, Verdict

NOT_RUN = "not run"

# decided      the matrix with marks, or the listeners' preference, names one
# provisional  one ships for now, as something is missing that the answer may hang on
# undecided    there are ratings, but no candidate is preferred by more than chance: more sentences may settle it
# tie          the test cannot be extended further: the candidates are as good as each other to these listeners
# nothing      there is no model to ship
Status = Literal["decided", "tie", "undecided", "provisional", "nothing"]


@dataclass(frozen=True)
class Candidate:
    """What is known of a candidate. The numbers are those of its best evaluation; None before it has any.

    mel_ce and stop_ce in nats, text_ce in 0.01 x nats, quality the listeners' mark out of 10. `status` is
    that of its closing record, 'unfinished' before it has one, or 'not run'. `row` is the row of the matrix
    that its own numbers fall in, from 1.
    """

    name: str
    status: str
    has_model: bool
    mel_ce: float | None = None
    text_ce: float | None = None
    stop_ce: float | None = None
    step: int | None = None
    quality: float | None = None
    row: int | None = None

    @property
    def can_ship(self) -> bool:
        """Whether there are both a model and a number to judge it by."""
        return self.has_model and self.mel_ce is not None


@dataclass(frozen=True)
class Mark:
    """Listeners' mark out of 10 with its interval, over so many sentences and listeners.

    marks  the mean of each quality that they marked, `mark` ('overall') among them
    """

    mark: float
    low: float
    high: float
    sentences: int
    listeners: int
    marks: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True)
class GoOn:
    """Whether to train a further phase: advised where no condition fails, with all of them."""

    phase: str
    advised: bool
    conditions: tuple[Condition, ...]

    @property
    def words(self) -> str:
        """For people."""
        if self.advised:
            return f"Training another phase ({self.phase}) may bring more."
        return f"Training another phase ({self.phase}) is unlikely to bring more as things stand."


@dataclass(frozen=True)
class Answer:
    """Who ships and why, before everything else that is known is added.

    ship            None where nothing can ship, or where it is undecided
    meanwhile       who ships if it must be today, where it is undecided
    row             of the matrix, None where none holds
    provisional     whether the answer may change with what is missing; `why` says what
    confidence      how sure it is, in words
    more_sentences  how many further sentences would settle it; None where that does not apply, or too many would
    """

    ship: str | None
    verdict: str
    status: Status
    provisional: bool
    why: tuple[str, ...]
    row: int | None = None
    then: str = ""
    meanwhile: str | None = None
    confidence: str = ""
    more_sentences: int | None = None


@dataclass(frozen=True)
class Decision:
    """The answer: `ship` is None when there is nothing to ship; `row` is None when no row decided.

    Where `provisional`, `why` says what is missing. `inputs` are all that the answer was made from. The fields of
    `Answer` mean what they mean there.

    says          the same for people: what every place shows
    preferences   every pair that was heard
    strengths     for three candidates or more: {name: {strength, low, high, first}}, see statistics.bradley_terry
    quality       the marks of those that were heard
    excluded      candidates that are held back: they ship only if asked for; each with why
    not_measured  what nobody and nothing has looked at, in words
    """

    ship: str | None
    verdict: str
    provisional: bool
    why: tuple[str, ...]
    row: int | None
    then: str
    candidates: tuple[Candidate, ...]
    inputs: Mapping[str, Any]
    says: Verdict
    status: Status = "provisional"
    meanwhile: str | None = None
    confidence: str = ""
    more_sentences: int | None = None
    preferences: tuple[Preference, ...] = ()
    strengths: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    quality: Mapping[str, Mark] = field(default_factory=dict)
    go_on: GoOn | None = None
    excluded: Mapping[str, str] = field(default_factory=dict)
    not_measured: tuple[str, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As decision.json holds it."""
        return dict(strict_json(asdict(self)))
