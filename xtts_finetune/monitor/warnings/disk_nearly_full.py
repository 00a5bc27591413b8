"""The next checkpoint may not fit."""

from __future__ import annotations

from xtts_finetune.monitor.stability import Limits
from xtts_finetune.monitor.view import Warned
from xtts_finetune.monitor.warnings.seen import Seen

# A new checkpoint and a new best model are written before the old ones go.
SPARE = 1.2


def disk_nearly_full(seen: Seen, limits: Limits) -> Warned | None:
    """Warn when the disk has less room than one more checkpoint and one more best model need."""
    if seen.free is None or not seen.needed or seen.free >= SPARE * seen.needed:
        return None
    return Warned(
        "disk_nearly_full",
        "The disk is nearly full",
        f"{seen.free / 1e9:.1f} GB are free; one more checkpoint with a best model needs {seen.needed / 1e9:.1f} GB",
        "Make room on the run's disk; a phase that meets a full disk ends, and goes on from its last checkpoint.",
    )
