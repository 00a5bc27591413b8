"""A listener without hands: the page in a real Chromium, by keyboard alone."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page


def until(page: Page, expression: str) -> None:
    """Wait until something is true in the page; the page's policy forbids playwright's own way of waiting."""
    for _ in range(500):
        if page.evaluate(expression):
            return
        page.wait_for_timeout(20)
    raise AssertionError(f"never true: {expression}")


def tab_to(page: Page, id_: str) -> None:
    """Press Tab until an element has the focus."""
    for _ in range(40):
        if page.evaluate("document.activeElement.id") == id_:
            return
        page.keyboard.press("Tab")
    raise AssertionError(f"Tab never came to {id_}")


def begin(page: Page, name: str) -> None:
    """From the welcome to the first practice trial."""
    tab_to(page, "listener")
    page.keyboard.type(name)
    page.keyboard.press("Enter")
    page.wait_for_selector("#trial:not([hidden])")


def hear(page: Page, *sides: str) -> None:
    """Play each sound to its end."""
    for side in sides:
        page.keyboard.press(side)
        page.wait_for_selector(f"#play-{side}.heard:not(.playing)", timeout=10_000)


def answer(page: Page, preference: int, marks: str = "76859x84") -> None:
    """Hear both, then answer: preference from -2 to 2, a key for each mark, Enter."""
    hear(page, "a", "b")
    page.wait_for_selector("#preference:not([disabled])")
    page.keyboard.press(str(preference + 3))
    for key in marks:
        page.keyboard.press(key)
    page.keyboard.press("Enter")


def practise(page: Page, marks: str = "76859x84") -> list[str]:
    """The three practice trials; what they taught."""
    lessons = []
    for number in (1, 2, 3):
        assert page.text_content("#where") == f"Practice {number} of 3"
        answer(page, 1, marks)
        page.wait_for_selector("#lesson:not([hidden])")
        lessons.append(page.text_content("#lesson") or "")
        page.keyboard.press("Enter")
    return lessons


def open_page(browser: Browser, file: Path, width: int = 1280) -> tuple[Page, list[str]]:
    """The page from disk, and every address that it asks for but itself and what is in it.

    Faults of its script, and what its policy forbids, are in the list too.
    """
    page = browser.new_context(viewport={"width": width, "height": 900}, accept_downloads=True).new_page()
    asked: list[str] = []
    itself = file.as_uri()
    own = ("data:", "blob:")
    page.on("request", lambda r: None if r.url == itself or r.url.startswith(own) else asked.append(r.url))
    page.on("pageerror", lambda error: asked.append(f"fault: {error}"))
    page.on("console", lambda message: asked.append(message.text) if message.type == "error" else None)
    page.goto(itself)
    return page, asked
