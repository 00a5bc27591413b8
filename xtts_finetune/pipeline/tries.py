"""Setting a phase's results aside, so that nothing that was trained is lost, and bringing them back."""

from __future__ import annotations

import contextlib
import re
import shutil
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.plan.disk import files_bytes
from xtts_finetune.pipeline.plan.stage_records import differences, forget_stage, read_phase_yaml
from xtts_finetune.pipeline.plan.stages import compared
from xtts_finetune.records.atomic import free_reserve, link_or_copy, replace_with_retry
from xtts_finetune.records.candidates.checkpoints import read_checkpoint_records, remove_checkpoint
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.candidates.tries import EarlierTry, read_tries, write_try
from xtts_finetune.records.metrics import read_metrics
from xtts_finetune.records.run_folder import CHECKPOINT_NAME, CHECKPOINT_RECORD_NAME, CandidateFolder, RunFolder
from xtts_finetune.spec.decision import MadeCandidate
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.spec.sources import kept_steps, last_is_needed

# Of a try's name: what it was trained with. Paths on Windows have 260 letters for all.
LONGEST_WORDS = 40


@dataclass(frozen=True)
class Worth:
    """What of a phase's folder is worth its room: its best models, and the checkpoints of these steps."""

    models: bool
    steps: frozenset[int]


def worth_of(folder: CandidateFolder, needed: Iterable[int] = ()) -> Worth:
    """What is kept when the phase is set aside; `needed` are steps that later phases start from.

    A finished phase keeps the slim form: its best models, and the checkpoints that are there for others. One that was
    ended before keeps its newest checkpoint as well, as hours of work lie in that. One without a checkpoint that never
    beat what it started from keeps nothing. Where records cannot be read all of it stays.
    """
    records = read_checkpoint_records(folder)
    there = folder.best_model.is_file()
    for_others = {record.step for record in records if not record.resumes or record.step in set(needed)}
    newest = {max(record.step for record in records if record.step)} if any(r.step for r in records) else set()
    with contextlib.suppress(UserError):
        info = read_model_info(folder)
        if info is not None and info.get("status") == "done":
            return Worth(there, frozenset(for_others if there else for_others | newest))
        if not newest and not _beat_its_start(folder):
            return Worth(False, frozenset())
    return Worth(there, frozenset(for_others | newest))


def needed_of(declaration: Declaration, run: RunFolder, name: str) -> set[int]:
    """Steps of the phase's checkpoints that later phases or candidates start from, as declared now."""
    needed = {kept.step for kept in kept_steps(declaration, name)}
    steps = run.candidate(name).recorded_steps()
    return needed | {max(steps)} if steps and last_is_needed(declaration, name) else needed


def freed_by_setting_aside(folder: CandidateFolder, needed: Iterable[int]) -> int:
    """Bytes of models and checkpoints that go when the phase is set aside."""
    return files_bytes(folder) - kept_bytes(folder, needed)


def kept_bytes(folder: CandidateFolder, needed: Iterable[int]) -> int:
    """Bytes of models and checkpoints that stay when the phase is set aside."""
    worth = worth_of(folder, needed)
    models = files_bytes(folder) - files_bytes(folder, checkpoints_only=True) if worth.models else 0
    files = (folder.checkpoint(step) for step in worth.steps)
    return models + sum(file.stat().st_size for file in files if file.is_file())


def set_aside(run: RunFolder, name: str, why: str, needed: Iterable[int], unasked: bool = True) -> EarlierTry | None:
    """Move a phase's results to `earlier/<phase>/`; the try that they are now, None where nothing was worth it.

    Moved first and thinned then: a kill in between leaves more than is needed, never less (see `thin_tries`).
    """
    forget_stage(run, f"{name} utterances")
    folder = run.candidate(name)
    if not folder.path.is_dir():
        return None
    with _said_plainly(folder.path):
        free_reserve(folder.path)
        write_try(folder, name, why, needed, unasked)
        place = _free_place(run, name, why)
        place.parent.mkdir(parents=True, exist_ok=True)
        replace_with_retry(folder.path, place)
    return _thinned(_at(run, name, place))


