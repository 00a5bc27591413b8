"""What `xtts-finetune tries` does with the earlier tries of phases: list, bring back, let compete, remove.

One that competes is added to the decision matrix file, whose comments stay as they are.
"""

from __future__ import annotations

import itertools
import os
import re
from collections.abc import Callable, Sequence
from difflib import get_close_matches
from pathlib import Path

import yaml

from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.candidates import candidate_names
from xtts_finetune.look.quantities import readable_size
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.pipeline.children.lock import run_lock, wait_for_older_child
from xtts_finetune.pipeline.children.running import Work, verb
from xtts_finetune.pipeline.plan.plan import make_plan
from xtts_finetune.pipeline.plan.stage_records import differences, read_phase_yaml
from xtts_finetune.pipeline.plan.stages import Stage, compared
from xtts_finetune.pipeline.tries import bring_back, needed_of, remove_try, uses_of
from xtts_finetune.records.atomic import write_bytes_atomic
from xtts_finetune.records.candidates.tries import EarlierTry, earlier_words, read_tries, tries_bytes, try_facts
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.spec.names import is_name

CANDIDATES = "candidates"


def declare_candidate(file: Path, name: str, model: Path, declared: Sequence[str], check: Callable[[], object]) -> None:
    """Write `{name: NAME, checkpoint: MODEL}` into the matrix; `declared` are the candidates that there are now.

    `check` reads the declaration again: where it finds a fault the file gets its old content back.
    Raises UserError, with the line to write by hand, for a file that cannot be changed.
    """
    entry = f"{{name: {name}, checkpoint: {_quoted(_relative(model, file.parent))}}}"
    by_hand = f"write it by hand, among the 'candidates' of {file}:  - {entry}"
    try:
        before = file.read_bytes()
        text = with_candidate(before.decode("utf-8-sig"), entry, declared)
    except (OSError, ValueError, yaml.YAMLError) as error:
        raise UserError(f"{file}: it cannot be changed ({error}); {by_hand}") from None
    try:
        write_bytes_atomic(file, text.encode("utf-8"))
        check()
    except OSError as error:
        raise UserError(f"{file}: it cannot be written ({error.strerror or error}); {by_hand}") from None
    except UserError:
        write_bytes_atomic(file, before)
        raise


def with_candidate(text: str, entry: str, declared: Sequence[str]) -> str:
    """The YAML text with one candidate more. Raises ValueError where its form leaves no place for one."""
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode) or root.flow_style:
        raise ValueError("its keys are not on separate lines")
    end = "\r\n" if "\r\n" in text else "\n"
    found = next((value for key, value in root.value if key.value == CANDIDATES), None)
    if found is None:
        names = [name for name in declared if name != BASE]
        lines = [f"{CANDIDATES}:", *(f"  - {each}" for each in [*names, entry])]
        return text.rstrip("\r\n") + end * 2 + end.join(lines) + end
    if not isinstance(found, yaml.SequenceNode) or not found.value:
        raise ValueError(f"'{CANDIDATES}' is no list with entries")
    last = found.value[-1]
    if found.flow_style:
        at = last.end_mark.index
        return f"{text[:at]}, {entry}{text[at:]}"
    # After the whole line of the last entry: a comment may stand behind it.
    at = text.find("\n", last.end_mark.index - 1 if last.end_mark.column == 0 else last.end_mark.index)
    head, tail = (text + end, "") if at < 0 else (text[: at + 1], text[at + 1 :])
    indent = " " * found.start_mark.column
    return f"{head}{indent}- {entry}{end}{tail}"


def _relative(path: Path, folder: Path) -> str:
    try:
        return Path(os.path.relpath(path, folder)).as_posix()
    except ValueError:  # another drive
        return path.as_posix()


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# Of what stands behind a candidate's phase in its name.
LONGEST_NAME = 20


