"""Scripts of every kind become lines; what is wrong is said with its place."""

from __future__ import annotations

import json
import zipfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from xtts_finetune.errors import UserError
from xtts_finetune.speaking.script import KINDS, Script, read_script


def read(folder: Path, name: str, content: str | bytes) -> Script:
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return read_script(path, "en")


def texts(script: Script) -> list[str]:
    return [line.text for line in script.lines]


def test_every_line_of_a_text_is_one(tmp_path: Path) -> None:
    script = read(tmp_path, "lines.txt", "First question.\n\n  Second  one?\n* * *\nThird!\n")
    assert texts(script) == ["First question.", "Second one?", "Third!"]
    assert [line.place for line in script.lines] == ["line 1", "line 3", "line 5"]
    assert script.passed_over == ("line 4",)


def test_broken_lines_are_joined_and_paragraphs_said_a_sentence_at_a_time(tmp_path: Path) -> None:
    book = (
        "It was a long and very cold winter in the\nold house by the river. Nobody had come to\nthe door for weeks.\n\n"
        "In the morning the young woman opened the\nwindow.\n"
    )
    script = read(tmp_path, "book.txt", book)
    assert texts(script) == [
        "It was a long and very cold winter in the old house by the river. Nobody had come to the door for weeks.",
        "In the morning the young woman opened the window.",
    ]
    assert [line.place for line in script.lines] == ["line 1", "line 5"]


def test_markdown_has_chapters_and_no_marks(tmp_path: Path) -> None:
    content = (
        "---\ntitle: Not said\n---\n# One\n\nA *little* [river](http://x.y).\n\n```\ncode()\n```\n\n"
        "## Two\n\n- bread and butter\n- `milk`\n\n### not a chapter\n"
    )
    script = read(tmp_path, "book.md", content)
    assert script.chapters == ("One", "Two")
    assert texts(script) == ["One", "A little river.", "Two", "bread and butter", "milk", "not a chapter"]
    assert [line.chapter for line in script.lines] == [0, 0, 1, 1, 1, 1]
    assert script.lines[1].place == "line 6"


TABLE = 'text;voice;seed;pause;chapter\nGood morning.;anna;7;1.5;One\n\n"Hello; you.";;;;\n🙂;;;;\n'


def test_a_table_has_values_for_each_line(tmp_path: Path) -> None:
    script = read(tmp_path, "lines.csv", TABLE)
    first, second = script.lines
    assert (first.text, first.voice, first.seed, first.pause) == ("Good morning.", "anna", 7, 1.5)
    assert (second.text, second.voice, second.seed, second.pause, second.place) == (
        "Hello; you.",
        None,
        None,
        None,
        "row 4",
    )
    assert script.chapters == ("One",) and script.passed_over == ("row 5",)


@pytest.mark.parametrize("name", ["lines.csv", "lines.tsv"])
def test_one_column_needs_no_name(tmp_path: Path, name: str) -> None:
    assert texts(read(tmp_path, name, "Good morning.\nGood night.\n")) == ["Good morning.", "Good night."]


@pytest.mark.parametrize(
    "content",
    [
        json.dumps(["One.", {"text": "Two.", "seed": 3}]),
        json.dumps({"lines": ["One.", {"Text": "Two.", "seed": "3"}]}),
        '{"text": "One."}\n{"line": "Two.", "seed": 3}\n',
    ],
)
def test_json_in_its_forms(tmp_path: Path, content: str) -> None:
    script = read(tmp_path, "lines.json", content)
    assert texts(script) == ["One.", "Two."] and script.lines[1].seed == 3


def test_subtitles_keep_their_times(tmp_path: Path) -> None:
    first = "1\n00:00:01,500 --> 00:00:03,000\n<i>Hello</i>\nyou.\n"
    content = f"{first}\n2\n00:01:00,000 --> 00:01:02,000\nBye.\n"
    script = read(tmp_path, "film.srt", content.replace("\n", "\r\n"))
    assert [(line.text, line.start) for line in script.lines] == [("Hello you.", 1.5), ("Bye.", 60.0)]


