"""A rating as it comes from a listener: a file from outside, believed in nothing until it is checked."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Sequence
from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, field_validator

from xtts_finetune.evaluation.listening.forms import FAULTS, LONGEST_NAME, LONGEST_NOTE, QUALITIES, VERSION
from xtts_finetune.records.heard.listening_files import ListeningTest, checksum

# A whole test of five candidates with a long note everywhere stays below this.
MOST_BYTES = 4_000_000
MOST_ANSWERS = 2000
LONGEST_SHOWN = 60
INVISIBLE = ("Cc", "Cf", "Cs", "Zl", "Zp")
# Names in Hindi and Persian are spelled with these.
JOINERS = "\u200c\u200d"


class NotTaken(Exception):
    """A rating that is refused; the message says why, on one line."""


class AlreadyTaken(NotTaken):
    """The very rating is there; nothing is lost by refusing it."""


def _plain(text: str) -> str:
    """Text for one line of a table. Raises ValueError for what could not be shown there."""
    hidden = any(unicodedata.category(c) in INVISIBLE and c not in JOINERS for c in text)
    if hidden or text != text.strip() or not text:
        raise ValueError("should be a name on one line, without invisible characters")
    return text


def _whole(text: str) -> str:
    """Text that any file can hold."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise ValueError("holds half a character") from None
    return text


def _time(text: str) -> str:
    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        raise ValueError("should be a date with its time, such as 2026-01-31T20:15:00Z") from None
    if moment.tzinfo is None:
        raise ValueError("should have a time zone, such as the Z of 2026-01-31T20:15:00Z")
    return text


def _half_points(mark: float) -> float:
    if mark * 2 != int(mark * 2):
        raise ValueError("should be a whole or a half point")
    return mark


def _known(fault: str) -> str:
    if fault not in FAULTS:
        raise ValueError(f"should be one of {', '.join(FAULTS)}")
    return fault


Mark = Annotated[float, Field(ge=0, le=10), AfterValidator(_half_points)]
Time = Annotated[str, Field(max_length=40), AfterValidator(_time)]
Hex8 = Annotated[str, Field(pattern=r"^[0-9a-f]{8}$")]
Hex16 = Annotated[str, Field(pattern=r"^[0-9a-f]{16}$")]
Fault = Annotated[str, AfterValidator(_known)]


class _Part(BaseModel):
    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, allow_inf_nan=False)


class Marks(_Part):
    """Marks out of 10 of both sounds, by quality."""

    a: dict[str, Mark]
    b: dict[str, Mark]


class Faults(_Part):
    """The boxes ticked for both sounds."""

    a: list[Fault] = Field(max_length=len(FAULTS))
    b: list[Fault] = Field(max_length=len(FAULTS))

    @field_validator("a", "b")
    @classmethod
    def _once(cls, faults: list[str]) -> list[str]:
        if len(set(faults)) != len(faults):
            raise ValueError("a fault is named twice")
        return faults


class Answer(_Part):
    """One trial's answer; `preference` is negative where A is better, `seconds` is how long it took."""

    trial: Hex8
    preference: Annotated[int, Field(ge=-2, le=2)]
    marks: Marks
    faults: Faults
    note: Annotated[str, Field(max_length=LONGEST_NOTE), AfterValidator(_whole)]
    seconds: Annotated[float, Field(ge=0, le=3600)]


class Rating(_Part):
    """A listener's file. `session` names one listening; a later file of it may hold more answers."""

    version: Literal[1]
    test: Hex16
    form: Literal["full", "short"]
    session: Hex16
    listener: Annotated[str, Field(min_length=1, max_length=LONGEST_NAME), AfterValidator(_plain)]
    begun: Time
    ended: Time
    finished: bool
    answers: Annotated[list[Answer], Field(max_length=MOST_ANSWERS)]
    checksum: Hex8

    def to_json(self) -> dict[str, Any]:
        """As the run's folder keeps it."""
        return self.model_dump(mode="json")


