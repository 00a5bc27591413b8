"""How long a phase is, from what the run's folder knows of the clips."""

from __future__ import annotations

from xtts_finetune.data.planned import Planned, planned_of_count
from xtts_finetune.pipeline.plan.inputs import data_info
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration


def planned_phase(declaration: Declaration, run: RunFolder, name: str) -> Planned | None:
    """Steps and epochs of a phase; None while the clips are not counted.

    Raises UserError if the records of the clips are damaged.
    """
    phase, datasets = declaration.phases[name], declaration.pipeline.datasets
    if phase.max_tokens is not None or any(spec.weight != 1 for spec in datasets):
        from xtts_finetune.data.plans import planned_of_run  # noqa: PLC0415  (NumPy: see planned.py)

        return planned_of_run(run, datasets, phase) if run.clips.is_file() else None
    info = data_info(run)
    try:
        clips = int(info["clips"]) - int(info["eval_clips"])
    except (KeyError, TypeError, ValueError):
        return None
    return planned_of_count(clips, phase) if clips > 0 else None
