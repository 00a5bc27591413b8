"""What was prepared, in counts and words: `data.json`, and why there may be nothing to train on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from xtts_finetune.data.eval_set import EvalSet
from xtts_finetune.data.outlines import Outlines
from xtts_finetune.records.clips import DroppedClip
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.pipeline import EvalSetSpec

REASONS_NAMED = 3
CLIPS_NAMED = 5


@dataclass(frozen=True)
class DataSummary:
    """What was prepared.

    clips      the eval set counts too; `warned` is how many of them have warnings
    reasons    of the clips left out, with their counts, the most frequent first; `warnings` likewise
    content    hash of all that training sees of the clips
    notes      sentences that the user should see
    """

    clips: int
    seconds: float
    eval_clips: int
    dropped: int
    reasons: dict[str, int]
    warned: int
    warnings: dict[str, int]
    content: str
    notes: tuple[str, ...]

    def as_json(self, inputs: dict[str, str]) -> dict[str, Any]:
        """The content of `data.json`; `inputs` are the fingerprints of all that the clips depend on."""
        return {"inputs": inputs, **asdict(self)}


def too_few(
    clips: Outlines,
    held_out: int,
    dropped: Sequence[DroppedClip],
    run: RunFolder,
) -> str:
    """Why there is nothing to train or to evaluate on, with the most frequent reasons."""
    usable = f"{len(clips)} of {len(clips) + len(dropped)} clips can be used"
    if clips and not held_out and run.eval_set.is_file():
        return (
            f"{usable}, and none of them is in the frozen eval set {run.eval_set}; "
            "restore its clips, or start a new run under another name"
        )
    split = f"{len(clips) - held_out} for training, {held_out} for the eval set"
    message = f"{usable} ({split}); at least one of each is needed, with different sound."
    if not dropped:
        return f"{message} Add clips to the data sets."
    counts = [f"{reason} ({count})" for reason, count in reasons_of(dropped).most_common(REASONS_NAMED)]
    return f"{message} Most frequent reasons: {', '.join(counts)}. Each clip is named in {run.dropped}"


def notes_on(eval_set: EvalSet, clips: Outlines, spec: EvalSetSpec) -> list[str]:
    """What the user should see of an eval set that was frozen before."""
    notes = []
    if gone := eval_set.gone(clips):
        named = ", ".join(gone[:CLIPS_NAMED]) + (" ..." if len(gone) > CLIPS_NAMED else "")
        notes.append(f"{len(gone)} of {len(eval_set.clips)} clips of the frozen eval set are gone: {named}")
    if (eval_set.seed, eval_set.fraction, eval_set.at_least) != (spec.seed, spec.fraction, spec.at_least):
        notes.append(
            f"the eval set is frozen as it was chosen, with fraction {eval_set.fraction:g}, at least "
            f"{eval_set.at_least}, seed {eval_set.seed}; what eval_set says now has no effect on this run"
        )
    return notes


def reasons_of(dropped: Sequence[DroppedClip]) -> Counter[str]:
    """How often each reason to leave a clip out was found."""
    return Counter(clip.reason.value for clip in dropped)
