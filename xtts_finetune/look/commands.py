"""The commands that messages name, complete: with the options that say which config the command at work is about."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Sequence

# Holds those options; the children of a command inherit it.
NAMED = "XTTS_FINETUNE_NAMED"
WITHOUT_OVERRIDES = ("diagnose", "monitor")


def command(words: str, program: str = "xtts-finetune") -> str:
    """'xtts-finetune WORDS -f voices/anna.yaml', to be pasted; `words` are quoted already."""
    named = json.loads(os.environ.get(NAMED, "[]"))
    if words.partition(" ")[0] in WITHOUT_OVERRIDES:
        named = options_of_config(named, overrides=False)
    return " ".join(filter(None, (named_as_in_docs(words, program), quoted(named))))


def named_as_in_docs(words: str, program: str = "xtts-finetune") -> str:
    """'PROGRAM WORDS', where the verb `run` has the name that the docs give it: run_pipeline."""
    verb, _, rest = words.partition(" ")
    program, words = ("run_pipeline", rest) if verb == "run" else (program, words)
    return f"{program} {words}".rstrip()


def quoted(words: Sequence[str]) -> str:
    """Words as one types them in this system's shell."""
    return subprocess.list2cmdline(words) if sys.platform == "win32" else shlex.join(words)


def run_first(finding: str, line: str) -> str:
    """What is missing, and the command to run before: bare on a line of its own, so that it can be pasted."""
    return f"{finding}; run this first:\n  {line}"


def note_named(arguments: Sequence[str]) -> None:
    """Remember which config the arguments of a command are about."""
    os.environ[NAMED] = json.dumps(options_of_config(arguments))


def options_of_config(arguments: Sequence[str], overrides: bool = True) -> list[str]:
    """Of a command's arguments those that name its config, and its overrides if these are wanted."""
    kept: list[str] = []
    rest = list(arguments)
    while rest:
        word = rest.pop(0)
        if word == "--":
            break
        if word in ("-f", "--file", "--set"):
            value = rest[:1]
            del rest[:1]
            kept += [word, *value] if overrides or word != "--set" else []
        elif word == "--demo" or word.startswith(("--file=", "-f")) or (overrides and word.startswith("--set=")):
            kept.append(word)
    return kept
