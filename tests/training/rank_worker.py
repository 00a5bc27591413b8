"""What each rank of `test_over_ranks` runs: phase1 of several projects, one after the other, in one start of torch."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

from tests.training.conftest import declaration_of, job_of
from xtts_finetune.ranks.group import join, leave
from xtts_finetune.ranks.launched import end_at_once
from xtts_finetune.training.phase_work import as_it_runs, train
from xtts_finetune.xtts import load_coqui

if __name__ == "__main__":
    load_coqui()
    ranks = join("cpu")
    for argument in sys.argv[1:]:
        project, _, stop_at = argument.partition("@")
        job = replace(job_of(Path(project), "phase1"), pause_at=int(stop_at) if stop_at else None)
        declaration = declaration_of(Path(project))
        phase, _ = as_it_runs(declaration, job)
        print(train(declaration, job, phase, lambda: False, ranks=ranks).message)
    leave()
    end_at_once(0)
