"""How much each searched key matters, by PED-ANOVA.

S. Watanabe, A. Bansal, F. Hutter, PED-ANOVA: Efficiently Quantifying Hyperparameter Importance in Arbitrary Subspaces,
IJCAI 2023; by Optuna.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Sequence

from xtts_finetune.trials.search.generations import Tried
from xtts_finetune.trials.search.space import Space, distributions

# Fewer say nothing.
FEWEST = 4


def importances(space: Space, tried: Sequence[Tried], mark: int) -> dict[str, float]:
    """Each key's share, the largest first, in how the trials differ at `mark`, where all were judged.

    Empty where too few trials have a number there, or all have the same.
    """
    import optuna  # noqa: PLC0415  heavy
    from optuna.exceptions import ExperimentalWarning  # noqa: PLC0415

    judged = [(each, each.at_marks.get(mark, math.inf)) for each in tried]
    finite = [(each, value) for each, value in judged if math.isfinite(value)]
    if len(finite) < FEWEST or len({value for _, value in finite}) == 1:
        return {}
    study = optuna.create_study()
    for each, value in finite:
        study.add_trial(
            optuna.trial.create_trial(value=value, params=each.point, distributions=distributions(space))
        )
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ExperimentalWarning)
        evaluator = optuna.importance.PedAnovaImportanceEvaluator()
        shares = optuna.importance.get_param_importances(study, evaluator=evaluator)
    return {key: share for key, share in shares.items() if math.isfinite(share)}
