"""The child process that trains one phase, and may speak meanwhile: `python -m ... JOB.json`.

It puts together what must not know each other: training, and the instruments that judge speech.
"""

from __future__ import annotations

import sys
from pathlib import Path

from xtts_finetune.evaluation.spoken_quality import SpokenQuality
from xtts_finetune.training.child import main

if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[-1]), SpokenQuality))
