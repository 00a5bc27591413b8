"""What each rank of `test_over_ranks` runs: phase1 of several projects, one after the other, in one start of torch."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.training.conftest import open_trainer
from xtts_finetune.ranks.group import join, leave
from xtts_finetune.ranks.launched import end_at_once

if __name__ == "__main__":
    ranks = join("cpu")
    for argument in sys.argv[1:]:
        project, _, stop_at = argument.partition("@")
        trainer = open_trainer(Path(project), "phase1", print, ranks, int(stop_at) if stop_at else None)
        print(trainer.train().message)
        trainer.job.data.close()
    leave()
    end_at_once(0)