def epub(path: Path, documents: dict[str, str], more: dict[str, str] | None = None) -> Path:
    items = "".join(
        f'<item id="i{n}" href="{name}" media-type="application/xhtml+xml"/>' for n, name in enumerate(documents)
    )
    spine = "".join(f'<itemref idref="i{n}"/>' for n in range(len(documents)))
    package = (
        f'<package xmlns="http://www.idpf.org/2007/opf"><manifest>{items}</manifest><spine>{spine}</spine></package>'
    )
    container = (
        '<container xmlns="urn:oasis:names:tc:opendocument:xmlns:container"><rootfiles>'
        '<rootfile full-path="OEBPS/a.opf"/></rootfiles></container>'
    )
    with zipfile.ZipFile(path, "w") as book:
        book.writestr("META-INF/container.xml", container)
        book.writestr("OEBPS/a.opf", package)
        for name, body in documents.items():
            book.writestr(f"OEBPS/{name}", f"<html><head><title>no</title></head><body>{body}</body></html>")
        for name, content in (more or {}).items():
            book.writestr(name, content)
    return path


def test_a_book_in_the_order_of_its_spine(tmp_path: Path) -> None:
    documents = {
        "b.xhtml": "<h1>The &amp; bridge</h1><p>It was<br/>cold.<sup>1</sup></p><style>p {}</style>",
        "a.xhtml": "<h2>Door</h2><div><p>Open it, please, said the woman.</p><p>* * *</p></div>"
        "<table><tr><td>x</td></tr></table>",
    }
    script = read_script(epub(tmp_path / "book.epub", documents), "en")
    assert script.chapters == ("The & bridge", "Door")
    assert texts(script) == ["The & bridge", "It was cold.", "Door", "Open it, please, said the woman."]


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("lines.doc", "x", "a script ends in .txt, .md"),
        ("lines.txt", "...\n🙂\n", "there is nothing to say"),
        ("lines.txt", "", "there is nothing to say"),
        ("lines.txt", b"a\0b\0\xff", "it"),
        ("lines.csv", "name,words\na,b\n", "no column is called 'text'; the first row has name, words"),
        ("lines.csv", "text,seed\nHello,x\n", "row 2: seed is a number from 0 to"),
        ("lines.csv", "text,seed\nHello,1.5\n", "row 2: seed is a number"),
        ("lines.csv", "text,pause\nHello,-1\n", "row 2: pause is a number from 0 to 60"),
        ("lines.csv", "text,language\nHello,xx\n", "row 2: language: 'xx' is not a language"),
        ("lines.csv", "text,voice\nHello, you,anna,x\n", "row 2 has 4 cells, the first row 2"),
        ("lines.json", "{", "this is no JSON"),
        ("lines.json", "[1]", "entry 1: expected a text"),
        ("lines.json", '[{"seed": 1}]', "entry 1: there is no 'text'"),
        ("lines.json", '{"a": 1}', "expected a list of texts"),
        ("film.srt", "Hello.\n", "there is no subtitle in it"),
        ("book.epub", "no zip", "this is no EPUB"),
    ],
)
def test_what_is_no_script_is_said(tmp_path: Path, name: str, content: str | bytes, said: str) -> None:
    with pytest.raises(UserError) as error:
        read(tmp_path, name, content)
    assert name in str(error.value) and said in str(error.value)


def test_a_locked_book_and_a_missing_file_are_said(tmp_path: Path) -> None:
    locked = '<encryption><CipherReference URI="x"/><a b="OEBPS/a.xhtml"/></encryption>'
    book = epub(tmp_path / "b.epub", {"a.xhtml": "<p>Hi.</p>"}, {"META-INF/encryption.xml": locked})
    with pytest.raises(UserError, match="locked"):
        read_script(book, "en")
    with pytest.raises(UserError, match="there is no such file"):
        read_script(tmp_path / "none.txt", "en")
    with pytest.raises(UserError, match="this is a folder"):
        read_script(tmp_path, "en")


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "cp1250"])
def test_encodings(tmp_path: Path, encoding: str) -> None:
    content = "Jó estét kívánok, üdvözlöm a kedves nézőket!\nAz őszi szél fúj, és zörög a fűzfa ága.\n"
    (tmp_path / "lines.txt").write_bytes(content.encode(encoding))
    assert texts(read_script(tmp_path / "lines.txt", "hu")) == content.splitlines()


@given(content=st.text(max_size=300), ending=st.sampled_from(sorted(KINDS)))
def test_anything_is_a_script_or_one_error(content: str, ending: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / f"any{ending}"
    path.write_bytes(content.encode("utf-8", "surrogatepass"))
    try:
        script = read_script(path, "en")
    except UserError:
        return
    assert script.lines and all(line.text.strip() for line in script.lines)
    assert all(0 <= line.chapter < len(script.chapters) for line in script.lines)
