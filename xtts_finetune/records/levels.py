"""What a phase was worth: its success levels, limit by limit, and the scenario that they make."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

Result = Literal["met", "not met", "not heard yet", "not measured"]
Scenario = Literal["success", "marginal", "none"]

SCENARIOS: Mapping[Scenario, str] = {
    "success": "better than its start, and a declared level is reached",
    "marginal": "better than its start, but no declared level is reached",
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
