"""How a phase stands: what it was trained from beside what it would be trained from now, and what follows."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass
from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.plan.continuing import Length, asks_in_vain, continued_at, rate_words
from xtts_finetune.pipeline.plan.inputs import CLIPS, weights_key
from xtts_finetune.pipeline.plan.stage_records import Inputs, differences, read_phase_yaml
from xtts_finetune.pipeline.plan.stages import State, compared
from xtts_finetune.records.candidates.closing import read_model_info
from xtts_finetune.records.candidates.tries import EarlierTry, read_tries
from xtts_finetune.records.run_folder import CandidateFolder
from xtts_finetune.spec.sources import Source

GOES_ON = "continues"


@dataclass(frozen=True)
class Waits:
    """What runs before the phase and decides on its inputs, '' for nothing.

    `renewed` if it is sure to change them.
    """

    what: str = ""
    renewed: bool = False

    @property
    def after(self) -> str:
        """'after phase1', or nothing."""
        return f"after {self.what}" if self.what else ""


@dataclass(frozen=True)
class Standing:
    """A phase's state and why; `certain` whether that stays so whatever comes out of what the phase waits for.

    resumes_at   the step of its own checkpoint that it goes on from
    brings_back  an earlier try that was trained from exactly this, or began to be
    continued    whether it goes on from there under other values than before: what is there of it is kept
    note         how the learning rate goes on then
    """

    state: State
    why: str = ""
    certain: bool = True
    resumes_at: int | None = None
    brings_back: EarlierTry | None = None
    continued: bool = False
    note: str = ""


@dataclass(frozen=True)
class Wanted:
    """What the phase would be trained from now, as far as it is known."""

    inputs: Inputs
    source: Source
    waits: Waits
    length: Length
    may_continue: bool = True

    @property
    def unknown(self) -> set[str]:
        """Inputs that are not known before other stages are done."""
        return {key for key in (CLIPS, weights_key(self.source)) if self.inputs.get(key, "") is None}


def standing_of(folder: CandidateFolder, wanted: Wanted) -> Standing:
    """How the phase stands whose own folder this is. Raises UserError for a record that cannot be read."""
    own = _alone(folder, wanted)
    if own is not None and (own.state is not State.STALE or not own.certain):
        return own
    known = not wanted.unknown and not wanted.waits.what
    if known and (found := _earlier(wanted)) is not None:
        return found
    if own is None:
        return Standing(State.TO_RUN, wanted.waits.after)
    may = wanted.may_continue and not wanted.waits.renewed
    return (_continued(folder, wanted) if may else None) or own


def _alone(folder: CandidateFolder, wanted: Wanted) -> Standing | None:
    """The state of a folder by itself; None where the phase was never started in it."""
    recorded = read_phase_yaml(folder)
    if recorded is None:
        return None
    info = read_model_info(folder)
    done = info is not None and info.get("status") == "done"
    waits = wanted.waits
    if changes := _changes(recorded, wanted, done):
        return Standing(State.STALE, compared(changes))
    if info is not None and done:
        if waits.renewed:
            return Standing(State.STALE, waits.after)
        if waits.what:
            return Standing(State.STALE, f"{waits.after}, if that changes anything", certain=False)
        if not folder.best_model.is_file():
            return Standing(State.STALE, f"{folder.best_model.name} is gone")
        return Standing(State.UP_TO_DATE, _outcome(info))
    step = newest_checkpoint(folder)
    begun = f"{GOES_ON} from step {step}" if step is not None else "was started, left no checkpoint"
    return Standing(State.TO_RUN, ", ".join(part for part in (begun, waits.after) if part), resumes_at=step)


def _changes(recorded: dict[str, Any], wanted: Wanted, done: bool) -> list[str]:
    """What is declared otherwise now than when the phase was started, in words."""
    unknown, before, now = wanted.unknown, recorded["inputs"], wanted.inputs
    if not done:
        # Rules say when to stop, not what to train: an unfinished phase goes on under the new ones.
        unknown |= {key for key in before.keys() | now.keys() if key.startswith("stop_when")}
    return differences(
        {key: value for key, value in before.items() if key not in unknown},
        {key: value for key, value in now.items() if key not in unknown},
    )


def _earlier(wanted: Wanted) -> Standing | None:
    """The earlier try that was trained from exactly this: a finished one, or else one that can go on."""
    length = wanted.length
    begun = None
    for each in reversed(read_tries(length.run, length.name)):
        standing = None
        with contextlib.suppress(UserError):  # one with damaged records is brought back by nobody
            standing = _alone(each.folder, wanted) if each.unasked else None
        if standing is None or standing.state is State.STALE:
            continue
        if standing.state is State.UP_TO_DATE:
            why = f"brought back: the try of {each.when[:16].replace('T', ' ')} was trained from exactly this"
            return Standing(State.TO_RUN, why, certain=False, brings_back=each)
        if begun is None and standing.resumes_at is not None:
            why = f"{GOES_ON} from step {standing.resumes_at} of the try of {each.when[:16].replace('T', ' ')}"
            begun = Standing(State.TO_RUN, why, resumes_at=standing.resumes_at, brings_back=each)
    return begun


def _continued(folder: CandidateFolder, wanted: Wanted) -> Standing | None:
    """How a phase stands that goes on under other values; with no checkpoint left, why it does not."""
    recorded, info = read_phase_yaml(folder), read_model_info(folder)
    if recorded is None:
        return None
    unknown = wanted.unknown
    before = {key: value for key, value in recorded["inputs"].items() if key not in unknown}
    now = {key: value for key, value in wanted.inputs.items() if key not in unknown}
    changes = compared(differences(before, now))
    at = continued_at(folder, wanted.length, before, now, info)
    if at is None:
        if asks_in_vain(folder, wanted.length, before, now, info):
            return Standing(State.STALE, f"{changes}; it has no checkpoint left to continue from")
        return None
    if CLIPS in unknown:
        # The data is prepared first, which is hardly ever due without a change of the clips.
        why = f"{changes}, {wanted.waits.after}; {GOES_ON} from step {at} if that leaves the clips as they are"
        return Standing(State.STALE, why, certain=False)
    why = f"{GOES_ON} from step {at}: {changes}"
    if wanted.waits.what:
        why += f", {wanted.waits.after}"
    note = rate_words(wanted.length, recorded, info, at)
    return Standing(State.TO_RUN, why, resumes_at=at, continued=True, note=note)


def newest_checkpoint(folder: CandidateFolder) -> int | None:
    """The step of a phase's newest checkpoint."""
    checkpoints = folder.checkpoints()
    return checkpoints[-1][0] if checkpoints else None


def _outcome(info: dict[str, object]) -> str:
    best = info.get("best")
    if not isinstance(best, dict) or not isinstance(best.get("mel_ce"), int | float):
        return ""
    done = f" of {info['steps']}" if info.get("steps") else ""
    return f"best mel_ce {best['mel_ce']:.3f} at step {best.get('step')}{done}"