def parse_rating(content: bytes) -> tuple[Rating, dict[str, Any]]:
    """The rating in a file's bytes, and the same as plain values. Raises NotTaken for anything else."""
    if len(content) > MOST_BYTES:
        raise NotTaken(f"larger than any rating: more than {MOST_BYTES // 1_000_000} MB")
    try:
        value = json.loads(content.decode("utf-8-sig"), parse_constant=_no_number, object_pairs_hook=_no_key_twice)
    except NotTaken:
        raise
    except (ValueError, RecursionError):
        raise NotTaken("not JSON; was it cut off, or is it another file?") from None
    if not isinstance(value, dict) or not {"version", "test", "answers"} <= set(value):
        raise NotTaken("no rating of a listening test")
    if value["version"] != VERSION or isinstance(value["version"], bool):
        raise NotTaken(f"of version {_shown(value['version'])}, and this program reads version {VERSION}")
    try:
        rating = Rating.model_validate(value)
    except ValidationError as error:
        raise NotTaken(_in_words(error)) from None
    if checksum(value["answers"]) != rating.checksum:
        raise NotTaken("its answers were changed or damaged after the page wrote them (the checksum is another)")
    return rating, value


def check_rating(rating: Rating, tests: Sequence[ListeningTest], partial: bool = False) -> ListeningTest:
    """The test that a rating is of. With `partial`, answers may be missing.

    Raises NotTaken when it is of no test here, or when its answers are not those of the test.
    """
    test = next((test for test in tests if test.id == rating.test), None)
    if test is None:
        here = ", ".join(f"{test.name} ({test.id})" for test in tests) or "none"
        raise NotTaken(f"a rating of the test {rating.test}; the tests of this run: {here}")
    if rating.form != test.form:
        raise NotTaken(f"of the {rating.form} form, and {test.name} has the {test.form} one")
    if _moment(rating.begun) > _moment(rating.ended):
        raise NotTaken("it ended before it began")
    counted = test.counted
    trials = [answer.trial for answer in rating.answers]
    if strange := [trial for trial in trials if trial not in counted]:
        raise NotTaken(f"an answer to the trial {strange[0]}, which {test.name} does not have")
    if len(set(trials)) != len(trials):
        raise NotTaken("a trial is answered twice")
    for number, answer in enumerate(rating.answers, 1):
        for side, marks in (("A", answer.marks.a), ("B", answer.marks.b)):
            if set(marks) != set(QUALITIES[test.form]):
                wanted = ", ".join(QUALITIES[test.form])
                raise NotTaken(f"answer {number}: the scores of {side} should be for {wanted}")
    missing = len(counted) - len(trials)
    if rating.finished != (missing == 0):
        raise NotTaken(
            f"it says that it is {'' if rating.finished else 'un'}finished, but {missing} answers are missing"
        )
    if not trials:
        raise NotTaken("it has no answer yet")
    if missing and not partial:
        raise NotTaken(
            f"unfinished: {missing} of {len(counted)} answers are missing; let {_shown(rating.listener)} continue, "
            "or take in what is there with --partial"
        )
    return test


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text.replace("Z", "+00:00"))


def _no_number(name: str) -> object:
    raise NotTaken(f"it holds {name}, which is no number")


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise NotTaken("a key is there twice")
    return found


def _in_words(error: ValidationError) -> str:
    """The first thing wrong, with its place and what was found there, on one line."""
    first = error.errors(include_url=False, include_context=False)[0]
    place = ".".join(str(part + 1) if isinstance(part, int) else _shown(part) for part in first["loc"])
    message = first["msg"].removeprefix("Value error, ")
    found = "" if first["type"] in ("missing", "extra_forbidden") else f" (found {_shown(first['input'])})"
    return f"{place}: {message[0].lower()}{message[1:]}{found}"


def _shown(value: object) -> str:
    """A value from outside for a message: one short line of printable characters."""
    text = " ".join(str(value)[: 4 * LONGEST_SHOWN].split())
    plain = "".join(c if c.isprintable() else "?" for c in text)
    return plain if len(plain) <= LONGEST_SHOWN else plain[:LONGEST_SHOWN] + "..."
