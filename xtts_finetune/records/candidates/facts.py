"""What is known of a phase that ends, beyond its metrics: its values, its times, and the levels that it reached."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Literal

Result = Literal["met", "not met", "not heard yet", "not measured"]
Scenario = Literal["success", "marginal", "none"]

SCENARIOS: Mapping[Scenario, str] = {
    "success": "better than its start, and a goal is reached",
    "marginal": "better than its start, but no goal is reached",
    "none": "no better than its start",
}


@dataclass(frozen=True)
class LimitCheck:
    """One limit of one level: what was asked, what was measured, and whether that is enough."""

    level: str
    limit: str
    measured: str
    result: Result


@dataclass(frozen=True)
class Judgement:
    """The highest level reached, None for none, the scenario, and every limit that was looked at."""

    level: str | None
    scenario: Scenario
    checks: tuple[LimitCheck, ...] = ()

    def to_json(self) -> dict[str, Any]:
        """As model_info.json holds it."""
        checks = [asdict(check) for check in self.checks]
        return {"level": self.level, "scenario": self.scenario, "levels": checks}


@dataclass(frozen=True)
class PhaseFacts:
    """What the closing records say beyond the metrics.

    steps_planned counts optimizer steps, epochs_planned passes over the clips. `hyperparameters` are those that
    it was trained with; `ran_with` says which of them differ from the declared ones because memory ran out:
    {batch_size, accumulate, from_step, why}. `started` and `ended` are ISO 8601 times, `seconds` the time that
    was worked in between. `trend` says whether mel_ce was
    still moving at the end: {verdict, words, ...} of curves.trend. `command` is what the user types next.
    """

    steps_planned: int
    epochs_planned: float
    batch_size: int
    learning_rate: float
    hyperparameters: Mapping[str, object]
    started: str
    ended: str
    seconds: float
    judgement: Judgement
    trend: Mapping[str, Any]
    fingerprint: str
    command: str
    goal: str = ""
    log: Path | None = None
    ran_with: Mapping[str, Any] | None = field(default=None)