def keep_finished(run: RunFolder, name: str, why: str, needed: Iterable[int]) -> EarlierTry | None:
    """Keep a finished phase that is about to be trained longer, its models as second names of the same files.

    None where it is not finished, or where that was done before: a kill may come between this and the first step.
    """
    folder = run.candidate(name)
    if (read_model_info(folder) or {}).get("status") != "done":
        return None
    identity = _identity(folder)
    for each in read_tries(run, name):
        if each.folder.best_model.is_file() and _identity(each.folder) == identity:
            return None
    place = _free_place(run, name, why)
    making = _copied(folder, place, worth_of(folder, needed).steps)
    write_try(making, name, why, needed)
    replace_with_retry(making.path, place)
    return _at(run, name, place)


def bring_back(run: RunFolder, earlier: EarlierTry, needed: Iterable[int], stays: bool = False) -> EarlierTry | None:
    """Make an earlier try the phase's own folder again; the try that what stood there is now, None for none.

    `needed` are the steps of what stands there that later phases start from. `stays`: something declared is made of the
    try's files, which therefore keep their place as well; a second name takes no room.
    """
    home = run.candidate(earlier.phase)
    aside = set_aside(run, earlier.phase, _otherwise(home, earlier.folder), needed)
    with _said_plainly(earlier.folder.path):
        source = earlier.folder
        if stays:
            source = _copied(source, home.path, set(source.recorded_steps()))
        replace_with_retry(source.path, home.path)
    home.set_aside.unlink(missing_ok=True)
    _leave_no_empty_folder(run, earlier.phase)
    return aside


def uses_of(declaration: Declaration, earlier: EarlierTry) -> list[str]:
    """What is declared that is made of the try's files, in words: candidates, and phases that start from one."""
    folder = earlier.folder.path.resolve()

    def inside(path: str | Path) -> bool:
        return Path(path).resolve().is_relative_to(folder)

    made = [each for each in declaration.decision.candidates if isinstance(each, MadeCandidate)]
    found = [f"the candidate '{each.name}'" for each in made if each.is_file and inside(str(each.checkpoint))]
    for name, phase in declaration.phases.items():
        resume = phase.resume_from
        if resume is not None and resume.phase is None and inside(resume.checkpoint):
            found.append(f"what {name} starts from (resume_from)")
    return found


def remove_try(run: RunFolder, earlier: EarlierTry) -> None:
    """Remove an earlier try for good; under another name first, so that a kill leaves no half of one."""
    doomed = earlier.folder.path.with_name(f".{earlier.folder.path.name}.removed")
    with _said_plainly(earlier.folder.path):
        replace_with_retry(earlier.folder.path, doomed)
    shutil.rmtree(doomed, ignore_errors=True)
    _leave_no_empty_folder(run, earlier.phase)


def adopt_older(run: RunFolder, phases: Iterable[str]) -> None:
    """Make a try of what an older version of this program set aside, as '<phase>.old'."""
    for name in phases:
        old = CandidateFolder(run.root / f"{name}.old")
        if old.best_model.is_file():
            place = _free_place(run, name, "set aside by an older version")
            place.parent.mkdir(parents=True, exist_ok=True)
            write_try(old, name, "set aside by an older version")
            replace_with_retry(old.path, place)


def thin_tries(run: RunFolder) -> None:
    """Finish what kills have cut short: tries that are not thinned yet, or half removed or made."""
    for phase in run.earlier.iterdir() if run.earlier.is_dir() else []:
        for half in phase.glob(".*") if phase.is_dir() else []:
            shutil.rmtree(half, ignore_errors=True)
    for each in read_tries(run):
        _thinned(each)


