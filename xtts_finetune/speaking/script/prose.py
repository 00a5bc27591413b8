"""Running text: plain, and Markdown. Paragraphs are said a sentence or two at a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from xtts_finetune.speaking.script.script import Script, ScriptLine
from xtts_finetune.speaking.turns import in_turns

# What a line ends with that is not broken for want of room.
ENDS = (*".!?…:;\"'”’»)]", *"。！？」")  # fmt: skip
# Headings of this level, and of those above it, begin a chapter.
CHAPTER_LEVEL = 2


@dataclass(frozen=True)
class Paragraph:
    """Text that belongs together; a heading that begins a chapter has its title in `chapter`."""

    text: str
    place: str
    chapter: str | None = None


def of_paragraphs(paragraphs: Sequence[Paragraph]) -> Script:
    """Each paragraph in turns. Chapters begin with their headings; what stands before the first is one of its own."""
    chapters: list[str] = []
    lines: list[ScriptLine] = []
    for paragraph in paragraphs:
        if paragraph.chapter is not None or not chapters:
            chapters.append(paragraph.chapter or "")
        turns = in_turns(paragraph.text) or [paragraph.text]
        lines += [
            ScriptLine(turn, paragraph.place, len(chapters) - 1, ends_paragraph=number == len(turns))
            for number, turn in enumerate(turns, start=1)
        ]
    return Script.of(lines, chapters)


def read_plain(content: str) -> Script:
    """Every line of a text; where its lines are broken for want of room, every paragraph."""
    numbered = list(enumerate(content.splitlines(), start=1))
    blocks = [list(block) for filled, block in groupby(numbered, lambda each: bool(each[1].strip())) if filled]
    if _is_wrapped([[text.strip() for _, text in block] for block in blocks]):
        joined = [(" ".join(text.strip() for _, text in block), block[0][0]) for block in blocks]
        return of_paragraphs([Paragraph(text, f"line {number}") for text, number in joined])
    return Script.of(
        ScriptLine(" ".join(text.split()), f"line {number}", ends_paragraph=(number, text) == block[-1])
        for block in blocks
        for number, text in block
    )


def _is_wrapped(blocks: Sequence[Sequence[str]]) -> bool:
    """Whether most lines that others follow in their block end within a sentence."""
    followed = [line for block in blocks for line in block[:-1]]
    return sum(not line.endswith(ENDS) for line in followed) > len(followed) / 2


def read_markdown(content: str) -> Script:
    """Headings, paragraphs and entries of lists; code, tables and pictures are not said."""
    return of_paragraphs(list(_of_markdown(content)))


def _of_markdown(content: str) -> Iterator[Paragraph]:
    from markdown_it import MarkdownIt  # noqa: PLC0415

    heading: int | None = None
    for token in MarkdownIt("commonmark").parse(_without_front_matter(content)):
        if token.type == "heading_open":
            heading = int(token.tag[1:])
        elif token.type == "inline":
            said = "".join(
                " " if part.type in ("softbreak", "hardbreak") else part.content
                for part in token.children or ()
                if part.type in ("text", "code_inline", "softbreak", "hardbreak")
            )
            text, line = " ".join(said.split()), (token.map or [0])[0] + 1
            begins = heading is not None and heading <= CHAPTER_LEVEL
            if text:
                yield Paragraph(text, f"line {line}", text if begins else None)
            heading = None


def _without_front_matter(content: str) -> str:
    """Values between two lines '---' at the beginning, as blank lines: so places stay."""
    lines = content.splitlines()
    if not lines or lines[0].strip() != "---" or "---" not in [line.strip() for line in lines[1:]]:
        return content
    end = [line.strip() for line in lines[1:]].index("---") + 1
    return "\n".join(["" for _ in lines[: end + 1]] + lines[end + 1 :])
