"""A rating is a file from outside: whatever is wrong with it is said on one line, and nothing is written."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.evaluation.listening.made_ratings import Rating, as_bytes, rate
from tests.evaluation.listening.spoken_run import spoken_run
from xtts_finetune.evaluation.listening.answers import MOST_BYTES, AlreadyTaken, NotTaken
from xtts_finetune.evaluation.listening.make import Wanted, make_test
from xtts_finetune.evaluation.listening.material import gather_material
from xtts_finetune.evaluation.listening.taking import take, take_file
from xtts_finetune.records.heard.listening import read_votes
from xtts_finetune.records.heard.listening_files import ListeningTest, checksum, read_test
from xtts_finetune.records.run_folder import RunFolder


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[RunFolder, ListeningTest]:
    declaration, run = spoken_run(tmp_path_factory.mktemp("spoken"), sentences=5, seconds=0.05)
    material = gather_material(declaration, run, ("base", "phase1"))
    folder = run.listening_test("test-1")
    make_test(folder, Wanted("test-1", (("base", "phase1"),), "full", 1), material, material.lines, "hu")
    return run, read_test(folder)


@pytest.fixture
def run(made: tuple[RunFolder, ListeningTest]) -> RunFolder:
    for file in made[1].folder.rating_files():
        file.unlink()
    return made[0]


@pytest.fixture
def test(made: tuple[RunFolder, ListeningTest], run: RunFolder) -> ListeningTest:
    return made[1]


def test_a_right_rating_is_taken_and_read_back(run: RunFolder, test: ListeningTest) -> None:
    taken = take(as_bytes(rate(test)), [test])
    assert taken.file.name == "Anna-01234567.json"
    assert (taken.answers, taken.of, taken.checks) == (6, 6, 1)
    assert [listener.name for listener in read_votes(run).listeners] == ["Ánna"]


def test_a_file_that_an_editor_laid_out_anew_is_the_same(test: ListeningTest) -> None:
    windows = b"\xef\xbb\xbf" + json.dumps(rate(test), indent=7, sort_keys=True).encode().replace(b"\n", b"\r\n")
    assert take(windows, [test]).answers == 6


def changed(place: tuple[Any, ...], value: Any, *, seal: bool = True) -> Callable[[Rating], Any]:
    """A value put at a place of a rating, with the checksum made anew, as a forger would."""

    def change(rating: Rating) -> Any:
        inner: Any = rating
        for key in place[:-1]:
            inner = inner[key]
        inner[place[-1]] = value
        if seal and place[0] == "answers":
            rating["checksum"] = checksum(rating["answers"])
        return rating

    return change


def without(*place: Any) -> Callable[[Rating], Any]:
    def change(rating: Rating) -> Any:
        inner: Any = rating
        for key in place[:-1]:
            inner = inner[key]
        del inner[place[-1]]
        return {**rating, "checksum": checksum(rating.get("answers", []))}

    return change


def raw(content: bytes) -> Callable[[Rating], bytes]:
    return lambda rating: content


def twice(rating: Rating) -> Rating:
    answers = [*rating["answers"][:-1], rating["answers"][0]]
    return {**rating, "answers": answers, "checksum": checksum(answers)}


ANSWER = ("answers", 0)
SPOILED: dict[str, tuple[Callable[[Rating], Any], str]] = {
    "empty": (raw(b""), "not JSON"),
    "not JSON": (raw(b"PK\x03\x04 a zip"), "not JSON"),
    "not UTF-8": (raw('{"note": "é"}'.encode("latin-1")), "not JSON"),
    "cut off": (lambda r: as_bytes(r)[:-200], "not JSON"),
    "50 MB": (raw(b" " * 50_000_000), "larger than any rating"),
    "nested a million deep": (raw(b"[" * 1_000_000), "not JSON"),
    "a list": (lambda r: [r], "no rating of a listening test"),
    "another file": (raw(b'{"candidates": []}'), "no rating of a listening test"),
    "a key twice": (
        lambda r: as_bytes(r).replace(b'"form"', b'"version": 1, "form"'),
        "a key is there twice",
    ),
    "NaN": (lambda r: as_bytes(r).replace(b"12.3", b"NaN", 1), "NaN, which is no number"),
    "infinite": (lambda r: as_bytes(r).replace(b"12.3", b"1e999", 1), "answers.1.seconds: "),
    "another version": (changed(("version",), 2), "of version 2, and this program reads version 1"),
    "version true": (changed(("version",), True), "of version True"),
    "another test": (
        changed(("test",), "f" * 16),
        "a rating of the test ffffffffffffffff; the tests of this run",
    ),
    "another form": (changed(("form",), "short"), "of the short form, and test-1 has the full one"),
    "edited": (changed((*ANSWER, "preference"), 2, seal=False), "its answers were changed or damaged"),
    "note edited": (changed((*ANSWER, "note"), "Szép", seal=False), "its answers were changed or damaged"),
    "preference too high": (changed((*ANSWER, "preference"), 3), "answers.1.preference: "),
    "preference a half": (changed((*ANSWER, "preference"), 0.5), "answers.1.preference: "),
    "preference a text": (changed((*ANSWER, "preference"), "1"), "answers.1.preference: "),
    "preference true": (changed((*ANSWER, "preference"), True), "answers.1.preference: "),
    "mark below 0": (changed((*ANSWER, "marks", "a", "overall"), -1), "answers.1.marks.a.overall: "),
    "mark above 10": (changed((*ANSWER, "marks", "b", "emotion"), 10.5), "answers.1.marks.b.emotion: "),
    "mark of a third": (
        changed((*ANSWER, "marks", "b", "emotion"), 3.3),
        "should be a whole or a half point",
    ),
    "mark missing": (
        without(*ANSWER, "marks", "b", "emotion"),
        "answer 1: the scores of B should be for smooth",
    ),
    "mark of nothing": (changed((*ANSWER, "marks", "a", "x" * 5000), 1), "the scores of A should be for"),
    "unknown fault": (changed((*ANSWER, "faults", "a"), ["ugly"]), "answers.1.faults.a.1: "),
    "fault twice": (changed((*ANSWER, "faults", "a"), ["noise", "noise"]), "a fault is named twice"),
    "unknown key": (changed((*ANSWER, "candidate"), "phase2"), "answers.1.candidate: extra inputs"),
    "unknown trial": (changed((*ANSWER, "trial"), "00000000"), "an answer to the trial 00000000"),
    "trial answered twice": (twice, "a trial is answered twice"),
    "answer missing": (without("answers", 2), "it says that it is finished, but 1 answers are missing"),
    "no answers": (
        lambda r: {**r, "answers": [], "finished": False, "checksum": checksum([])},
        "no answer yet",
    ),
    "answers a text": (changed(("answers",), "all"), "answers: "),
    "too many answers": (
        lambda r: {**r, "answers": r["answers"] * 400, "checksum": "0" * 8},
        "answers: list should have at most",
    ),
    "note too long": (changed((*ANSWER, "note"), "x" * 2001), "answers.1.note: "),
    "half a character": (
        lambda r: json.dumps(changed((*ANSWER, "note"), "\ud800")(r)).encode(),
        "answers.1.note: ",
    ),
    "no name": (changed(("listener",), ""), "listener: "),
    "a name of two lines": (
        changed(("listener",), "Anna\n2 errors"),
        "listener: should be a name on one line",
    ),
    "a name that turns text around": (changed(("listener",), "a\u202enna"), "listener: should be a name"),
    "ended before it began": (changed(("ended",), "2026-11-21T19:00:00Z"), "it ended before it began"),
    "no time": (changed(("begun",), "yesterday"), "begun: should be a date"),
    "negative seconds": (changed((*ANSWER, "seconds"), -1), "answers.1.seconds: "),
    "no checksum": (without("checksum"), ""),
    "session a path": (changed(("session",), "../../../etc/pass"), "session: "),
}


@pytest.mark.parametrize("name", SPOILED)
def test_spoiled_ratings_are_refused_on_one_line(name: str, test: ListeningTest, tmp_path: Path) -> None:
    spoil, said = SPOILED[name]
    spoiled = spoil(json.loads(as_bytes(rate(test))))
    if name == "no checksum":
        spoiled.pop("checksum", None)
        said = "checksum: field required"
    file = tmp_path / "rating.json"
    file.write_bytes(spoiled if isinstance(spoiled, bytes) else as_bytes(spoiled))
    with pytest.raises(NotTaken) as refused:
        take_file(file, [test])
    message = str(refused.value)
    assert said in message
    assert "\n" not in message and len(message) < 300
    assert test.folder.rating_files() == []


def test_what_is_no_file_is_refused(test: ListeningTest, tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none.json"):
        with pytest.raises(NotTaken, match="cannot be read"):
            take_file(path, [test])


def test_a_note_of_script_is_text(run: RunFolder, test: ListeningTest) -> None:
    """It is kept as it is; who shows it escapes it (the report's templates do)."""
    rating = changed((*ANSWER, "note"), "<script>alert(1)</script>")(rate(test, listener="<b>Ánna"))
    for number, answer in enumerate(rating["answers"]):
        # One who passes the check, so that the votes are read.
        kind, b = test.trials[answer["trial"]].kind, test.trials[answer["trial"]].b
        if kind == "hidden_reference":
            rating["answers"][number]["preference"] = 2 if b == "reference" else -2
    rating["checksum"] = checksum(rating["answers"])
    taken = take(as_bytes(rating), [test])
    assert taken.file.name == "b-Anna-01234567.json"
    assert "<script>alert(1)</script>" in {vote.note for vote in read_votes(run).votes}


def test_the_same_rating_is_taken_once(test: ListeningTest) -> None:
    take(as_bytes(rate(test)), [test])
    with pytest.raises(AlreadyTaken, match=r"taken in already, as Anna-01234567\.json"):
        take(as_bytes(rate(test)), [test])


@pytest.mark.parametrize("name", ["Ánna", "ánna", "A\u0301NNA"])
def test_nobody_rates_twice(test: ListeningTest, name: str) -> None:
    take(as_bytes(rate(test)), [test])
    with pytest.raises(NotTaken, match="Ánna has rated test-1 already"):
        take(as_bytes(rate(test, listener=name, session="f" * 16)), [test])
    assert take(as_bytes(rate(test, listener="Béla", session="e" * 16)), [test]).listener == "Béla"


def test_an_unfinished_rating_waits_for_its_end(run: RunFolder, test: ListeningTest) -> None:
    with pytest.raises(NotTaken, match="unfinished: 2 of 6 answers are missing; let Ánna continue"):
        take(as_bytes(rate(test, 4)), [test])
    assert take(as_bytes(rate(test, 4)), [test], partial=True).answers == 4
    # The whole rating of the same listening takes its place; going back is refused.
    assert take(as_bytes(rate(test)), [test]).answers == 6
    assert len(test.folder.rating_files()) == 1
    with pytest.raises(AlreadyTaken):
        take(as_bytes(rate(test, 4)), [test], partial=True)
    with pytest.raises(NotTaken, match="says that it is finished, but 2 answers"):
        take(as_bytes(rate(test, 4, finished=True)), [test], partial=True)


def test_a_rating_under_the_limit_is_read_whole(test: ListeningTest) -> None:
    content = as_bytes(rate(test))
    assert take(content + b" " * (MOST_BYTES - len(content)), [test]).answers == 6
