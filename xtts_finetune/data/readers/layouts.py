"""What formats say of their lists, LJSpeech's, Coqui's, Common Voice's, and how such a list is read."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from xtts_finetune.data.readers.columns import roles_by_names
from xtts_finetune.data.readers.lines import Fields, is_quoted, read_fields
from xtts_finetune.data.readers.raw import lines_of
from xtts_finetune.errors import UserError
from xtts_finetune.spec.formats import Column, Format
from xtts_finetune.spec.pipeline import DatasetSpec

SHOWN = 80


@dataclass(frozen=True)
class Layout:
    """What a format says of its lists.

    header   whether the first line names the columns; None: it may
    columns  what they hold by their place, where no header says it; later ones may be left out
    named    the columns of sound and text in a header
    home     the folder of the sounds
    quoted   whether it is true CSV; None: where the list shows that it was written so
    """

    separator: str
    header: bool | None
    columns: tuple[Column, ...] = ()
    named: tuple[tuple[str, ...], tuple[str, ...]] = (("audio_file",), ("text",))
    home: str = ""
    quoted: bool | None = None
    expected: str = ""


TEXTS = ("text", "transcription", "sentence", "transcript")
LAYOUTS: dict[Format, Layout] = {
    "ljspeech": Layout(
        "|", False, ("audio", "text", "text"), home="wavs", expected="id|text or id|text|normalised text"
    ),
    "coqui": Layout("|", None, ("audio", "text", "speaker"), expected="audio_file|text|speaker_name"),
    "common_voice": Layout("\t", True, named=(("path",), ("sentence",)), home="clips", quoted=False),
    "audiofolder": Layout(",", True, named=(("file_name",), TEXTS), quoted=True),
}


@dataclass(frozen=True)
class Table:
    """How a list is read: its columns in their order, and whether a header stands above them.

    names   the header, where there is one
    fewest  columns that a line must have
    """

    separator: str
    quoted: bool
    header: bool
    roles: tuple[Column, ...]
    names: tuple[str, ...] = ()
    fewest: int = 2

    def row(self, fields: Fields) -> tuple[str, ...] | None:
        """A line's values by column, or None for a wrong number of them; a text that comes last may have separators."""
        values = fields.values
        if len(values) > len(self.roles) and self.separator in ",;" and not self.quoted and self.roles[-1] == "text":
            last = len(self.roles) - 1
            values = (*values[:last], fields.raw.split(self.separator, last)[-1].strip())
        return values if self.fewest <= len(values) <= len(self.roles) else None

    def of(self, row: Sequence[str], role: Column) -> str:
        """What a line has for a role; of several columns the last that is not empty."""
        found = [value for value, its in zip(row, self.roles, strict=False) if its == role and value]
        return found[-1] if found else ""


def table_of_layout(spec: DatasetSpec, layout: Layout) -> Table | None:
    """The table of a format that says most of it itself."""
    separator = layout.separator
    quoted = is_quoted(spec, separator) if layout.quoted is None else layout.quoted
    first = next(read_fields(spec, separator, quoted), None)
    if first is None:
        return None
    values = first.values if isinstance(first, Fields) else ()
    audio, text = (next((name for name in names if name in values), None) for names in layout.named)
    if layout.header and (audio is None or (text is None and len(layout.named[1]) == 1)):
        found = separator.join(values) if isinstance(first, Fields) else first.content
        wanted = " and ".join(f"'{names[0]}'" for names in layout.named if len(names) == 1)
        by = "tabs" if separator == "\t" else "commas"
        raise UserError(
            f"data set '{spec.name}': {lines_of(spec)}:{first.line}: expected a header with {wanted}, separated by "
            f"{by}, but got '{found[:SHOWN]}'"
        )
    if layout.header is False or audio is None or (text is None and not layout.header):
        return Table(separator, quoted, False, layout.columns)
    roles = roles_by_names(values, {"audio": audio, "text": text})
    return Table(separator, quoted, True, tuple(roles or ()), values, len(values))
