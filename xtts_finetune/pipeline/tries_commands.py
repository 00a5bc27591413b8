"""What `xtts-finetune tries` does with the earlier tries of phases: list, bring back, let compete, remove."""

from __future__ import annotations

import re
from collections.abc import Sequence
from difflib import get_close_matches
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.candidates import candidate_names, made_candidates
from xtts_finetune.pipeline.commands import verb
from xtts_finetune.pipeline.declare_candidate import declare_candidate
from xtts_finetune.pipeline.disk import readable
from xtts_finetune.pipeline.lock import run_lock, wait_for_older_child
from xtts_finetune.pipeline.plan import make_plan
from xtts_finetune.pipeline.running import Work
from xtts_finetune.pipeline.stage_records import read_phase_yaml
from xtts_finetune.pipeline.stages import Stage
from xtts_finetune.pipeline.tries import bring_back, needed_of, remove_try
from xtts_finetune.pipeline.tries_words import earlier_words, try_facts
from xtts_finetune.records.tries import EarlierTry, read_tries, tries_bytes
from xtts_finetune.spec.declaration import load_declaration


def list_tries(work: Work) -> None:
    """Print every earlier try, what it was and what it takes, and what can be done with it."""
    tries = read_tries(work.run)
    if not tries:
        work.say("There are no earlier tries: no changed declaration has set a trained model aside.")
        return
    for each in tries:
        work.say(f"{each.name}   {readable(tries_bytes([each]))}")
        work.say(f"  {', '.join(try_facts(each))}")
    work.say("; ".join(earlier_words(tries)))
    name = tries[-1].name
    work.say(f"  bring one back:       {verb(work, f'tries --restore {name}')}")
    work.say(f"  let one compete:      {verb(work, f'tries --candidate {name}')}")
    work.say(f"  remove one for good:  {verb(work, f'tries --remove {name}')}")


def restore_now(work: Work, name: str) -> None:
    """Make an earlier try the phase's own again, and say what keeps it there."""
    each = find_try(work, name)
    with run_lock(work.run.root):
        wait_for_older_child(work.run.root, work.say)
        aside = bring_back(work.run, each, needed_of(work.declaration, work.run, each.phase))
    work.say(f"{each.name} is {each.phase} again")
    if aside is not None:
        work.say(f"  what was there is now the earlier try {aside.name}")
    stage = next((s for s in make_plan(work.declaration).stages if s.name == each.phase), None)
    if stage is None:
        work.say(f"  {work.declaration.file.name} declares no {each.phase}: it is kept, and nothing reads it")
    elif stage.due:
        work.say(f"  it was trained otherwise than is declared now: {stage.why}")
        work.say(f"  declare it so before the next run, or it is set aside again: {_as_trained(work, stage)}")
    else:
        work.say(f"  next: {verb(work, 'run')}")


def make_candidate_now(work: Work, name: str, new_name: str | None) -> None:
    """Declare an earlier try's best model as a candidate in the decision matrix."""
    each = find_try(work, name)
    if not each.folder.best_model.is_file():
        raise UserError(
            f"{each.name} has no best model; bring it back to train it on: {_restoring(work, each)}"
        )
    file = work.declaration.pipeline.decision
    root = work.run.root
    if not root.is_relative_to(work.declaration.folder):
        raise UserError(
            f"{file} belongs to the package: copy the declaration into a folder of your own and name it with -f"
        )
    new = new_name or _candidate_name(each)
    if new in candidate_names(work.declaration):
        raise UserError(f"there is a candidate '{new}' already; name this one otherwise with --as")

    def check() -> object:
        return load_declaration(work.declaration.file, work.overrides, root)

    declare_candidate(file, new, each.folder.best_model, candidate_names(work.declaration), check)
    work.say(f"{each.name} is the candidate '{new}' now, declared in {file}")
    work.say(f"  next, to let it speak and be judged: {verb(work, 'run')}")


def remove_now(work: Work, names: Sequence[str]) -> None:
    """Remove earlier tries for good. Raises UserError, and removes none, where one is in use or unknown."""
    found = [find_try(work, name) for name in names]
    for each in found:
        _refuse_in_use(work, each)
    freed = tries_bytes(found)
    with run_lock(work.run.root):
        wait_for_older_child(work.run.root, work.say)
        for each in found:
            remove_try(work.run, each)
            work.say(f"removed {each.name}")
    work.say(f"  {readable(freed)} freed, less what other names of the same files keep")


def find_try(work: Work, name: str) -> EarlierTry:
    """The try of this name, or the only one whose name has it as a part. Raises UserError for none or several."""
    tries = read_tries(work.run)
    exact = [each for each in tries if each.name == name]
    found = exact or [each for each in tries if name in each.name]
    if len(found) == 1:
        return found[0]
    known = [each.name for each in tries]
    if found:
        raise UserError(f"'{name}' is a part of several names: {', '.join(each.name for each in found)}")
    near = get_close_matches(name, known, n=1)
    hint = f"did you mean '{near[0]}'?" if near else f"there are: {', '.join(known) or 'none'}"
    raise UserError(f"there is no earlier try '{name}'; {hint}")


def _refuse_in_use(work: Work, each: EarlierTry) -> None:
    """Raise UserError where something declared is made of the try."""
    folder = each.folder.path.resolve()

    def inside(path: str | Path) -> bool:
        return Path(path).resolve().is_relative_to(folder)

    for name, made in made_candidates(work.declaration).items():
        if made.phase is None and made.checkpoint is not None and inside(made.checkpoint):
            raise UserError(
                f"{each.name} is the candidate '{name}': take that out of {work.declaration.pipeline.decision} first"
            )
    for name, phase in work.declaration.phases.items():
        resume = phase.resume_from
        if resume is not None and resume.phase is None and inside(resume.checkpoint):
            raise UserError(f"{name} starts from {each.name} (resume_from): change that first")


def _as_trained(work: Work, stage: Stage) -> str:
    """The command that keeps a phase as it was trained, as far as options can say it."""
    recorded = (read_phase_yaml(work.run.candidate(stage.name)) or {}).get("inputs") or {}
    settings = []
    for key in sorted(stage.inputs.keys() | recorded.keys()):
        old = recorded.get(key)
        plain = not key.startswith(("files ", "format", "starts from", "stop_when.", "train", "datasets."))
        if plain and old != stage.inputs.get(key):
            settings.append(f"--set {stage.name}.{key}={'null' if old is None else old}")
    return verb(work, " ".join(["run", stage.name, *settings]))


def _restoring(work: Work, each: EarlierTry) -> str:
    return verb(work, f"tries --restore {each.name}")


def _candidate_name(each: EarlierTry) -> str:
    """A name that the matrix takes: the phase and what it was trained with, or when it was set aside."""
    stamp, _, words = each.folder.path.name.partition("_")[2].partition("_")
    return re.sub(r"[^A-Za-z0-9_-]+", "-", f"{each.phase}-{words or stamp}").strip("-_")[:64]
