"""torch and Coqui's model, loaded at once: nearly all that a child process does begins with them."""

from __future__ import annotations

import sys

from xtts_finetune.importing import without_collecting

MODEL = "TTS.tts.models.xtts"


def load_coqui() -> None:
    """Import torch and Coqui's XTTS; nothing where that was done already."""
    if MODEL not in sys.modules:
        with without_collecting():
            import TTS.tts.models.xtts  # noqa: F401, PLC0415  heavy
