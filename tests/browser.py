"""A real Chromium, for the tests of pages."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from benchmarks import browser

if TYPE_CHECKING:
    from playwright.sync_api import Browser


@contextmanager
def chromium() -> Iterator[Browser]:
    """The installed one; the test is skipped where there is none."""
    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if browser.installed_browser() is None:
        pytest.skip(f"there is no Chromium here ({', '.join(browser.NAMES)})")
    with browser.chromium() as started:
        yield started
