"""What to do next, and the command for it: one answer for whatever prints one."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.candidates import candidate_names, left_out
from xtts_finetune.evaluation.decision import Decision
from xtts_finetune.evaluation.decision.inputs import votes_now
from xtts_finetune.evaluation.decision.words import listed
from xtts_finetune.evaluation.listening.material import said_by_all
from xtts_finetune.evaluation.listening.question import best_two, heard_in, is_open, winner_and_base
from xtts_finetune.look import commands
from xtts_finetune.look.commands import quoted
from xtts_finetune.pipeline.children.running import Work, verb
from xtts_finetune.pipeline.plan.plan import make_plan
from xtts_finetune.records.atomic import json_or_none
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.candidates.shipped import Shipped, is_outdated, is_whole, read_shipped
from xtts_finetune.records.heard.listening_files import ListeningTest, is_of_weights_now, looks_of, read_tests
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration

# Makes the whole command line of this package's program from its words: 'listen --serve'.
Command = Callable[[str], str]


@dataclass(frozen=True)
class NextStep:
    """What to do next in words, the complete command for it, and what may be done instead, each likewise."""

    words: str
    command: str
    instead: tuple[tuple[str, str], ...] = ()

    @property
    def lines(self) -> list[str]:
        """For a terminal."""
        others = [line for words, command in self.instead for line in (f"or: {words}", f"  {command}")]
        return [f"next: {self.words}", f"  {self.command}", *others]


def next_step(
    declaration: Declaration,
    run: RunFolder,
    decision: Decision | Mapping[str, Any] | None = None,
    command: Command | None = None,
) -> NextStep:
    """What to do next as the run's folder stands.

    decision  as decided now or as decision.json holds it; None: the one in decision.json
    command   writes command lines; left out, with the options that name the config of the command at work

    Raises UserError for a listening test that cannot be read.
    """
    say = command or commands.command
    if not run.clips.is_file():
        return NextStep("read the recordings, and look at what was found in them", say("prepare"))
    if waiting := [name for name in declaration.pipeline.phases if _status(run, name) != "done"]:
        return NextStep(_training(run, waiting), say("run"))
    out = left_out(declaration, run)
    names = [name for name in candidate_names(declaration) if name not in out]
    told = _told(run, decision)
    if told is None or [name for name in names if not run.candidate(name).utterances_json.is_file()]:
        return NextStep("let every model speak, and decide", say("run"))
    if stale := _out_of_date(declaration):
        return NextStep(stale, say("run"))
    if look := _unrated_look(run, names):
        return NextStep(f"rate {look.name}, at this computer", _serve(look, say))
    if told["inputs"].get("votes") != votes_now(run):
        return NextStep("decide with what listeners said", say("decide"))
    return _after_decision(declaration, run, told, names, say)


def say_next(work: Work, decision: Decision | Mapping[str, Any] | None = None) -> None:
    """Print what to do next."""
    for line in next_step(work.declaration, work.run, decision, lambda words: verb(work, words)).lines:
        work.say(line)


def _after_decision(
    declaration: Declaration, run: RunFolder, told: Mapping[str, Any], names: Sequence[str], say: Command
) -> NextStep:
    """Once there is a decision: listen, take a further look, ship; once that is shipped, speak."""
    ships = told.get("ship") or told.get("meanwhile")
    if ships is None:
        return NextStep("train again: there is no model to ship", say("run"))
    to_hear = _to_hear(declaration, run, told, names, say)
    shipped = _shipped(declaration, run)
    if shipped is not None and shipped.candidate == ships and is_outdated(run, shipped):
        again = (f"ship {ships} again: it was trained further since", say("ship"))
        return NextStep(*again) if to_hear is None else NextStep(*again, (to_hear,))
    if shipped is not None and shipped.candidate == ships:
        spoken = ("hear the shipped voice", say(f"say {quoted([_a_sentence(declaration)])}"))
        if to_hear is None:
            return NextStep(*spoken, _more_to_say(declaration, run, told, names, say))
        # What was set up to be rated comes before what was shipped.
        return NextStep(*to_hear, (spoken,)) if "--serve" in to_hear[1] else NextStep(*spoken, (to_hear,))
    if to_hear is None:
        return NextStep(f"ship {ships}", say("ship"), _more_to_say(declaration, run, told, names, say))
    if told["status"] in ("decided", "tie"):
        return NextStep(f"ship {ships}", say("ship"), (to_hear,))
    return NextStep(*to_hear, ((f"ship {ships} now, unsure as it is", say("ship")),))


def _to_hear(
    declaration: Declaration, run: RunFolder, told: Mapping[str, Any], names: Sequence[str], say: Command
) -> tuple[str, str] | None:
    """What is to be listened to, in words and as a command; None where that would tell nothing more."""
    tests = _current(run, names)
    waiting = [test for test in tests if not test.folder.rating_files()]
    if waiting and (told.get("preferences") or set(best_two(declaration, run, names)) <= set(waiting[-1].candidates)):
        return f"rate {waiting[-1].name}, at this computer", _serve(waiting[-1], say)
    if told["status"] == "undecided":
        return _undecided(declaration, run, told, tests, say)
    if told["status"] in ("decided", "tie") or len(names) < 2:
        pair = winner_and_base(told, tests, names)
        return None if pair is None else (f"compare {pair[1]} with the base, which nobody has done yet", say("listen"))
    if len(best_two(declaration, run, names)) < 2:
        return None
    if rated := [test for test in tests if test not in waiting]:
        return "let somebody else listen: no rating counts so far", _serve(rated[-1], say)
    return "listen to the two best, blind; it takes a few minutes", say("listen")


def _undecided(
    declaration: Declaration, run: RunFolder, told: Mapping[str, Any], tests: Sequence[ListeningTest], say: Command
) -> tuple[str, str] | None:
    """The rest of a test, or its next look; None where no sentence is left."""
    open_tests = [test for test in tests if test.look == 1 and is_open(test, told)]
    for first in reversed(open_tests):
        looks = looks_of(first, tests)
        if _is_unfinished(told, looks):
            return f"rate the rest of {looks[-1].name}, at this computer", _serve(first, say)
        if looks[-1].look < len(first.looks) and (more := _sentences_of_next_look(declaration, run, looks)):
            words = f"listen to {more} more sentence{'' if more == 1 else 's'}"
            candidates = "" if len(open_tests) == 1 else f" {' '.join(first.candidates)}"
            return words, say(f"listen --extend{candidates}")
    return None


def _more_to_say(
    declaration: Declaration, run: RunFolder, told: Mapping[str, Any], names: Sequence[str], say: Command
) -> tuple[tuple[str, str], ...]:
    """How to get sentences for a further look, where listeners are undecided and have heard all that there are."""
    tests = _current(run, names)
    lasts = [looks_of(test, tests)[-1] for test in tests if test.look == 1 and is_open(test, told)]
    if told["status"] != "undecided" or not any(last.look < len(last.looks) for last in lasts):
        return ()
    file = declaration.pipeline.utterances
    words = f"to listen to more, add sentences in {file} or raise held_out there, and let the models speak them"
    return ((words, say("samples")),)


def _current(run: RunFolder, names: Sequence[str]) -> list[ListeningTest]:
    """The tests of these candidates with the weights that they have now."""
    return [test for test in read_tests(run) if is_of_weights_now(run, test) and set(test.candidates) <= set(names)]


def _unrated_look(run: RunFolder, names: Sequence[str]) -> ListeningTest | None:
    """A further look that was laid down and that nobody has rated: it comes before any decision."""
    looks = [test for test in _current(run, names) if test.look > 1 and not test.folder.rating_files()]
    return looks[-1] if looks else None


def _training(run: RunFolder, waiting: Sequence[str]) -> str:
    """What one command does to the phases that are not done: 'continue phase1, then train phase2'."""
    if _status(run, waiting[0]) is None:
        return f"train {listed(waiting)}"
    return ", then train ".join(filter(None, (f"continue {waiting[0]}", listed(waiting[1:]))))


def _out_of_date(declaration: Declaration) -> str:
    """What the plan would do again, in words: after new data, or after a change of the config. Empty for nothing."""
    try:
        due = [stage for stage in make_plan(declaration).due if stage.certain]
    except UserError:  # a base that is not there, say: whatever needs it says so
        return ""
    made = ["the data" if stage.kind == "data" else stage.name for stage in due if stage.kind in _MADE]
    if made:
        return f"run again what is out of date: {listed(made)}"
    silent = [stage.candidate for stage in due if stage.kind == "utterances"]
    return f"let {listed(silent)} speak again: the samples are out of date" if silent else ""


_MADE = ("data", "base", "phase", "candidate")


def _serve(test: ListeningTest, say: Command) -> str:
    return say(f"listen {' '.join(test.candidates)} --serve")


def _sentences_of_next_look(declaration: Declaration, run: RunFolder, looks: Sequence[ListeningTest]) -> int:
    first, heard = looks[0], heard_in(looks)
    try:
        _, _, lines = said_by_all(declaration, run, tuple(first.candidates), first.utterance_seed)
    except UserError:
        return 0
    fresh = [line for line in lines if line.id not in heard]
    return min(len(fresh), first.looks[looks[-1].look] - len(heard))


def _is_unfinished(told: Mapping[str, Any], looks: Sequence[ListeningTest]) -> bool:
    """Whether a pair of the test has a sentence that nobody who counts has rated."""
    votes = (told["inputs"].get("votes") or {}).get("votes", ())
    for pair in looks[0].pairs:
        rated = {vote["sentence"] for vote in votes if {vote["first"], vote["second"]} == set(pair)}
        if set(heard_in(looks)) - rated:
            return True
    return False


def _told(run: RunFolder, decision: Decision | Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    if isinstance(decision, Decision):
        return decision.to_json()
    needed = ("status", "inputs")
    told = json_or_none(run.decision, dict) if decision is None else decision
    return told if told is not None and all(key in told for key in needed) else None


def _status(run: RunFolder, phase: str) -> str | None:
    info = read_model_info(run.candidate(phase))
    return None if info is None else str(info.get("status"))


def _shipped(declaration: Declaration, run: RunFolder) -> Shipped | None:
    folder = run.shipped / (declaration.pipeline.ship.name or declaration.pipeline.name)
    try:
        shipped = read_shipped(folder)
    except UserError:
        return None
    return shipped if is_whole(folder, shipped) else None


def _a_sentence(declaration: Declaration) -> str:
    """One that it has to be able to say, as short as a command allows."""
    texts = [sentence.text for sentence in declaration.utterances.sentences]
    return min((text for text in texts if len(text.split()) > 1), key=len, default=texts[0] if texts else "Hello.")
