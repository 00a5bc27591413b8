"""Review of a phase's declaration: values outside what is usual for its base and its data, one rule a file.

Unusual is not wrong: each finding says what is usual and why, and leaves it to whoever reads it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from xtts_finetune.monitor.review.batch import batch
from xtts_finetune.monitor.review.declared import Declared, declared_of
from xtts_finetune.monitor.review.eval_set import eval_set
from xtts_finetune.monitor.review.evaluations import evaluations
from xtts_finetune.monitor.review.gradient_clip import gradient_clip
from xtts_finetune.monitor.review.learning_rate import learning_rate
from xtts_finetune.monitor.review.loss_weights import loss_weights
from xtts_finetune.monitor.review.passes import passes
from xtts_finetune.monitor.view import Finding

RULES: tuple[Callable[[Declared], list[Finding]], ...] = (
    learning_rate,
    batch,
    passes,
    evaluations,
    eval_set,
    gradient_clip,
    loss_weights,
)


def review_of(
    phase: str, declaration: Mapping[str, Any], data: Mapping[str, Any], model: Mapping[str, Any]
) -> list[Finding]:
    """Everything unusual about a phase.

    declaration  as phase.yaml has it       data  data.json
    model        `model_args` of config.json, which tells how large the base is
    """
    declared = declared_of(phase, declaration, data, model)
    return [finding for rule in RULES for finding in rule(declared)]
