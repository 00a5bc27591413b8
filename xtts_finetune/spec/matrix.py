"""Checks of the decision matrix against the candidates: the base and the declared phases."""

from __future__ import annotations

from collections.abc import Sequence

from xtts_finetune.spec.document import Document, Keys, label
from xtts_finetune.spec.names import is_name
from xtts_finetune.spec.words import did_you_mean, listed


def check_candidates(decision: Document, phases: Sequence[str]) -> None:
    """Whatever the matrix reads, marks or ships must be a candidate."""
    candidates = ["base", *phases]
    named: list[tuple[Keys, object]] = [(("read",), decision.get("read"))]
    marks = decision.get("quality")
    named += [(("quality", name), name) for name in marks] if isinstance(marks, dict) else []
    named += [
        (("rows", index, "ship"), decision.get("rows", index, "ship"))
        for index, _ in decision.entries("rows")
    ]
    for keys, name in named:
        if is_name(name) and name not in candidates:
            hint = did_you_mean(name, candidates) or f"; candidates: {listed(candidates)}"
            shown = label(keys[:1] if keys[0] == "quality" else keys)
            decision.complain(keys, f"{shown}: '{name}' is no candidate{hint}")
