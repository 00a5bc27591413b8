"""Stop when the loss is NaN or infinite."""

from __future__ import annotations

from xtts_finetune.curves.judge import ends_not_finite
from xtts_finetune.look.quantities import NOT_FINITE
from xtts_finetune.records.metrics import Metrics
from xtts_finetune.records.stopping import Reason, Stop
from xtts_finetune.spec.stop_rules import NotFinite


def not_finite(history: Metrics, rule: NotFinite) -> Stop | None:
    """Stop when the last evaluation's mel_ce or text_ce, or the last `rule.steps` training losses are NaN or infinite.

    At step 0 nothing was trained yet, and the starting weights are to blame.
    A step that fp16 skipped does not count: its loss went into no weight.
    """
    if history.evals:
        last = history.evals[-1]
        for name, value in (("mel_ce", last.mel_ce), ("text_ce", last.text_ce)):
            if ends_not_finite([value]):
                message = f"{name} of the evaluation at step {last.step} is {NOT_FINITE}"
                if last.step == 0:
                    ruined = f"{message}: the weights that the phase starts from are ruined"
                    return Stop(Reason.BAD_START, ruined, {"step": 0})
                return Stop(Reason.NOT_FINITE, message, {"step": last.step})
    steps = history.steps[-rule.steps :]
    if not ends_not_finite([record.loss if record.stepped else 0.0 for record in steps], rule.steps):
        return None
    return Stop(
        Reason.NOT_FINITE,
        f"the training loss is {NOT_FINITE} since step {steps[0].step}",
        {"step": steps[-1].step, "first_step": steps[0].step},
    )
