"""A text as XTTS will speak it, to be shown next to how it is written."""

from __future__ import annotations

from xtts_finetune.xtts.written_out import written_out


def spoken_form(text: str, language: str) -> str:
    """The text with its numbers and abbreviations in words; '' where that changes nothing, or cannot be told."""
    try:
        spoken = written_out(text, language)
    except Exception:  # whatever num2words raises; `prepare` names such a text
        return ""
    return "" if spoken == " ".join(text.lower().replace('"', "").split()) else spoken
