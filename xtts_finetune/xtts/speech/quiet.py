"""Without hints of libraries that say nothing to those who speak with a model."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

import transformers


@contextlib.contextmanager
def without_hints() -> Iterator[None]:
    """Without transformers' warnings about start and stop tokens, which Coqui's GPT never uses, and greedy settings."""
    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(before)
