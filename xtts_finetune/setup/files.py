"""The files of a new declaration, each value with its reason; nothing that is there is written over unasked."""

from __future__ import annotations

import json
import os
import shlex
import stat
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtts_finetune.data.eval_set import held_out_sets
from xtts_finetune.data.first_look import minutes_of
from xtts_finetune.data.passages import cut_from_recordings
from xtts_finetune.errors import UserError
from xtts_finetune.look.templating import environment
from xtts_finetune.numbers.usual import EVAL_CLIPS, EVAL_FRACTION
from xtts_finetune.records.atomic import replace_with_retry, write_text_atomic
from xtts_finetune.setup.data_sets import FoundSet
from xtts_finetune.setup.found_data import Answers
from xtts_finetune.setup.held_out import Spoken, held_out_lines
from xtts_finetune.setup.numbers import MOST_EVAL_CLIPS, Numbers, choose_batches, choose_numbers
from xtts_finetune.setup.phase_values import phase_values
from xtts_finetune.spec.languages import LANGUAGES
from xtts_finetune.spec.names import is_name
from xtts_finetune.spec.pipeline import EvalSetSpec
from xtts_finetune.spec.schema import schema_texts

if TYPE_CHECKING:
    from jinja2 import Environment


def in_the_way(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Files that are there with another content. Raises UserError where one cannot be read."""
    found = []
    for name, text in files.items():
        try:
            if (folder / name).exists() and (folder / name).read_bytes() != text.encode("utf-8"):
                found.append(name)
        except OSError as error:
            raise UserError(f"{folder / name} cannot be looked at ({error.strerror or error})") from None
    return found


def write_files(folder: Path, files: Mapping[str, str]) -> list[str]:
    """Write the files; what was there before stays beside as NAME.old. The names of those kept."""
    kept = []
    try:
        for name in in_the_way(folder, files):
            old = _free_name(folder / name)
            replace_with_retry(folder / name, old)
            kept.append(old.relative_to(folder).as_posix())
        for name, text in files.items():
            write_text_atomic(folder / name, text)
            if name.endswith(".sh"):
                (folder / name).chmod((folder / name).stat().st_mode | stat.S_IXUSR | stat.S_IXGRP | stat.S_IXOTH)
    except OSError as error:
        raise UserError(
            f"{error.filename or folder} cannot be written ({error.strerror or error}); name another folder"
        ) from None
    return kept


def _free_name(path: Path) -> Path:
    number, old = 1, path.with_name(f"{path.name}.old")
    while old.exists():
        number += 1
        old = path.with_name(f"{path.name}.old{number}")
    return old


PHASES = ("phase1", "phase2")
# Columns that reasons stand in, where the value before is shorter.
REASON_COLUMN = 35
FORMATS_IN_WORDS = {
    "ljspeech": "id|text in metadata.csv, sounds in wavs/",
    "coqui": "path|text|speaker in metadata.csv",
    "folder": "each text in a .txt next to its sound",
    "common_voice": "as Common Voice has it",
    "jsonl": "one JSON object a line",
    "audiofolder": "as Hugging Face's audiofolder has it",
    "table": "one line per clip, its columns as named here",
    "parquet": "texts and sounds in one file, as Hugging Face has it",
}


def render(answers: Answers, held_out: int | None = None) -> dict[str, str]:
    """The texts of all files by their paths, relative to the folder.

    `held_out` is how many clips the eval set has that was chosen already. Raises UserError for too few clips.
    """
    base, look = answers.base, answers.look
    longest = max((clip.seconds for clip in look.kept), default=0.0)
    batches = choose_batches(base.model_bytes, base.config, longest, answers.memory, answers.on_gpu)
    sets = held_out_sets(found.spec for found in answers.data)
    if sets and held_out is None:
        held_out = sum(clip.dataset in sets for clip in look.kept)
    numbers = choose_numbers(len(look.kept), base.weights, batches.adapters, held_out)
    eval_set = EvalSetSpec(fraction=numbers.fraction, at_least=numbers.at_least)
    spoken = held_out_lines(look, eval_set, cut_from_recordings(found.spec for found in answers.data), sets)
    made = templates()
    files = {
        "pipeline.yaml": made.get_template("pipeline.yaml.j2").render(_pipeline(answers, numbers)),
        "eval/utterances.yaml": made.get_template("utterances.yaml.j2").render(_utterances(answers, spoken)),
        "eval/decision_matrix.yaml": made.get_template("decision_matrix.yaml.j2").render(small_base=base.small),
    }
    for name in PHASES:
        values = phase_values(name, answers, numbers, batches)
        files[f"phases/{name}.yaml"] = made.get_template("phase.yaml.j2").render(values)
    files = {path: align(text) for path, text in files.items()}
    for name in PHASES:
        files[f"train_{name}.sh"] = made.get_template("train.sh.j2").render(phase=name, python=_python("posix"))
        batch = made.get_template("train.bat.j2").render(phase=name, python=_python("nt"))
        files[f"TRAIN_{name.upper()}.bat"] = batch.replace("\n", "\r\n")
    return files | {f"schemas/{name}": text for name, text in schema_texts().items()}


def align(text: str) -> str:
    """The reasons behind the values, in one column as far as the values let them."""
    lines = []
    for line in text.splitlines():
        value, mark, reason = line.partition("    # ")
        if mark and not value.lstrip().startswith("#"):
            line = f"{value:{REASON_COLUMN - 2}}  # {reason}"
        lines.append(line.rstrip())
    return "\n".join(lines) + "\n"


def templates() -> Environment:
    """The templates of all files, with filters that quote for YAML, a shell and a batch file, as nothing else does."""
    made = environment("setup/templates", autoescape=False, keep_trailing_newline=True)
    made.filters |= {
        "yaml": _quoted,
        "shell": shlex.quote,
        "batch": lambda text: str(text).replace("%", "%%"),
    }
    return made


def _quoted(text: object) -> str:
    """A text as YAML reads it back, whatever is in it: JSON's quotes are YAML's as well."""
    plain = str(text)
    simple = plain.isascii() and plain.replace("_", "").replace("-", "").replace("/", "").replace(".", "").isalnum()
    return plain if simple and plain[0].isalpha() else json.dumps(plain, ensure_ascii=False)


def _python(system: str) -> str:
    """The Python to start with: this one where the launcher is for this system."""
    if os.name == system:
        return sys.executable
    return "python" if system == "nt" else "python3"


def _pipeline(answers: Answers, numbers: Numbers) -> dict[str, Any]:
    base = answers.base
    sets = held_out_sets(found.spec for found in answers.data)
    declared = base.declared if base.declared == "xtts_v2" else relative(Path(base.declared), answers.folder)
    return {
        "date": time.strftime("%Y-%m-%d"),
        "found": {"clips": len(answers.look.kept), "minutes": f"{answers.look.minutes:.1f}"},
        "name": answers.name,
        "base": declared,
        "base_why": "the public XTTS v2; a folder with a base's five files does too"
        if declared == "xtts_v2"
        else "the folder with the base's five files",
        "language": answers.language,
        "language_why": f"{LANGUAGES[answers.language]}, as XTTS names it; {answers.language_why}",
        "datasets": [_dataset(found, answers) for found in answers.data],
        "numbers": numbers,
        "fraction_why": f"not used: the clips of {' and '.join(sorted(sets))} are held out"
        if sets
        else "share of the clips that is held out"
        + ("" if numbers.fraction == EVAL_FRACTION else f"; {MOST_EVAL_CLIPS} measure well, more cost time"),
        "at_least_why": "not used either" if sets else _least_why(numbers),
        "preview": base.preview,
    }


def _least_why(numbers: Numbers) -> str:
    held_out = f"{numbers.eval_clips} of about {numbers.clips} clips in all"
    if numbers.at_least == EVAL_CLIPS:
        return f"fewer would make the metrics jump; {held_out}"
    return f"a quarter of the clips, because they are few; {held_out}"


def _speaker(found: FoundSet, answers: Answers) -> str:
    """Who speaks in a data set whose lines do not say it: whom the other sets name, if that is one person."""
    if found.spec.speaker:
        return found.spec.speaker
    if found.own_speakers:
        return ""
    named = {clip.speaker for other in answers.data if other.own_speakers for clip in other.clips}
    only = named.pop() if len(named) == 1 else answers.name
    return only if is_name(only) else answers.name


def _dataset(found: FoundSet, answers: Answers) -> dict[str, Any]:
    spec = found.spec
    alone = len(answers.data) == 1
    kept = answers.look.of(spec.name)
    return {
        "name": spec.name,
        "what": f"{len(kept)} clips, {minutes_of(kept):.1f} minutes",
        "path": relative(spec.path, answers.folder),
        "format": spec.format,
        "format_why": FORMATS_IN_WORDS[spec.format],
        "metadata": "" if spec.metadata is None else spec.metadata.as_posix(),
        "spec": spec,
        "language": spec.language or "",
        "speaker": _speaker(found, answers),
        "speaker_why": "who speaks; the lines do not say it"
        if alone
        else "who speaks; give another name if it is not the same voice in every data set",
    }


def relative(path: Path, folder: Path) -> str:
    """`path` as it is declared in `folder`: relative where that is short, absolute elsewhere; with '/' always."""
    path, folder = path.resolve(), folder.resolve()
    try:
        short = Path(os.path.relpath(path, folder))
    except ValueError:  # another drive
        return path.as_posix()
    if short.parts[:3] == ("..", "..", ".."):
        return path.as_posix()
    # A bare word would be taken for a known base.
    return short.as_posix() if len(short.parts) > 1 else f"./{short.as_posix()}"


def _utterances(answers: Answers, spoken: Spoken) -> dict[str, Any]:
    return {"spoken": spoken, "small_base": answers.base.small, "language": answers.language}
