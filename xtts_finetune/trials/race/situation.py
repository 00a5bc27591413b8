"""What remedies are made from: the phase as it ran, where it stands, and what its curves say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from xtts_finetune.records.metrics import Metrics
from xtts_finetune.spec.phase import PhaseSpec
from xtts_finetune.spec.train import is_lora
from xtts_finetune.trials.pinned import lasting_values

# A schedule that has fallen to nothing would train nothing: the phase goes on with this share of its peak at least.
LOWEST_SHARE = 0.01

# Each remedy stops early after so many evaluations without improvement.
PATIENCE = 10


@dataclass(frozen=True)
class Situation:
    """A phase that is to be helped.

    phase       as declared
    metrics     its history
    evals       length of the race in evaluations
    eval_every  steps of the control between two of them
    first_mark  evaluations until remedies are compared for the first time
    verdict     of the diagnosis ('plateau', 'oscillating', ...); '' where there is none
    advised     the remedies that the diagnosis speaks for, by name
    optimizer   whether the moments of the starting checkpoint go on
    models      how many models of the phase are there to be averaged
    level       what the level 'plateau_breaker' sets; empty where it is not known
    """

    name: str
    phase: PhaseSpec
    metrics: Metrics
    evals: int
    eval_every: int
    first_mark: int
    verdict: str = ""
    advised: frozenset[str] = frozenset()
    optimizer: Literal["keep", "reset"] = "keep"
    models: int = 0
    level: Mapping[str, Any] = field(default_factory=dict)

    @property
    def steps(self) -> int:
        """Steps of the control in the whole race."""
        return self.evals * self.eval_every

    @property
    def rate(self) -> float:
        """The learning rate that the phase has come to."""
        steps, peak = self.metrics.steps, self.phase.learning_rate
        return max(steps[-1].learning_rate, LOWEST_SHARE * peak) if steps else peak

    @property
    def warmup_steps(self) -> int:
        """Moments that begin anew need a rise; those that go on do not."""
        return 0 if self.optimizer == "keep" else self.rise

    @property
    def rise(self) -> int:
        """The longest warm-up that leaves a short race its time: to the first evaluation at most."""
        return max(1, min(self.eval_every, self.steps // 10))

    def going_on(self) -> dict[str, Any]:
        """The phase's values as they go on unchanged: at the learning rate that it has come to.

        It keeps the rules that guard against damage, and stops after `PATIENCE` evaluations without improvement.
        """
        values = lasting_values(self.phase)
        rules = [
            *values.get("stop_when", ()),
            {"rule": "no_improvement", "metric": "mel_ce", "evals": PATIENCE},
        ]
        return values | {
            "learning_rate": float(f"{self.rate:.4g}"),
            "schedule": {"kind": "constant", "warmup_steps": self.warmup_steps},
            "steps": self.steps,
            "eval_every_steps": self.eval_every,
            "checkpoint_every": {"steps": self.steps},  # and every 20 minutes, as always
            "stop_when": rules,
        }

    def fall(self, metric: str) -> float:
        """By what share an eval metric has fallen since the phase's start; 0 where that is not known."""
        first, last = self.metrics.initial, self.metrics.final
        if first is None or last is None or not getattr(first, metric):
            return 0.0
        return 1.0 - float(getattr(last, metric) / getattr(first, metric))

    @property
    def trains_adapters(self) -> bool:
        """Whether the phase trains LoRA's adapters."""
        return is_lora(self.phase.train)
