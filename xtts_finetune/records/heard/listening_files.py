"""The files of one listening test, read back: its protocol, its key and the ratings that were taken in."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.records.atomic import finding, json_object, json_or_none, read_json
from xtts_finetune.records.run_folder import ListeningFolder, RunFolder

# Of tests from before their protocol said it: two looks, each at this level.
ALPHA_OF_TWO_LOOKS = 0.0294
# Sounds of a trial that are no candidate's.
REFERENCE, ANCHOR = "reference", "anchor"


@dataclass(frozen=True)
class KeyTrial:
    """What one trial really was.

    kind     pair, repeat, identical, anchor, hidden_reference or practice
    a, b     a candidate, 'reference' (a recording of the voice) or 'anchor' (a sound without its high tones)
    repeats  the trial that this one repeats with sides changed, or None
    """

    trial: str
    kind: str
    sentence: str
    a: str
    b: str
    repeats: str | None = None


@dataclass(frozen=True)
class ListeningTest:
    """A test as it was set up before anybody listened.

    candidates   each with the hash of the weights that spoke, in the declared order
    passed_at_least  share of the checks that a listener must pass to be counted
    looks        sentences in all at each look that may be taken; `look`, from 1, is this one's
    alpha        the level that each look is judged at
    extends      the id of the first look's test, for a later look; else None
    after        the id of the test whose winner is compared with the base here; else None
    """

    folder: ListeningFolder
    id: str
    name: str
    form: str
    look: int
    seed: int
    utterance_seed: int
    passed_at_least: float
    trials: Mapping[str, KeyTrial]
    candidates: Mapping[str, str]
    looks: tuple[int, ...]
    alpha: float
    extends: str | None
    after: str | None

    @property
    def counted(self) -> dict[str, KeyTrial]:
        """The trials whose answers a finished rating holds: all but practice."""
        return {id_: trial for id_, trial in self.trials.items() if trial.kind != "practice"}

    @property
    def sentences(self) -> tuple[str, ...]:
        """The sentences that candidates are compared in, in the order of their ids."""
        return tuple(sorted({trial.sentence for trial in self.trials.values() if trial.kind == "pair"}))

    @property
    def pairs(self) -> tuple[tuple[str, str], ...]:
        """The pairs of candidates that are compared, each in the declared order."""
        order = list(self.candidates)
        found = {tuple(sorted((t.a, t.b), key=order.index)) for t in self.trials.values() if t.kind == "pair"}
        return tuple(sorted(((one, two) for one, two in found), key=lambda p: tuple(map(order.index, p))))


def read_tests(run: RunFolder) -> list[ListeningTest]:
    """All tests of a run, in the order of their names. Raises UserError for one that is damaged."""
    return [read_test(folder) for folder in run.listening_tests()]


def looks_of(first: ListeningTest, tests: Sequence[ListeningTest]) -> list[ListeningTest]:
    """A test and its later looks, in their order."""
    return sorted((test for test in tests if first.id in (test.id, test.extends)), key=lambda test: test.look)


def read_test(folder: ListeningFolder) -> ListeningTest:
    """One test. Raises UserError when its protocol or its key is missing or damaged."""
    cure = "restore the file, or remove the test's folder to make it again"
    protocol, key = (read_json(file, dict, "damaged", cure) for file in (folder.protocol, folder.key))
    try:
        trials = {
            str(entry["trial"]): KeyTrial(
                trial=str(entry["trial"]),
                kind=str(entry["kind"]),
                sentence=str(entry["sentence"]),
                a=str(entry["a"]),
                b=str(entry["b"]),
                repeats=entry.get("repeats"),
            )
            for entry in key["trials"]
        }
        if key["id"] != protocol["id"]:
            raise ValueError("the key is another test's")
        return ListeningTest(
            folder=folder,
            id=str(protocol["id"]),
            name=str(protocol["name"]),
            form=str(protocol["form"]),
            look=int(protocol["look"]),
            seed=int(protocol["seed"]),
            utterance_seed=int(protocol["utterance_seed"]),
            passed_at_least=float(protocol["checks"]["passed_at_least"]),
            trials=trials,
            candidates={str(name): str(sha) for name, sha in key["candidates"].items()},
            looks=tuple(map(int, protocol.get("looks", (20, 40)))),
            alpha=float(protocol.get("alpha", ALPHA_OF_TWO_LOOKS)),
            extends=protocol.get("extends"),
            after=protocol.get("after"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        where = f"{folder.protocol.name} or {folder.key.name}: {finding(error)}"
        raise UserError(f"{folder.path}: the listening test is damaged ({where}); {cure}") from None


def read_rating(file: Path) -> dict[str, Any]:
    """A rating as it was taken in. Raises ValueError, in words, for one that was changed or damaged since."""
    try:
        rating = json_object(file)
        if rating["checksum"] != checksum(rating["answers"]):
            raise ValueError("it was changed after it was imported")
    except (KeyError, TypeError, RecursionError) as error:
        raise ValueError(f"it is damaged ({type(error).__name__})") from None
    return rating


def checksum(answers: Sequence[Mapping[str, Any]]) -> str:
    """CRC-32 of the answers, 8 hex digits: of their JSON with sorted keys and without spaces.

    The page writes the same number. It finds a file that was cut or edited by accident; whoever means to forge
    answers can write it anew.
    """
    text = json.dumps(answers, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return f"{zlib.crc32(text.encode('utf-8', 'surrogatepass')):08x}"


def is_of_weights_now(run: RunFolder, test: ListeningTest) -> bool:
    """Whether all candidates of a test still have the weights that were heard."""
    return all(weights_now(run, name) == sha for name, sha in test.candidates.items())


def weights_now(run: RunFolder, candidate: str) -> str | None:
    """Hash of the weights that a candidate's utterances were spoken with; None where it has not spoken."""
    file = run.candidate(candidate).utterances_json
    return json_or_none(file, lambda record: str(record["model_sha"]))
