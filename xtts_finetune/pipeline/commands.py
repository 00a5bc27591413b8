"""The commands that a phase's closing records name."""

from __future__ import annotations

import re

from xtts_finetune.pipeline.running import Work

_WORD = re.compile(r"""(?:'[^']*'|"[^"]*"|[^\s'"])+""")


def next_commands(work: Work) -> dict[str, str]:
    """'again' goes on with what this command does, 'go_on' with the whole pipeline under the same options."""
    phases = set(work.declaration.pipeline.phases)
    words = [word for word in _WORD.findall(work.again) if word not in phases]
    return {"again": work.again, "go_on": " ".join(words)}
