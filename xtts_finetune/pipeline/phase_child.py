"""The child process that trains one phase, and may speak meanwhile: `python -m ... JOB.json`.

It puts together what must not know each other: training, and the instruments that judge speech.
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING

from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.training.child import main

if TYPE_CHECKING:
    from xtts_finetune.training.child import Speak


def spoken_quality(declaration: Declaration, run: RunFolder, phase: str) -> Speak:
    """What lets a phase's model speak the utterances while it trains, and checks them."""
    from xtts_finetune.evaluation.spoken_quality import SpokenQuality  # noqa: PLC0415  (most phases need none)

    return SpokenQuality(declaration, run, phase)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[-1]), spoken_quality))
