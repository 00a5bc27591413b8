"""What listeners said, unblinded: all listening tests of a run put together, and who of them can be relied on.

The trials whose right answer is known are judged by a rule fixed beforehand. Plain Python, so that deciding and
reporting need no library to read it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xtts_finetune.records.heard.listening_files import (
    ANCHOR,
    KeyTrial,
    ListeningTest,
    read_rating,
    read_tests,
    weights_now,
)
from xtts_finetune.records.run_folder import RunFolder

# Share of the checks to be passed; written into each test's protocol, which is what counts.
PASSED_AT_LEAST = 2 / 3
RULE = (
    "A listener counts when two thirds of the checks are passed. A hidden recording must be preferred to the same "
    "recording without its tones above 3.5 kHz; a sample without them must not be preferred to the whole one; "
    "of two identical sounds neither may be called much better; a repeated pair, sides changed, must be answered "
    "within two steps of the first answer."
)
SIGNIFICANT_STEPS = 2


def passed_checks(trials: Mapping[str, KeyTrial], preferences: Mapping[str, float]) -> tuple[int, int]:
    """How many checks were answered, and how many of them passed.

    trials       the test's key, by opaque id
    preferences  the answers, by opaque id; negative: A is better
    """
    results = [
        passed for id_ in preferences if id_ in trials and (passed := _passed(trials[id_], preferences)) is not None
    ]
    return len(results), sum(results)


def is_enough(checks: int, passed: int, passed_at_least: float) -> bool:
    """Whether so many passed checks let a listener count; one who met none counts."""
    return passed >= math.ceil(checks * passed_at_least - 1e-9)


def _passed(trial: KeyTrial, preferences: Mapping[str, float]) -> bool | None:
    """True where a check was passed, False where not; None for what is no check, or cannot be judged."""
    answer = preferences[trial.trial]
    if trial.kind in ("hidden_reference", "anchor"):
        whole = -answer if trial.b == ANCHOR else answer
        return whole > 0 if trial.kind == "hidden_reference" else whole >= 0
    if trial.kind == "identical":
        return abs(answer) < SIGNIFICANT_STEPS
    if trial.kind == "repeat" and trial.repeats is not None and trial.repeats in preferences:
        # Sides are changed, so that the same judgement has the other sign.
        return abs(preferences[trial.repeats] + answer) <= SIGNIFICANT_STEPS
    return None


@dataclass(frozen=True)
class Vote:
    """One listener's answer about one sentence of two candidates.

    test        the test's id; `look` which of its looks, from 1
    seed        of the utterances
    first, second  the candidates in the declared order, whichever was heard as A
    preference  -2 to 2; positive: `second` is better
    marks       by candidate and quality, 0 to 10; qualities are smoothness, naturalness, emotion, overall
    faults      by candidate, as the boxes are named
    """

    test: str
    look: int
    listener: str
    sentence: str
    seed: int
    first: str
    second: str
    preference: float
    marks: Mapping[str, Mapping[str, float]]
    faults: Mapping[str, tuple[str, ...]]
    note: str


@dataclass(frozen=True)
class ListenerCheck:
    """How far one listener of one test can be relied on; `why` says why the answers are left out, or ''.

    answers  of all kinds; checks  of them with a known right answer; passed  of those
    """

    name: str
    answers: int
    checks: int
    passed: int
    used: bool
    why: str
    test: str = ""


@dataclass(frozen=True)
class Asked:
    """What the tests that were begun ask about one pair of candidates.

    planned     sentences, over all looks that were set up
    alpha       the level that each look is judged at, and `looks_left` how many looks may follow
    after       the id of the test whose winner is compared with the base here; '' for the other pairs
    """

    first: str
    second: str
    planned: int
    alpha: float
    looks_left: int
    after: str


@dataclass(frozen=True)
class Votes:
    """Everything that counts, and what was left out.

    votes        of the listeners who are used
    candidates   that were compared, in the declared order
    looks_done   the highest look that there are votes of
    sentences    how many sentences have a vote
    planned      how many sentences the tests ask about that somebody has rated, or that extend another
    extended     whether there is an extended test, rated or not
    passed_over  tests that do not count, each with why, in words
    asked        what is asked about each pair
    """

    votes: tuple[Vote, ...] = ()
    listeners: tuple[ListenerCheck, ...] = ()
    candidates: tuple[str, ...] = ()
    looks_done: int = 1
    sentences: int = 0
    planned: int = 0
    extended: bool = False
    passed_over: tuple[str, ...] = ()
    asked: tuple[Asked, ...] = ()


def read_votes(run: RunFolder) -> Votes:
    """All votes of a run. A test whose candidates have other weights by now does not count.

    Raises UserError for a test whose protocol or key is damaged. A damaged rating leaves its listener out.
    """
    tests, passed_over = _tests_that_count(run)
    order = _one_order([tuple(test.candidates) for test in tests])
    votes: list[Vote] = []
    listeners: list[ListenerCheck] = []
    for test in tests:
        for file in test.folder.rating_files():
            check, cast = _read_listener(test, file, order)
            listeners.append(check)
            votes += cast
    return Votes(
        votes=tuple(votes),
        listeners=tuple(listeners),
        candidates=order,
        looks_done=max((vote.look for vote in votes), default=1),
        sentences=len({vote.sentence for vote in votes}),
        planned=len({sentence for test in tests if _is_begun(test) for sentence in test.sentences}),
        extended=any(test.look > 1 for test in tests),
        passed_over=tuple(passed_over),
        asked=_asked([test for test in tests if _is_begun(test)], order),
    )


def _asked(tests: Sequence[ListeningTest], order: Sequence[str]) -> tuple[Asked, ...]:
    by_pair: dict[tuple[str, str], list[ListeningTest]] = {}
    for test in tests:
        for one, other in test.pairs:
            first, second = sorted((one, other), key=order.index)
            by_pair.setdefault((first, second), []).append(test)
    found = []
    for (first, second), asking in by_pair.items():
        last = max(asking, key=lambda test: test.look)
        planned = len({sentence for test in asking for sentence in test.sentences})
        looks_left = max(0, len(last.looks) - last.look)
        found.append(Asked(first, second, planned, last.alpha, looks_left, last.after or ""))
    return tuple(found)


def _tests_that_count(run: RunFolder) -> tuple[list[ListeningTest], list[str]]:
    """The tests of the weights that there are now, and what is to be said of the others."""
    tests, passed_over = [], []
    for test in read_tests(run):
        changed = [name for name, sha in test.candidates.items() if weights_now(run, name) != sha]
        if not changed:
            tests.append(test)
        elif test.folder.rating_files():
            gone = [name for name in changed if weights_now(run, name) is None]
            why = f"{', '.join(gone)} has not spoken" if gone else f"{', '.join(changed)} has been trained further"
            passed_over.append(f"the listening test {test.name} does not count: {why} since")
    return tests, passed_over


def _is_begun(test: ListeningTest) -> bool:
    """Whether a decision has to wait for the rest of a test; one that nobody has rated holds nothing up."""
    return test.look > 1 or bool(test.folder.rating_files())


def _one_order(orders: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """The candidates of all tests; those of the largest test come in its order."""
    widest_first = sorted(orders, key=len, reverse=True)
    return tuple(dict.fromkeys(name for names in widest_first for name in names))


def _read_listener(test: ListeningTest, file: Path, order: tuple[str, ...]) -> tuple[ListenerCheck, list[Vote]]:
    try:
        rating = read_rating(file)
        name = str(rating["listener"])
        answers = {str(answer["trial"]): answer for answer in rating["answers"]}
        preferences = {trial: float(answer["preference"]) for trial, answer in answers.items()}
        votes = [
            _vote(test, name, answer, order)
            for trial, answer in answers.items()
            if trial in test.trials and test.trials[trial].kind == "pair"
        ]
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        why = f"{file.name}: {error}" if isinstance(error, ValueError) else f"{file.name} is damaged"
        return ListenerCheck(file.stem, 0, 0, 0, False, why, test.name), []
    checks, passed = passed_checks(test.trials, preferences)
    used = is_enough(checks, passed, test.passed_at_least)
    why = "" if used else f"{passed} of {checks} trials with a known answer were right"
    return ListenerCheck(name, len(answers), checks, passed, used, why, test.name), votes if used else []


def _vote(test: ListeningTest, listener: str, answer: Mapping[str, Any], order: tuple[str, ...]) -> Vote:
    trial = test.trials[str(answer["trial"])]
    first, second = sorted((trial.a, trial.b), key=order.index)
    toward_b = float(answer["preference"])
    sides = {trial.a: "a", trial.b: "b"}
    return Vote(
        test=test.id,
        look=test.look,
        listener=listener,
        sentence=trial.sentence,
        seed=test.utterance_seed,
        first=first,
        second=second,
        preference=toward_b if trial.b == second else 0.0 - toward_b,
        marks={
            name: {str(quality): float(mark) for quality, mark in answer["marks"][side].items()}
            for name, side in sides.items()
        },
        faults={name: tuple(map(str, answer["faults"][side])) for name, side in sides.items()},
        note=str(answer["note"]),
    )
