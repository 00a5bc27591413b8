"""The Chromium of this machine, for what is measured and tested as a user sees it."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser

NAMES = ("chromium", "chromium-browser", "google-chrome", "chrome")
FLAGS = (
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--mute-audio",
)


def installed_browser() -> str | None:
    """Its file; None where there is none."""
    return next(filter(None, map(shutil.which, NAMES)), None)


@contextmanager
def chromium() -> Iterator[Browser]:
    """It, started, without a window. Raises FileNotFoundError where there is none."""
    from playwright.sync_api import sync_playwright  # noqa: PLC0415

    file = installed_browser()
    if file is None:
        raise FileNotFoundError(f"there is no Chromium here ({', '.join(NAMES)})")
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=file, args=list(FLAGS))
        try:
            yield browser
        finally:
            browser.close()


@contextmanager
def chromium_or_skip() -> Iterator[Browser]:
    """The same for a test, which is skipped where there is none."""
    import pytest  # noqa: PLC0415

    pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
    if installed_browser() is None:
        pytest.skip(f"there is no Chromium here ({', '.join(NAMES)})")
    with chromium() as started:
        yield started