def list_tries(work: Work) -> None:
    """Print every earlier try, what it was and what it takes, and what can be done with it."""
    tries = read_tries(work.run)
    if not tries:
        work.say("There are no earlier tries: no change of the config has set a trained model aside.")
        return
    for each in tries:
        work.say(f"{each.name}   {readable_size(tries_bytes([each]))}")
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
        needed, used = needed_of(work.declaration, work.run, each.phase), uses_of(work.declaration, each)
        aside = bring_back(work.run, each, needed, stays=bool(used))
    work.say(f"{each.name} is {each.phase} again")
    if aside is not None:
        work.say(f"  what was there is now the earlier try {aside.name}")
    stage = next((s for s in make_plan(work.declaration).stages if s.name == each.phase), None)
    if stage is None:
        work.say(f"  {work.declaration.file.name} has no phase {each.phase}: it is kept, and nothing uses it")
    elif stage.due:
        _say_otherwise(work, stage)
    else:
        work.say(f"  next: {verb(work, 'run')}")


def make_candidate_now(work: Work, name: str, new_name: str | None) -> None:
    """Declare an earlier try's best model as a candidate in the decision matrix."""
    each = find_try(work, name)
    if not each.folder.best_model.is_file():
        raise UserError(f"{each.name} has no best model; bring it back to train it on: {_restoring(work, each)}")
    file = work.declaration.pipeline.decision
    root = work.run.root
    if not root.is_relative_to(work.declaration.folder):
        raise UserError(f"{file} belongs to the package: copy the config into your own folder and name it with -f")
    new = _candidate_name(work, each) if new_name is None else new_name
    if not is_name(new):
        raise UserError(f"--as: '{new}' is not a name: letters, digits, '-' and '_' only, 64 at most")
    if new in candidate_names(work.declaration):
        raise UserError(f"there is a candidate '{new}' already; name this one otherwise with --as")

    def check() -> object:
        return load_declaration(work.declaration.file, work.overrides, root)

    declare_candidate(file, new, each.folder.best_model, candidate_names(work.declaration), check)
    work.say(f"{each.name} is the candidate '{new}' now, listed in {file}")
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
    work.say(f"  {readable_size(freed)} freed")


def find_try(work: Work, name: str) -> EarlierTry:
    """The try of this name, or the only one whose name has it as a part. Raises UserError for none or several."""
    if not name.strip():
        raise UserError("give a name or a part of one; without options, 'tries' lists them")
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
    if uses := uses_of(work.declaration, each):
        raise UserError(f"{each.name} is {' and '.join(uses)}: change that first")


def _say_otherwise(work: Work, stage: Stage) -> None:
    """Say what is declared otherwise than the phase was trained, and the command that keeps it as it is."""
    recorded = (read_phase_yaml(work.run.candidate(stage.name)) or {}).get("inputs") or {}
    changed = compared(differences(recorded, stage.inputs))
    work.say(f"  it was trained with other values than in your config now: {changed}")
    settings = {}
    for key in sorted(stage.inputs.keys() | recorded.keys()):
        old = recorded.get(key)
        if old == stage.inputs.get(key) or key == "train":
            continue
        if key.startswith(("files ", "format", "starts from", "stop_when.", "train.", "datasets.")):
            work.say(
                "  no option can set that again: the next run sets it aside and trains again; let it compete instead:"
            )
            work.say(f"  {verb(work, 'tries')}")
            return
        settings[f"{stage.name}.{key}"] = "null" if old is None else str(old)
    words = [f"--set {key}={value}" for key, value in settings.items()]
    command = verb(work, " ".join(["run", stage.name, *words]), without=settings)
    work.say(f"  change the config before the next run, or it is set aside again: {command}")


def _restoring(work: Work, each: EarlierTry) -> str:
    return verb(work, f"tries --restore {each.name}")


def _candidate_name(work: Work, each: EarlierTry) -> str:
    """A name that the matrix takes: the phase and what it was trained with, short enough for a table."""
    words = each.folder.path.name.partition("_")[2].partition("_")[2]
    plain = re.sub(r"[^A-Za-z0-9_-]+", "-", words.replace("learning_rate", "lr")).strip("-_")
    name = f"{each.phase}-{plain}" if plain and len(plain) <= LONGEST_NAME else f"{each.phase}-earlier"
    taken = candidate_names(work.declaration)
    names = itertools.chain([name], (f"{name}-{number}" for number in itertools.count(2)))
    return next(new for new in names if new not in taken)
