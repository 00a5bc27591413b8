"""The model: base files, GPT and losses, checkpoints, speech. Nothing heavy is imported at package level."""

from __future__ import annotations

import sys

from xtts_finetune.machine.packages import distributions_read_once, without_collecting

MODEL = "TTS.tts.models.xtts"


def load_coqui() -> None:
    """Import torch and Coqui's XTTS at once, with which nearly every child process begins; nothing if that was done."""
    if MODEL not in sys.modules:
        with without_collecting(), distributions_read_once():
            import TTS.tts.models.xtts  # noqa: F401, PLC0415  heavy
