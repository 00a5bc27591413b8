"""The launcher of a phase's ranks, with stand-ins for these: `python stand_in_launch.py JOB.json`."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.ranks import stand_in_rank
from xtts_finetune.pipeline.phase import launch

if __name__ == "__main__":
    launch.newest_step = lambda job: 37
    launch._write_closing = lambda job, stop: stand_in_rank.close(None, job, stop)
    sys.exit(launch.main(Path(sys.argv[-1]), [str(Path(__file__).with_name("stand_in_rank.py"))]))