@contextlib.contextmanager
def _said_plainly(folder: Path) -> Iterator[None]:
    """Raise UserError where the system refuses: on Windows while another program has a file in the folder open."""
    try:
        yield
    except OSError as error:
        raise UserError(
            f"{folder}: it cannot be moved ({error.strerror or error}); nothing was lost. Close what shows its files, "
            "or make room, then try again"
        ) from error


def _thinned(each: EarlierTry) -> EarlierTry | None:
    """The try without what is not worth its room; None where nothing of it is."""
    folder, worth = each.folder, worth_of(each.folder, each.needed)
    if not worth.models and not worth.steps:
        shutil.rmtree(folder.path, ignore_errors=True)
        return None
    for step in {step for step, _ in folder.checkpoint_files()} | set(folder.recorded_steps()):
        if step not in worth.steps:
            remove_checkpoint(folder, step)
    return each


def _copied(folder: CandidateFolder, place: Path, steps: Collection[int]) -> CandidateFolder:
    """A folder beside `place` with what is in this one, of its checkpoints those of `steps`.

    Records are copied, as they are appended to and written anew; models get a second name, as they are only ever
    replaced.
    """
    making = place.with_name(f".{place.name}.new")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    for file in sorted(folder.path.iterdir()):
        match = CHECKPOINT_NAME.fullmatch(file.name) or CHECKPOINT_RECORD_NAME.fullmatch(file.name)
        if file.is_file() and not file.name.startswith(".") and (match is None or int(match[1]) in steps):
            (link_or_copy if file.suffix == ".pth" else shutil.copyfile)(file, making / file.name)
    if folder.utterances.is_dir():
        shutil.copytree(folder.utterances, making / folder.utterances.name)
    return CandidateFolder(making)


def _at(run: RunFolder, phase: str, place: Path) -> EarlierTry:
    return next(each for each in read_tries(run, phase) if each.folder.path == place)


def _beat_its_start(folder: CandidateFolder) -> bool:
    metrics = read_metrics(folder.metrics)
    return metrics.best is not None and metrics.initial is not None and metrics.best.step > metrics.initial.step


def _identity(folder: CandidateFolder) -> object:
    """What tells one training from another: what it was trained from, since when, and how well it did."""
    recorded, info = read_phase_yaml(folder) or {}, read_model_info(folder) or {}
    return recorded.get("fingerprint"), recorded.get("started"), info.get("best")


def _otherwise(folder: CandidateFolder, other: CandidateFolder) -> str:
    """What a phase was trained with, where the other one was trained with something else, in words."""
    with contextlib.suppress(UserError):
        own, others = (read_phase_yaml(each) or {} for each in (folder, other))
        return compared(differences(own.get("inputs") or {}, others.get("inputs") or {}))
    return ""


def _free_place(run: RunFolder, phase: str, why: str) -> Path:
    stamp = datetime.now().strftime("%Y-%m-%d_%H-%M-%S")
    words = _words(why)
    name = f"{stamp}_{words}" if words else stamp
    place, number = run.earlier / phase / name, 1
    while place.exists():
        number += 1
        place = place.with_name(f"{name}_{number}")
    return place


def _words(why: str) -> str:
    """'learning_rate: 1e-06 -> 5e-05; epochs: 30 -> 45' as 'learning_rate_1e-06_epochs_30': what it had."""
    # 'continues from step 3000: epochs: 30 -> 45' too.
    parts = re.sub(r"^.* from step \d+: ", "", why).split("; ")
    values = [part.split(" -> ")[0] for part in parts if " -> " in part and not part.startswith("starts from")]
    words = ""
    for value in values:
        more = "_".join(each for each in (words, re.sub(r"[^A-Za-z0-9.+-]+", "_", value).strip("_.")) if each)
        if len(more) > LONGEST_WORDS:
            break
        words = more
    return words


def _leave_no_empty_folder(run: RunFolder, phase: str) -> None:
    for folder in (run.earlier / phase, run.earlier):
        with contextlib.suppress(OSError):
            Path(folder).rmdir()
