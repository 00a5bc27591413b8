"""The files of a new declaration as text, each value with its reason."""

from __future__ import annotations

import json
import os
import shlex
import sys
import time
from pathlib import Path
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined

from xtts_finetune.setup.answers import Answers
from xtts_finetune.setup.found_data import FoundSet
from xtts_finetune.setup.held_out import Spoken, held_out_lines
from xtts_finetune.setup.memory import Batches, choose_batches
from xtts_finetune.setup.numbers import USUAL_LEAST, Numbers, PhaseNumbers, choose_numbers
from xtts_finetune.spec.languages import LANGUAGES
from xtts_finetune.spec.names import is_name
from xtts_finetune.spec.pipeline import ClipLimits, EvalSetSpec
from xtts_finetune.spec.schema import schema_texts

PHASES = ("phase1", "phase2")
# Columns that reasons stand in, where the value before is shorter.
REASON_COLUMN = 35
FORMATS_IN_WORDS = {
    "ljspeech": "id|text in metadata.csv, sounds in wavs/",
    "coqui": "path|text|speaker in metadata.csv",
    "folder": "each text in a .txt beside its sound",
    "common_voice": "as Common Voice has it",
    "jsonl": "one JSON object a line",
    "audiofolder": "as Hugging Face's audiofolder has it",
}


def render(answers: Answers) -> dict[str, str]:
    """The texts of all files by their paths, relative to the folder. Raises UserError for too few clips."""
    clips = [clip for found in answers.data for clip in found.clips]
    longest = max((length for found in answers.data for length in found.seconds), default=0.0)
    longest = min(longest, ClipLimits().max_seconds)
    base = answers.base
    batches = choose_batches(base.model_bytes, base.config, longest, answers.memory, answers.on_gpu)
    usable = sum(found.usable for found in answers.data)
    numbers = choose_numbers(usable, base.small, batches.adapters)
    spoken = held_out_lines(clips, EvalSetSpec(fraction=numbers.fraction, at_least=numbers.at_least))
    templates = _templates()
    files = {
        "pipeline.yaml": templates.get_template("pipeline.yaml.j2").render(_pipeline(answers, numbers)),
        "eval/utterances.yaml": templates.get_template("utterances.yaml.j2").render(
            _utterances(answers, spoken)
        ),
        "eval/decision_matrix.yaml": templates.get_template("decision_matrix.yaml.j2").render(
            small_base=base.small
        ),
    }
    for name in PHASES:
        values = _phase(name, answers, numbers, batches)
        files[f"phases/{name}.yaml"] = templates.get_template("phase.yaml.j2").render(values)
    files = {path: align(text) for path, text in files.items()}
    for name in PHASES:
        files[f"train_{name}.sh"] = templates.get_template("train.sh.j2").render(
            phase=name, python=_python("posix")
        )
        batch = templates.get_template("train.bat.j2").render(phase=name, python=_python("nt"))
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


def _templates() -> Environment:
    made = Environment(
        loader=PackageLoader("xtts_finetune.setup"),
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
        undefined=StrictUndefined,
        autoescape=False,  # YAML and scripts; the filters below quote
    )
    made.filters |= {
        "yaml": _quoted,
        "shell": shlex.quote,
        "batch": lambda text: str(text).replace("%", "%%"),
    }
    return made


def _quoted(text: object) -> str:
    """A text as YAML reads it back, whatever is in it: JSON's quotes are YAML's as well."""
    plain = str(text)
    simple = (
        plain.isascii()
        and plain.replace("_", "").replace("-", "").replace("/", "").replace(".", "").isalnum()
    )
    return plain if simple and plain[0].isalpha() else json.dumps(plain, ensure_ascii=False)


def _python(system: str) -> str:
    """The Python to start with: this one where the launcher is for this system."""
    if os.name == system:
        return sys.executable
    return "python" if system == "nt" else "python3"


def _pipeline(answers: Answers, numbers: Numbers) -> dict[str, Any]:
    base = answers.base
    minutes = sum(found.minutes for found in answers.data)
    declared = base.declared if base.declared == "xtts_v2" else relative(Path(base.declared), answers.folder)
    return {
        "date": time.strftime("%Y-%m-%d"),
        "found": {"clips": sum(len(found.clips) for found in answers.data), "minutes": f"{minutes:.1f}"},
        "name": answers.name,
        "base": declared,
        "base_why": "the public XTTS v2; a folder with a base's five files does too"
        if declared == "xtts_v2"
        else "the folder with the base's five files",
        "language": answers.language,
        "language_why": f"{LANGUAGES[answers.language]}, as XTTS names it; {answers.language_why}",
        "datasets": [_dataset(found, answers) for found in answers.data],
        "numbers": numbers,
        "fraction_why": "share of the clips that is held out",
        "at_least_why": _least_why(numbers),
        "preview": base.preview,
    }


