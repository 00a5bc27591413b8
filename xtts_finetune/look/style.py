"""How the pages look that people open: the style sheet that each of them begins with."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path


@lru_cache
def look() -> str:
    """Colours, light and dark, and typefaces, as variables of CSS; a page adds its own rules."""
    return Path(__file__).with_name("look.css").read_text(encoding="utf-8")
