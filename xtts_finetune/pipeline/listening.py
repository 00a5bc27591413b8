"""What `xtts-finetune listen` does to set a test up, to take its further looks, and to replace one."""

from __future__ import annotations

import secrets
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.candidates import candidate_names, left_out
from xtts_finetune.evaluation.decision import decide
from xtts_finetune.evaluation.listening.forms import DEFAULT_FORM, LOOKS
from xtts_finetune.evaluation.listening.make import Wanted, make_test
from xtts_finetune.evaluation.listening.material import check_named, choose_lines, gather_material, has_spoken, unspoken
from xtts_finetune.evaluation.listening.plan import Pair
from xtts_finetune.evaluation.listening.question import best_two, heard_in, is_open, winner_and_base
from xtts_finetune.look.commands import run_first
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.pipeline.children.running import Work, verb
from xtts_finetune.pipeline.listening_words import say_files, say_held_back, say_made, say_outdated
from xtts_finetune.pipeline.next_step import say_next
from xtts_finetune.records.heard.listening_files import (
    ListeningTest,
    is_of_weights_now,
    looks_of,
    read_test,
    read_tests,
)


@dataclass(frozen=True)
class Asked:
    """What was typed. None where an option was not given."""

    candidates: tuple[str, ...] = ()
    form: str | None = None
    sentences: int | None = None
    seed: int | None = None
    extend: bool = False
    replace: bool = False
    serve: bool = False

    @property
    def words(self) -> str:
        """The same as words of a command, but for --extend and --replace."""
        options = {"--form": self.form, "--sentences": self.sentences, "--seed": self.seed}
        given = [f"{name} {value}" for name, value in options.items() if value is not None]
        return " ".join([*self.candidates, *given])


def lay_down(work: Work, asked: Asked) -> ListeningTest:
    """Lay a test down, or name the one that there is: a question is asked once, in at most three looks.

    Raises UserError when nothing was spoken, when a test of the same candidates stands in the way, or when a further
    look is not due.
    """
    if not work.run.root.is_dir():
        raise UserError(run_first(f"{work.run.root}: nothing was run yet", verb(work, "run")))
    tests = read_tests(work.run)
    if asked.extend:
        return _extend(work, asked, tests)
    chosen, after = _chosen(work, asked, tests)
    if asked.replace:
        tests = _without_unrated(work, asked, tests, chosen)
    pairs = _not_asked_yet(work, chosen, tests)
    if not pairs:
        return _the_same(work, asked, chosen, tests)
    chosen = tuple(name for name in chosen if any(name in pair for pair in pairs))
    material = gather_material(work.declaration, work.run, chosen)
    say_outdated(work, chosen)
    say_held_back(work, chosen)
    seed = secrets.randbelow(2**32) if asked.seed is None else asked.seed
    wanted = asked.sentences or LOOKS[0]
    lines = choose_lines(material.lines, wanted, seed)
    if len(lines) < wanted:
        work.say(
            f"there are {len(lines)} sentences that all have spoken; more of them under 'sentences' in "
            f"{work.declaration.pipeline.utterances} make the answer surer"
        )
    folder = work.run.listening_test(_new_name([test.name for test in tests]))
    looks = (len(lines), *(look for look in LOOKS if look > max(wanted, len(lines)))) if wanted < LOOKS[-1] else ()
    test = Wanted(folder.path.name, pairs, asked.form or DEFAULT_FORM, seed, looks or (wanted, 2 * wanted), after=after)
    made = make_test(folder, test, material, lines, work.declaration.pipeline.language)
    say_made(work, made, chosen)
    _say_next(work, asked)
    return read_test(folder)


