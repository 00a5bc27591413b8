"""Curves from any file or folder, whoever wrote it: one reader a format, chosen by what is in the file."""

from __future__ import annotations

from pathlib import Path

from xtts_finetune.curves.curves import Curves
from xtts_finetune.curves.readers.coqui_log import is_coqui_log, read_coqui_log
from xtts_finetune.curves.readers.csv_table import rows_of_table, rows_without_names
from xtts_finetune.curves.readers.json_log import FORMAT as JSON
from xtts_finetune.curves.readers.json_log import rows_of_json
from xtts_finetune.curves.readers.metrics_file import is_metrics, read_metrics_file
from xtts_finetune.curves.readers.names import is_loss
from xtts_finetune.curves.readers.plain_log import FORMAT as PLAIN
from xtts_finetune.curves.readers.plain_log import rows_of_log, without_colours
from xtts_finetune.curves.readers.rows import curves_of_rows
from xtts_finetune.curves.readers.tensorboard_events import is_events, read_events
from xtts_finetune.errors import UserError
from xtts_finetune.numbers.fixed import BASE
from xtts_finetune.records.run_folder import METRICS
from xtts_finetune.records.run_folder import RunFolder as RunFolder

HEAD = 65_536  # bytes that say what a file is
LARGEST = 2_000_000_000  # bytes; a log of months is a tenth of that
IN_A_FOLDER = (
    METRICS,
    "trainer_0_log.txt",
    "trainer_state.json",
    "events.out.tfevents.*",
    "*.csv",
    "*.jsonl",
    "*.log",
)
LOOKED_FOR = (
    "looked for a metrics.jsonl of ours, a log of Coqui's trainer (trainer_0_log.txt), TensorBoard events, a table "
    "or JSON with names such as 'loss' or 'val_loss', and lines such as 'epoch 12 loss: 2.71 val_loss=2.75'"
)


def read_curves(path: Path) -> Curves:
    """The curves of a file, or of the best file in a folder.

    Raises UserError when there is none, or when nothing in it can be understood; it says what was looked for.
    """
    if path.is_dir():
        return read_curves(_best_in(path))
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            start = file.read(HEAD)
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror}); name a log, or a phase") from None
    if size > LARGEST:
        raise UserError(f"{path}: {size / 1e9:.1f} GB are too many for a log; cut out the part that matters")
    if is_events(path, start):
        return read_events(path)
    if not start.strip():
        raise UserError(f"{path}: the file is empty; {LOOKED_FOR}")
    return _of_text(path, start)


def _of_text(path: Path, start: bytes) -> Curves:
    encoding = encoding_of(start)
    if is_metrics(path, _text(start, encoding)):
        return read_metrics_file(path)
    # The losses of a plain log may begin far down, after pages of greetings.
    text = without_colours(_text(path.read_bytes(), encoding))
    lines = text.splitlines()
    found: Curves | None
    if is_coqui_log(lines) and (found := read_coqui_log(lines, str(path))) is not None:
        return found
    readings = [
        (JSON, "name", rows_of_json(text, lines, str(path))),
        (PLAIN, "name", rows_of_log(lines)),
    ]
    form, rows = rows_of_table(lines, path.name)
    readings.append((form, "column", rows))
    form, what, rows = max(readings, key=lambda reading: sum(is_loss(name) for row in reading[2] for name in row))
    found = curves_of_rows(rows, str(path), form, what) or curves_of_rows(
        rows_without_names(lines), str(path), "numbers without names", "what may be a"
    )
    if found is None:
        raise UserError(f"{path}: nothing in it is a loss; {LOOKED_FOR}")
    return found


def _text(content: bytes, encoding: str) -> str:
    """The text; UTF-16 without its mark, or after UTF-8, is read as the letters that stand between its zeros."""
    return content.decode(encoding, errors="replace").replace("\0", "")


def encoding_of(start: bytes) -> str:
    """UTF-8, or the UTF-16 that `> log.txt` writes in a Windows PowerShell."""
    return "utf-16" if start[:2] in (b"\xff\xfe", b"\xfe\xff") else "utf-8-sig"


def _best_in(folder: Path) -> Path:
    for pattern in IN_A_FOLDER:
        # Of several event files or tables the newest is of the last start.
        found = sorted(folder.glob(pattern), key=lambda path: (path.stat().st_mtime, path.name))
        if found:
            return found[-1]
    below = sorted(path.parent.name for path in folder.glob(f"*/{METRICS}") if path.parent.name != BASE)
    hint = f"; it holds {', '.join(below)}: name one of these folders" if below else ""
    raise UserError(f"{folder}: no {', '.join(IN_A_FOLDER)} in this folder{hint}")
