"""What `xtts-finetune listen` does: set a test up, extend it once, take ratings in, serve it."""

from __future__ import annotations

import contextlib
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.candidates import candidate_names, left_out
from xtts_finetune.evaluation.decision import decide
from xtts_finetune.evaluation.listening.answers import NotTaken
from xtts_finetune.evaluation.listening.forms import BOTH_LOOKS, FIRST_LOOK
from xtts_finetune.evaluation.listening.make import Wanted, make_test
from xtts_finetune.evaluation.listening.material import choose_candidates, choose_lines, gather_material, has_spoken
from xtts_finetune.evaluation.listening.plan import Pair
from xtts_finetune.evaluation.listening.taking import Taken, take_file
from xtts_finetune.pipeline.children.running import Work, verb
from xtts_finetune.pipeline.listening_words import say_files, say_made, say_outdated
from xtts_finetune.records.listening_files import ListeningTest, is_of_weights_now, read_test, read_tests

DEFAULT_PORT = 8765
SECOND = "-extended"


@dataclass(frozen=True)
class Asked:
    """What was typed. None where an option was not given."""

    candidates: tuple[str, ...] = ()
    form: str | None = None
    sentences: int | None = None
    seed: int | None = None
    extend: bool = False


def lay_down(work: Work, asked: Asked) -> ListeningTest:
    """Lay a test down, or name the one that there is: a question is asked once, and extended once.

    Raises UserError when nothing was spoken, when a test of the same candidates stands in the way, or when an
    extension is not due.
    """
    if not work.run.root.is_dir():
        raise UserError(f"{work.run.root}: nothing was run yet: run_pipeline first")
    tests = read_tests(work.run)
    if asked.extend:
        return _extend(work, asked, tests)
    out = left_out(work.declaration, work.run)
    for name in asked.candidates:
        if name in out:
            raise UserError(f"{name} is left out: {out[name]}")
    declared = [name for name in candidate_names(work.declaration) if name not in out]
    spoken = [name for name in declared if has_spoken(work.run, name)]
    shipping = [row.ship for row in work.declaration.decision.rows]
    chosen = choose_candidates(declared, shipping, spoken, asked.candidates)
    pairs = _not_asked_yet(work, chosen, tests)
    if not pairs:
        return _the_same(work, asked, chosen, tests)
    chosen = tuple(name for name in chosen if any(name in pair for pair in pairs))
    material = gather_material(work.declaration, work.run, chosen)
    say_outdated(work, chosen)
    seed = secrets.randbelow(2**32) if asked.seed is None else asked.seed
    lines = choose_lines(material.lines, asked.sentences or FIRST_LOOK, seed)
    if len(lines) < (asked.sentences or FIRST_LOOK):
        work.say(
            f"there are {len(lines)} sentences that all have spoken; more of them under 'sentences' in "
            f"{work.declaration.pipeline.utterances} make the answer surer"
        )
    folder = work.run.listening_test(_new_name([test.name for test in tests]))
    wanted = Wanted(folder.path.name, pairs, asked.form or "full", seed)
    made = make_test(folder, wanted, material, lines, work.declaration.pipeline.language)
    say_made(work, made, chosen)
    return read_test(folder)


def take_in(work: Work, files: Sequence[Path], partial: bool = False) -> list[Taken]:
    """Take ratings in, each said on a line. What is good is kept, whatever is wrong with other files.

    Raises UserError with a line for every file that was refused.
    """
    tests = read_tests(work.run)
    if not tests:
        raise UserError(f"{work.run.listening}: there is no listening test to rate: {verb(work, 'listen')} first")
    taken, refused = [], []
    for file in files:
        try:
            taken.append(take_file(file, tests, partial))
            work.say(f"taken: {taken[-1]}")
        except NotTaken as reason:
            refused.append(f"{file}: {reason}")
    for test in tests:
        if test.name in {one.test for one in taken} and not is_of_weights_now(work.run, test):
            work.say(f"warning: {test.name} does not count: its candidates have other weights by now", "yellow")
    if taken:
        work.say(f"next: {verb(work, 'decide')}")
    if refused:
        count = f"{len(refused)} of {len(files)} files" if len(files) > 1 else "the file"
        raise UserError("\n".join([*refused, f"{count} not taken"]))
    return taken


def serve_test(work: Work, test: ListeningTest, port: int = DEFAULT_PORT) -> None:
    """Serve a test to listeners at this computer until Ctrl-C; their ratings are taken in as they come.

    Raises UserError when the port is in use.
    """
    from xtts_finetune.evaluation.listening.taking import make_app, serve  # noqa: PLC0415
    from xtts_finetune.look.loopback import HOST, open_port  # noqa: PLC0415

    arrived: list[Taken] = []

    def say(taken: Taken) -> None:
        arrived.append(taken)
        work.say(f"taken: {taken}")

    with open_port(port, "--serve") as listener:
        chosen = listener.getsockname()[1]
        work.say(f"{test.name}: http://{HOST}:{chosen}/   open it in a browser of this computer; Ctrl-C ends")
        with contextlib.suppress(KeyboardInterrupt):
            serve(make_app(test, chosen, say), listener)
    listeners = {taken.listener for taken in arrived}
    work.say(f"ended; ratings of {len(listeners)} listener{'' if len(listeners) == 1 else 's'} were taken")
    if arrived:
        work.say(f"next: {verb(work, 'decide')}")