def _chosen(work: Work, asked: Asked, tests: Sequence[ListeningTest]) -> tuple[tuple[str, ...], str | None]:
    """Who is compared, in the declared order; and the id of the test whose winner is compared with the base, if so."""
    out = left_out(work.declaration, work.run)
    for name in asked.candidates:
        if name in out:
            raise UserError(f"{name} is left out: {out[name]}")
        if name in candidate_names(work.declaration) and not _can_speak(work, name):
            words = f"run {name}" if name in work.declaration.phases else "run"
            raise UserError(run_first(f"{name} is not made yet, so it cannot be heard", verb(work, words)))
    declared = [name for name in candidate_names(work.declaration) if name not in out]
    spoken = [name for name in declared if has_spoken(work.run, name)]
    if asked.candidates:
        return check_named(declared, spoken, asked.candidates), None
    if len(spoken) < 2:
        heard = f"only {spoken[0]} has" if spoken else "none has"
        trained = [name for name in declared if name != BASE and work.run.candidate(name).best_model.is_file()]
        words = "samples" if trained else "run"
        raise UserError(run_first(f"a listening test compares two candidates, and {heard} spoken", verb(work, words)))
    chosen = best_two(work.declaration, work.run, spoken)
    if len(chosen) < 2:
        raise UserError("there is nothing to compare: training gained nothing, so that all candidates are one model")
    current = [test for test in tests if is_of_weights_now(work.run, test)]
    if any(set(chosen) <= set(test.candidates) for test in current):
        told = decide(work.declaration, work.run).to_json()
        if (pair := winner_and_base(told, current, spoken)) is not None:
            of_winner = [test for test in current if test.look == 1 and pair[1] in test.candidates]
            work.say(f"{pair[1]} is preferred; is it better than the base, too?")
            return pair, of_winner[-1].id
    return chosen, None


def _can_speak(work: Work, name: str) -> bool:
    return name == BASE or has_spoken(work.run, name) or work.run.candidate(name).best_model.is_file()


def _without_unrated(
    work: Work, asked: Asked, tests: Sequence[ListeningTest], chosen: Sequence[str]
) -> list[ListeningTest]:
    """The tests that stay: those that nobody has rated go, where they ask what is asked now.

    Raises UserError where a test that was rated asks it.
    """
    gone: list[ListeningTest] = []
    for first in (test for test in tests if test.look == 1):
        looks = looks_of(first, tests)
        same = {frozenset(pair) for pair in first.pairs} & {frozenset(pair) for pair in combinations(chosen, 2)}
        if any(test.folder.rating_files() for test in looks):
            if same and is_of_weights_now(work.run, first):
                raise UserError(
                    f"--replace: {first.name} has ratings, and a test that was rated is never replaced. To listen to "
                    f"more sentences, or to let somebody else rate it:\n  {verb(work, 'listen --extend')}\n"
                    f"  {verb(work, ' '.join(['listen', *first.candidates, '--serve']))}"
                )
        elif same or not asked.candidates:
            gone += looks
    for test in gone:
        _remove(work, test)
    return [test for test in tests if test not in gone]


def _remove(work: Work, test: ListeningTest) -> None:
    test.folder.protocol.unlink()  # without it, what a kill leaves is no test
    shutil.rmtree(test.folder.path)
    work.say(f"{test.name}, which nobody had rated, is replaced; ratings of its old page cannot be taken in any more")


def _extend(work: Work, asked: Asked, tests: Sequence[ListeningTest]) -> ListeningTest:
    """The next look at a question that the looks so far have not settled, with sentences that were not heard yet."""
    looks = _to_extend(work, asked, tests)
    first, last = looks[0], looks[-1]
    if not last.folder.rating_files():
        if not (asked.replace and last.look > 1):
            work.say(f"{last.name} comes first: nobody has rated it yet")
            say_files(work, last.folder)
            _say_next(work, asked)
            return last
        _remove(work, last)
        looks = looks[:-1]
    candidates = tuple(first.candidates)
    material = gather_material(work.declaration, work.run, candidates, first.utterance_seed)
    heard = heard_in(looks)
    look = looks[-1].look + 1
    more = first.looks[look - 1] - len(heard)
    seed = (first.seed + look - 1) % 2**32 if asked.seed is None else asked.seed
    lines = choose_lines(material.lines, min(more, asked.sentences or more), seed, heard)
    added = unspoken(work.declaration, material.lines)
    if not lines and added:
        raise UserError(run_first(f"--extend: {added}", verb(work, "samples")))
    if not lines:
        raise UserError(
            f"--extend: all sentences have been heard in {first.name}. Add some under 'sentences' in "
            f"{work.declaration.pipeline.utterances}, or raise held_out there; then let the models speak them, and "
            f"extend:\n  {verb(work, 'samples')}\n  {verb(work, 'listen --extend')}"
        )
    if len(lines) < more and added:
        work.say(f"warning: {added}, so this look does without:\n  {verb(work, 'samples')}", "yellow")
    folder = work.run.listening_test(f"{first.name}-look-{look}")
    wanted = Wanted(
        folder.path.name, first.pairs, first.form, seed, first.looks, first.alpha, look, first.id, first.after
    )
    made = make_test(folder, wanted, material, lines, work.declaration.pipeline.language)
    say_made(work, made, candidates)
    if len(lines) < more:
        work.say(f"  {len(heard) + len(lines)} sentences in all; this look has room for {len(heard) + more}")
    _say_next(work, asked)
    return read_test(folder)