def _least_why(numbers: Numbers) -> str:
    held_out = f"{numbers.eval_clips} of about {numbers.clips} clips in all"
    if numbers.at_least == USUAL_LEAST:
        return f"fewer would make the metrics jump; {held_out}"
    return f"a fifth of the clips, because they are few; {held_out}"


def _speaker(found: FoundSet, answers: Answers) -> str:
    """Who speaks in a data set whose lines do not say it: whom the other sets name, if that is one person."""
    if found.own_speakers:
        return ""
    named = {clip.speaker for other in answers.data if other.own_speakers for clip in other.clips}
    only = named.pop() if len(named) == 1 else answers.name
    return only if is_name(only) else answers.name


def _dataset(found: FoundSet, answers: Answers) -> dict[str, Any]:
    spec = found.spec
    alone = len(answers.data) == 1
    return {
        "name": spec.name,
        "what": f"{len(found.clips)} clips, {found.minutes:.1f} minutes",
        "path": relative(spec.path, answers.folder),
        "format": spec.format,
        "format_why": FORMATS_IN_WORDS[spec.format],
        "metadata": "" if spec.metadata is None else spec.metadata.as_posix(),
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
    return {"spoken": spoken, "small_base": answers.base.small}


def _phase(name: str, answers: Answers, numbers: Numbers, batches: Batches) -> dict[str, Any]:
    first, small = name == "phase1", answers.base.small
    phase = numbers.phase1 if first else numbers.phase2
    return {
        "title": "Phase 1: from the base to the voice."
        if first
        else "Phase 2: a gentler rate from phase 1's best.",
        "goal": "Take the base to the voice without forgetting how to speak"
        if first
        else "Refine phase 1 gently",
        "resume": not first,
        "small_base": small,
        "phase": _lengths(phase),
        "rate_why": _rate_why(first, small, batches.adapters),
        "batches": _batch_lines(batches),
        "halves": batches.keys["batch_size"] > 1,
        "steps_why": f"about {phase.epochs} passes over about {numbers.train_clips} clips, 3 a step"
        + ("" if small else f" (the first voice had {15 if first else 30})"),
        "eval_why": f"a pass takes about {numbers.steps_an_epoch} steps",
        "text_limit": "of_start: 2.0" if small else f"limit: 0.04, of_start: {1.5 if first else 1.4}",
        "text_why": "twice its value at the start"
        if small
        else "the larger limit counts: some bases begin above 0.04",
        "levels": _levels(first, small),
    }


def _lengths(phase: PhaseNumbers) -> dict[str, Any]:
    return {
        "learning_rate": phase.learning_rate,
        "steps": phase.steps,
        "eval_every": phase.eval_every,
        "patience": phase.patience,
        # A third of the phase in whole evaluations, so that the numbers are easy to follow.
        "checkpoint_every": max(1, min(500, phase.steps // 3) // phase.eval_every) * phase.eval_every,
    }


def _rate_why(first: bool, small: bool, adapters: bool) -> str:
    if small:
        return "a tiny base learns at rates that would ruin XTTS v2" if first else "a third of phase 1's"
    if first and adapters:
        return "adapters take ten times what whole weights take, which is 1.5e-6"
    return "XTTS v2 overfits within a few epochs above about 5e-6" if first else "two thirds of phase 1's"


def _batch_lines(batches: Batches) -> list[str]:
    """The keys of the batches as lines of YAML, the reason behind the first."""
    lines = [f"{key}: {_flow(value)}" for key, value in batches.keys.items()]
    lines[0] += f"    # {batches.why}"
    return lines


def _flow(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_flow(inner)}" for key, inner in value.items()) + "}"
    return str(value).lower() if isinstance(value, bool) else str(value)


def _levels(first: bool, small: bool) -> list[str]:
    if first:
        return [
            "minimum: {mel_ce_of_start: 0.9, no_overfitting: true}    # a tenth below the base",
            "target: {mel_ce_of_start: 0.7}    # the first run of this pipeline: 5.046 -> 3.507",
        ]
    if small:
        return [
            "minimum: {mel_ce_of_start: 0.995, no_overfitting: true}    # any lower than phase 1",
            "target: {mel_ce_of_start: 0.97}",
        ]
    return [
        "minimum: {mel_ce: 3.0, text_ce: 0.03, no_overfitting: true}    # limits of the first voice of this pipeline",
        "target: {mel_ce: 2.5, text_ce: 0.03, quality: 9.0}    # quality: the listeners' mark out of 10, at least",
        "exceptional: {mel_ce: 2.0, text_ce: 0.025, quality: 9.5}",
    ]
