"""Whether the clips that a declaration lets through fit into its base, before training fails on one."""

from __future__ import annotations

from typing import Any

from xtts_finetune.errors import UserError
from xtts_finetune.spec.pipeline import ClipLimits

# XTTS v2's own, for a config.json that does not give them.
MAX_AUDIO_TOKENS = 605
MAX_TEXT_TOKENS = 402

# Coqui's GPT has 3 positions more than audio tokens, and takes 5 besides the clip's own codes.
EXTRA_POSITIONS = 2
CODES_A_SECOND = 22_050 / 1024


def check_limits(limits: ClipLimits, config: dict[str, Any]) -> None:
    """Raise UserError if a clip within the limits would have more tokens than the base has positions.

    `config` is the base's config.json (see xtts.base.read_config).
    """
    arguments = config["model_args"]
    codes = int(arguments.get("gpt_max_audio_tokens") or MAX_AUDIO_TOKENS) - EXTRA_POSITIONS
    if limits.max_seconds * CODES_A_SECOND > codes:
        seconds = int(codes / CODES_A_SECOND * 10) / 10
        raise UserError(
            f"clips: max_seconds is {limits.max_seconds:g}, but this base holds at most {seconds:g} s"
        )
    tokens = int(arguments.get("gpt_max_text_tokens") or MAX_TEXT_TOKENS)
    if limits.max_text_tokens > tokens:
        raise UserError(
            f"clips: max_text_tokens is {limits.max_text_tokens}, but this base holds at most {tokens}"
        )