def _extend(work: Work, asked: Asked, tests: Sequence[ListeningTest]) -> ListeningTest:
    """The second look at a question that the first has not settled, with sentences that were not heard yet."""
    first = _to_extend(work, asked, tests)
    candidates = tuple(first.candidates)
    material = gather_material(work.declaration, work.run, candidates)
    heard = first.sentences
    more = (BOTH_LOOKS if len(heard) <= FIRST_LOOK else 2 * len(heard)) - len(heard)
    seed = (first.seed + 1) % 2**32 if asked.seed is None else asked.seed
    lines = choose_lines(material.lines, min(more, asked.sentences or more), seed, heard)
    if not lines:
        raise UserError(
            f"--extend: all sentences have been heard in {first.name}; declare more under 'sentences' in "
            f"{work.declaration.pipeline.utterances}, let the candidates speak them (xtts-finetune utterances), "
            "and extend then"
        )
    folder = work.run.listening_test(first.name + SECOND)
    wanted = Wanted(folder.path.name, first.pairs, first.form, seed, 2, first.id, len(heard))
    made = make_test(folder, wanted, material, lines, work.declaration.pipeline.language)
    say_made(work, made, candidates)
    if len(lines) < more:
        work.say(f"  {len(heard) + len(lines)} sentences in both looks; the protocol provides for {len(heard) + more}")
    return read_test(folder)


def _to_extend(work: Work, asked: Asked, tests: Sequence[ListeningTest]) -> ListeningTest:
    """The first look that an extension is due for. Raises UserError where none is."""
    firsts = [
        test
        for test in tests
        if test.look == 1
        and (not asked.candidates or set(asked.candidates) == set(test.candidates))
        and is_of_weights_now(work.run, test)
    ]
    if not firsts:
        raise UserError("--extend: there is no listening test of these candidates as they are now to extend")
    first = firsts[-1]
    if asked.form not in (None, first.form):
        raise UserError(f"--extend: {first.name} has the {first.form} form, and its extension must have it too")
    if any(test.name == first.name + SECOND for test in tests):
        raise UserError(
            f"--extend: {first.name} was extended already; a third look would find a difference by chance alone "
            "too often. The decision stands as it is"
        )
    if not first.folder.rating_files():
        raise UserError(f"--extend: nobody has rated {first.name} yet; take ratings in first")
    if decide(work.declaration, work.run).to_json().get("status") == "decided":
        raise UserError(f"--extend: {first.name} has decided already: xtts-finetune decide says what ships")
    return first


def _not_asked_yet(work: Work, chosen: Sequence[str], tests: Sequence[ListeningTest]) -> tuple[Pair, ...]:
    """The pairs of the chosen candidates that no test of the weights as they are now compares."""
    asked = {frozenset(pair): test for test in tests if is_of_weights_now(work.run, test) for pair in test.pairs}
    pairs = list(combinations(chosen, 2))
    fresh = tuple(pair for pair in pairs if frozenset(pair) not in asked)
    if fresh:
        for pair in pairs:
            if (test := asked.get(frozenset(pair))) is not None:
                work.say(f"{' and '.join(pair)} are compared in {test.name} already, and not asked about again")
    return fresh


def _the_same(work: Work, asked: Asked, chosen: Sequence[str], tests: Sequence[ListeningTest]) -> ListeningTest:
    """The test that compares the chosen candidates, if it is the one that was asked for."""
    there = [test for test in tests if test.look == 1 and is_of_weights_now(work.run, test)]
    whole = [test for test in there if set(chosen) <= set(test.candidates)]
    if not whole:
        names = ", ".join(test.name for test in there)
        raise UserError(f"all pairs of {', '.join(chosen)} are compared already, in {names}")
    test = whole[-1]
    differs = [
        option
        for option, wanted, there in (
            ("--form", asked.form, test.form),
            ("--seed", asked.seed, test.seed),
            ("--sentences", asked.sentences, len(test.sentences)),
        )
        if wanted not in (None, there)
    ]
    if differs:
        raise UserError(
            f"{', '.join(differs)}: there is a test of these candidates already, {test.name}; a second one would be "
            f"a second look at the same question. Go on with {test.folder.page}, or remove {test.folder.path} if "
            "nobody has listened yet"
        )
    ratings = len(test.folder.rating_files())
    work.say(
        f"{test.name} compares {', '.join(test.candidates)} already, with {ratings} rating{'' if ratings == 1 else 's'}"
    )
    say_files(work, test.folder)
    return test


def _new_name(names: Sequence[str]) -> str:
    number = 1
    while f"test-{number}" in names:
        number += 1
    return f"test-{number}"
