"""Stop when a phase starts from weights of another model, by its first evaluation compared with its base's."""

from __future__ import annotations

import math

from xtts_finetune.records.metrics import EvalRecord
from xtts_finetune.records.stopping import Reason, Stop

# A base may read half as much again after a phase that went badly; with another vocabulary, or codes of another DVAE, a
# model is surer of what is wrong than a coin would be.
TEXT_SHARE, TEXT_NATS = 1.5, 1.0
MEL_NATS = 1.0


def foreign_start(first: EvalRecord, base: EvalRecord) -> Stop | None:
    """A stop where the evaluation at step 0 is far above the base's on the same eval set; None where it may be right.

    For weights from a file of the user's own: nothing beside them may say which vocabulary and which codes they know.
    """
    if not (math.isfinite(first.mel_ce) and math.isfinite(first.text_ce_nats)):
        return None  # the rule 'not_finite' has the word for it
    limits = {
        "text_ce_nats": TEXT_SHARE * base.text_ce_nats + TEXT_NATS,
        "mel_ce": base.mel_ce + MEL_NATS,
    }
    for name, limit in limits.items():
        value, known = getattr(first, name), getattr(base, name)
        if value > limit:
            what = "texts: another vocab.json" if name == "text_ce_nats" else "sound: codes of another dvae.pth"
            return Stop(
                Reason.BAD_START,
                f"at step 0 {name} is {value:.2f} where the base itself has {known:.2f}: the starting weights do not "
                f"know this base's {what}, or a ruined model",
                {"step": 0, name: value, f"base_{name}": known},
            )
    return None