def _to_extend(work: Work, asked: Asked, tests: Sequence[ListeningTest]) -> list[ListeningTest]:
    """The looks of the test whose next one is due. Raises UserError where none is."""
    firsts = [
        test
        for test in tests
        if test.look == 1
        and (not asked.candidates or set(asked.candidates) == set(test.candidates))
        and is_of_weights_now(work.run, test)
    ]
    if not firsts:
        raise UserError("--extend: there is no listening test of these candidates as they are now to extend")
    told = decide(work.declaration, work.run).to_json()
    undecided = [test for test in firsts if is_open(test, told)]
    if not undecided or told["status"] == "decided":
        raise UserError(f"--extend: {firsts[-1].name} has decided already: {verb(work, 'decide')} says what ships")
    due = [test for test in undecided if _has_a_look_left(looks_of(test, tests))]
    if not due:
        raise UserError(
            f"--extend: {undecided[-1].name} had its last look; one more would find a difference by chance alone too "
            f"often. The decision stands as it is: {verb(work, 'ship')}"
        )
    if asked.form not in (None, due[-1].form):
        raise UserError(f"--extend: {due[-1].name} has the {due[-1].form} form, and its further looks must have it too")
    return looks_of(due[-1], tests)


def _has_a_look_left(looks: Sequence[ListeningTest]) -> bool:
    return looks[-1].look < len(looks[-1].looks) or not looks[-1].folder.rating_files()


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
    """The test that compares the chosen candidates, at its last look, if it is the one that was asked for."""
    there = [test for test in tests if test.look == 1 and is_of_weights_now(work.run, test)]
    wanted_pairs = {frozenset(pair) for pair in combinations(chosen, 2)}
    whole = [test for test in there if wanted_pairs <= {frozenset(pair) for pair in test.pairs}]
    whole = whole or [test for test in there if set(chosen) <= set(test.candidates)]
    if not whole:
        names = ", ".join(test.name for test in there)
        raise UserError(f"all pairs of {', '.join(chosen)} are compared already, in {names}")
    first = whole[-1]
    looks = looks_of(first, tests)
    rated = any(test.folder.rating_files() for test in looks)
    differs = [
        option
        for option, wanted, there in (
            ("--form", asked.form, first.form),
            ("--seed", asked.seed, first.seed),
            ("--sentences", asked.sentences, len(first.sentences)),
        )
        if wanted not in (None, there)
    ]
    if differs:
        cure = (
            "and a second one would be a second look at the same question"
            if rated
            else f"which nobody has rated; to make it anew: {verb(work, f'listen --replace {asked.words}')}"
        )
        raise UserError(f"{', '.join(differs)}: {first.name} compares these candidates already, {cure}")
    test = looks[-1]
    ratings = len(test.folder.rating_files())
    work.say(
        f"{test.name} compares {', '.join(test.candidates)} already, with {ratings} rating{'' if ratings == 1 else 's'}"
    )
    say_files(work, test.folder)
    _say_next(work, asked)
    return test


def _say_next(work: Work, asked: Asked) -> None:
    """What is next, unless it is what this command does at once: to serve the test."""
    if not asked.serve:
        say_next(work)


def _new_name(names: Sequence[str]) -> str:
    number = 1
    while f"test-{number}" in names:
        number += 1
    return f"test-{number}"
