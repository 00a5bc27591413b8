"""The batch plan of a phase, from its declaration and the clips that were prepared. Without torch."""

from __future__ import annotations

from collections.abc import Sequence

from xtts_finetune.data.batches import BatchPlan
from xtts_finetune.data.epochs import Epochs
from xtts_finetune.data.index import ClipIndex
from xtts_finetune.data.planned import Planned
from xtts_finetune.errors import UserError
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.pipeline import DatasetSpec


def batch_plan(
    clips: ClipIndex, datasets: Sequence[DatasetSpec], phase: PhaseSpec, parts: int = 1
) -> BatchPlan:
    """Which clips each step of a phase trains on; `parts`: into how many a declared batch was cut.

    Raises UserError if there are no clips.
    """
    if not len(clips):
        raise UserError(f"{clips.file}: no clip to train on; prepare the clips again (xtts-finetune prepare)")
    weights = {spec.name: spec.weight for spec in datasets}
    # A data set that is declared no more has gone from the records too, by the time that a phase starts.
    epochs = Epochs(clips.datasets, [weights.get(name, 1.0) for name in clips.names], phase.seed)
    return BatchPlan(
        epochs,
        clips.lengths,
        phase.batch_size * parts,
        phase.accumulate // parts,
        phase.buckets,
        phase.max_tokens,
        parts,
    )


def planned(plan: BatchPlan, phase: PhaseSpec) -> Planned:
    """What a phase will do when nothing stops it."""
    steps = plan.steps_of(phase.epochs or 1) if phase.steps is None else phase.steps
    return Planned(steps, round(plan.epoch_of(steps), 2))


def planned_of_run(run: RunFolder, datasets: Sequence[DatasetSpec], phase: PhaseSpec) -> Planned:
    """The same from a run's records. Raises UserError if its clips are not prepared."""
    return planned(batch_plan(ClipIndex.read(run.clips, "train"), datasets, phase), phase)
