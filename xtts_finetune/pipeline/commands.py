"""The commands that a phase's closing records name, and those that a command names at its end."""

from __future__ import annotations

import re
from collections.abc import Collection

from xtts_finetune.pipeline.children.running import Work

_WORD = re.compile(r"""(?:'[^']*'|"[^"]*"|[^\s'"])+""")


def next_commands(work: Work) -> dict[str, str]:
    """'again' goes on with what this command does, 'go_on' with the whole pipeline under the same options."""
    phases = set(work.declaration.pipeline.phases)
    words = [word for word in _WORD.findall(work.again) if word not in phases]
    return {"again": work.again, "go_on": " ".join(words)}


def verb(work: Work, words: str, without: Collection[str] = ()) -> str:
    """`xtts-finetune WORDS` for the declaration of this command: with the options that named it, and its overrides.

    Overrides of the keys in `without` are left out.
    """
    typed = _WORD.findall(work.again)
    kept = []
    for word, value in zip(typed, [*typed[1:], ""], strict=True):
        setting = value if word == "--set" else word.removeprefix("--set=")
        if setting.strip("'\"").partition("=")[0] in without:
            continue
        if word in ("-f", "--file", "--set"):
            kept += [word, value]
        elif word == "--demo" or word.startswith(("--file=", "--set=")):
            kept.append(word)
    return " ".join(["xtts-finetune", words, *kept])
