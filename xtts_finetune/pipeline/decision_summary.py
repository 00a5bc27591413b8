"""The decision as a command prints it last: a table, the answer, why and how sure it is."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from rich.table import Table

from xtts_finetune.pipeline.children.running import Work
from xtts_finetune.pipeline.commands import verb
from xtts_finetune.spec.reading.words import metric


def say_outcome(work: Work) -> None:
    """The decision, and where to listen."""
    if work.run.decision.is_file():
        say_decision(work, json.loads(work.run.decision.read_text(encoding="utf-8")))
    work.say(f"  next: listen to the candidates side by side   {work.run.report}")
    work.say(f"  then blind, which decides: {verb(work, 'listen')}")


def say_decision(work: Work, decision: dict[str, Any]) -> None:
    """The candidates with what is known of each, the answer, why, and how sure it is."""
    work.console.print(_table(decision))
    ship = decision.get("ship")
    work.say(f"{ship} ships: {decision.get('verdict')}" if ship else str(decision.get("verdict")), "bold")
    for why in decision.get("why", []):
        work.say(f"  {why}")
    if decision.get("meanwhile"):
        work.say(f"  if it must be today: {decision['meanwhile']}, by the tie rule")
    if decision.get("confidence"):
        work.say(f"  how sure: {decision['confidence']}")
    if decision.get("then"):
        work.say(f"  then: {decision['then']}")


def _table(decision: Mapping[str, Any]) -> Table:
    table = Table(title="decision", title_justify="left", title_style="bold")
    for heading in ("candidate", "status", "mel_ce", "text_ce", "step", "mark", "row"):
        table.add_column(heading, justify="left" if heading in ("candidate", "status") else "right")
    for candidate in decision.get("candidates", []):
        ships = candidate.get("name") == decision.get("ship")
        cells = [candidate.get("step"), _mark(decision, candidate), candidate.get("row")]
        table.add_row(
            candidate.get("name"),
            str(candidate.get("status", "")),
            metric(candidate, "mel_ce"),
            metric(candidate, "text_ce"),
            *("-" if cell is None else str(cell) for cell in cells),
            style="bold" if ships else None,
        )
    return table


def _mark(decision: Mapping[str, Any], candidate: Mapping[str, Any]) -> str | None:
    """'8.6 (8.1 to 9.0)' of listeners, or the mark that was written by hand."""
    heard = (decision.get("quality") or {}).get(candidate.get("name"))
    if heard:
        return f"{heard['mark']:.1f} ({heard['low']:.1f} to {heard['high']:.1f})"
    written = candidate.get("quality")
    return None if written is None else f"{written:g}"
