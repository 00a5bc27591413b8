"""Which candidate ships: the listeners' preference, the declared matrix and the checks, weighed. Without torch.

docs/deciding.md says by which rules.
"""

from xtts_finetune.evaluation.decision.decide import decide, decide_from, write_decision
from xtts_finetune.evaluation.decision.inputs import gather_inputs, marks_given
from xtts_finetune.evaluation.decision.model import NOT_RUN, Candidate, Decision
from xtts_finetune.numbers.fixed import BASE

__all__ = [
    "BASE",
    "NOT_RUN",
    "Candidate",
    "Decision",
    "decide",
    "decide_from",
    "gather_inputs",
    "marks_given",
    "write_decision",
]
