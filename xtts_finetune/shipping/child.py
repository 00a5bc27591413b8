"""The child that writes and verifies a folder for use: `python -m xtts_finetune.shipping.child ship JOB.json`."""

from __future__ import annotations

import sys

from xtts_finetune.pipeline.job import Progress, main
from xtts_finetune.records.job import Job
from xtts_finetune.spec.declaration import Declaration


def ship_it(declaration: Declaration, job: Job, progress: Progress) -> None:
    """Write the candidate's folder for use and verify it."""
    from xtts_finetune.shipping.job import ship  # noqa: PLC0415  after torch has found its devices
    from xtts_finetune.shipping.plan import make_ship_plan  # noqa: PLC0415
    from xtts_finetune.training.device import pick_device_for  # noqa: PLC0415
    from xtts_finetune.xtts.base import find_base  # noqa: PLC0415

    device = pick_device_for(find_base(declaration.pipeline.base), job.device)
    ship(make_ship_plan(declaration, job.run, job.candidate), device, progress)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:], {"ship": ship_it}))
