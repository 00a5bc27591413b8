"""Print the index that has torch's build for this computer's NVIDIA card; nothing where PyPI's own will do.

The launchers and the Makefile ask before anything is installed, so nothing outside Python is needed. The environment
variable TORCH_INDEX names an index in place of the one that is found; 'pypi' takes PyPI's.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from xtts_finetune.machine.cards import find_gpu, index_for


def main() -> None:
    wanted = os.environ.get("TORCH_INDEX") or index_for(find_gpu(), sys.platform == "win32") or "pypi"
    if wanted != "pypi":
        print(wanted)


if __name__ == "__main__":
    main()
