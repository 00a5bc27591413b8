"""EPUB: the book's documents in the order that it names, their headings and paragraphs."""

from __future__ import annotations

import posixpath
import zipfile
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote
from xml.etree import ElementTree

from xtts_finetune.errors import UserError
from xtts_finetune.speaking.script.prose import Paragraph, of_paragraphs
from xtts_finetune.speaking.script.script import Script

CONTAINER, ENCRYPTION = "META-INF/container.xml", "META-INF/encryption.xml"
BLOCKS = {"p", "li", "blockquote", "h1", "h2", "h3", "h4", "h5", "h6", "div", "dd", "dt", "td", "figcaption", "pre"}
HEADINGS = {"h1", "h2"}
NOT_SAID = {"script", "style", "head", "nav", "rt", "rp", "svg", "table", "sup"}
# A document of a book, unpacked: a novel has half a MB in all.
LARGEST = 20_000_000


def read_epub(path: Path) -> Script:
    """Its text, a chapter for each heading. Raises UserError for what is no book, or one that is locked."""
    try:
        with zipfile.ZipFile(path) as book:
            names = set(book.namelist())
            if CONTAINER not in names:
                raise UserError("this is no EPUB: it has no META-INF/container.xml")
            documents = list(_documents(book, names))
    except zipfile.BadZipFile:
        raise UserError("this is no EPUB: it is no zip archive; is it damaged?") from None
    except (KeyError, ElementTree.ParseError, NotImplementedError, RuntimeError) as error:
        raise UserError(f"this EPUB is damaged or locked ({error})") from None
    paragraphs = [each for name, document in documents for each in _paragraphs(name, document)]
    return of_paragraphs(paragraphs)


def _documents(book: zipfile.ZipFile, names: set[str]) -> Iterator[tuple[str, str]]:
    """Name and text of each document of the spine, without the book's own table of contents."""
    container = ElementTree.fromstring(_read(book, CONTAINER))
    package = next((each.get("full-path") for each in container.iter() if each.tag.endswith("rootfile")), None)
    if package is None or package not in names:
        raise UserError("this is no EPUB: its container names no package")
    folder, root = posixpath.dirname(package), ElementTree.fromstring(_read(book, package))
    entries = {each.get("id"): each for each in root.iter() if each.tag.endswith("}item")}
    locked = _read(book, ENCRYPTION).decode("utf-8", "replace") if ENCRYPTION in names else ""
    for reference in (each for each in root.iter() if each.tag.endswith("}itemref")):
        entry = entries.get(reference.get("idref"))
        if entry is None or "nav" in (entry.get("properties") or "").split():
            continue
        name = posixpath.normpath(posixpath.join(folder, unquote(entry.get("href") or "")))
        if name in names and "html" in (entry.get("media-type") or "html"):
            if f'"{name}"' in locked:
                raise UserError("this book is locked (DRM): only the program that it was bought for can read it")
            yield name, _read(book, name).decode("utf-8-sig", "replace")


def _read(book: zipfile.ZipFile, name: str) -> bytes:
    if book.getinfo(name).file_size > LARGEST:
        raise UserError(f"{name} in this EPUB is larger than {LARGEST / 1e6:g} MB, which no text is")
    return book.read(name)


def _paragraphs(name: str, document: str) -> Iterator[Paragraph]:
    parser = _Blocks()
    parser.feed(document)
    parser.close()
    parser.end_block()
    for number, (text, tag) in enumerate(parser.blocks, start=1):
        yield Paragraph(text, f"{posixpath.basename(name)}, paragraph {number}", text if tag in HEADINGS else None)


class _Blocks(HTMLParser):
    """Collects (text, tag) of every block of a document."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks: list[tuple[str, str]] = []
        self._words: list[str] = []
        self._tag, self._silent = "p", 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in NOT_SAID:
            self._silent += 1
        elif tag in BLOCKS:
            self.end_block()
            self._tag = tag
        elif tag == "br":
            self._words.append(" ")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self._words.append(" ")

    def handle_endtag(self, tag: str) -> None:
        if tag in NOT_SAID:
            self._silent = max(self._silent - 1, 0)
        elif tag in BLOCKS:
            self.end_block()

    def handle_data(self, data: str) -> None:
        if not self._silent:
            self._words.append(data)

    def end_block(self) -> None:
        """What was read since the last block is one."""
        text = " ".join("".join(self._words).split())
        if text:
            self.blocks.append((text, self._tag))
        self._words, self._tag = [], "p"
