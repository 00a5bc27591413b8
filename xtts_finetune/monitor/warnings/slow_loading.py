"""Steps wait for their clips."""

from __future__ import annotations

import math

from xtts_finetune.monitor.stability import Limits
from xtts_finetune.monitor.view import Warned
from xtts_finetune.monitor.warnings.seen import Seen

MOST_SHARE = 0.3
FEWEST_STEPS = 50


def slow_loading(seen: Seen, limits: Limits) -> Warned | None:
    """Warn when loading takes more than three tenths of the time of the last steps."""
    known = [record for record in seen.steps if math.isfinite(record.seconds + record.load_seconds)]
    seconds = math.fsum(record.seconds for record in known)
    loading = math.fsum(record.load_seconds for record in known)
    if len(known) < FEWEST_STEPS or seconds <= 0 or loading <= MOST_SHARE * seconds:
        return None
    return Warned(
        "slow_loading",
        "Steps wait for their clips",
        f"{loading / seconds:.0%} of the time of the last {len(known)} steps went into loading clips",
        "Put the run's folder, whose cache the clips are read from, on a local disk, and close programs that use it.",
    )
