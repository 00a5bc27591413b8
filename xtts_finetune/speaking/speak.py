"""What `xtts-finetune speak` does: a whole script, a file for each line and one of all, spoken in batches."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from filelock import FileLock, Timeout

from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.look.quantities import about, duration
from xtts_finetune.records.atomic import LEFT_BEHIND, json_or_none, remove_abandoned, write_json_atomic
from xtts_finetune.records.values import digest_of
from xtts_finetune.speaking.assembling import Assembled, Form, assemble
from xtts_finetune.speaking.say import check_device, settings_with
from xtts_finetune.speaking.sayable import no_such_voice, unspeakable
from xtts_finetune.speaking.script import Script, ScriptLine
from xtts_finetune.speaking.sound_file import check_kind
from xtts_finetune.speaking.speaking_models import SpeakingModel, in_voices
from xtts_finetune.speaking.spoken_lines import Session, WantedLine
from xtts_finetune.speaking.takes import Takes
from xtts_finetune.spec.languages import language_problem
from xtts_finetune.spec.utterances import InferenceSpec

# In the folder, written first: it says that the folder is one of ours.
RECORD, LOCK = "speak.json", ".lock"
# Lines that are spoken together.
BATCH = 32
MOST_PROBLEMS = 10
# Raised when the same line begins to sound otherwise.
VERSION = 2

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """Where it goes and how it is spoken.

    language  None: the model's own
    settings  of inference, by their names and as they were typed; the others are as judged
    tries     how often a line that fails the checks is spoken at most; 0: nothing is checked
    """

    folder: Path
    name: str
    form: Form
    language: str | None = None
    seed: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)
    device: str = "auto"
    tries: int = 3


def speak_script(model: SpeakingModel, script: Script, wanted: Wanted, say: Say) -> Assembled:
    """Speak what is not there yet, and write all files.

    Raises UserError, before anything is loaded or written, for a folder that is somebody else's, a voice that the
    model has not, or lines that it cannot say; WorkFailed where the disk refuses.
    """
    settings = settings_with(model.judged, wanted.settings)
    check_kind(Path(f"{wanted.name}{wanted.form.ending}"), "--format")
    check_device(wanted.device)
    if wanted.language is not None and (problem := language_problem(wanted.language)):
        raise UserError(f"--language: {problem}")
    language = wanted.language or model.language
    _check_lines(model, script, language)
    _check_folder(wanted.folder)
    if model.older:
        say(f"warning: {model.older}")
    if script.passed_over:
        places = ", ".join(script.passed_over[:3]) + (", ..." if len(script.passed_over) > 3 else "")
        say(f"passed over, as there is no letter or digit in it: {places}")
    lines = _with_keys(model, script, language, wanted.seed, settings)
    takes = Takes(wanted.folder)
    try:
        wanted.folder.mkdir(parents=True, exist_ok=True)
        with FileLock(wanted.folder / LOCK, timeout=0):
            remove_abandoned(wanted.folder.rglob(LEFT_BEHIND))
            older = json_or_none(wanted.folder / RECORD, lambda record: [str(name) for name in record["files"]]) or []
            write_json_atomic(wanted.folder / RECORD, {"version": VERSION, "model": model.name, "files": older})
            _speak(model, lines, takes, settings, wanted, say)
            say("writing the files")
            sounds = [takes.sound(line.key) for line in lines]
            spoken = [takes.known(line.key) for line in lines]
            assembled = assemble(wanted.folder, wanted.name, script, sounds, spoken, wanted.form)
            for name in {Path(name).name for name in older} - set(assembled.files):
                (wanted.folder / name).unlink(missing_ok=True)
            files = list(assembled.files)
            write_json_atomic(wanted.folder / RECORD, {"version": VERSION, "model": model.name, "files": files})
            takes.forget_all_but([line.key for line in lines])
    except Timeout:
        raise UserError(f"{wanted.folder}: another command is speaking into this folder; wait for it") from None
    except OSError as error:
        where = error.filename or wanted.folder
        raise WorkFailed(
            f"{where}: it cannot be written ({error.strerror or error}); what was spoken is kept, so make room and "
            "give the same command again"
        ) from None
    return assembled


def _speak(
    model: SpeakingModel, lines: Sequence[WantedLine], takes: Takes, settings: InferenceSpec, wanted: Wanted, say: Say
) -> None:
    """Speak the lines that have no take, a batch at a time."""
    missing = _missing(lines, takes)
    if not missing:
        say("the line is spoken already" if len(lines) == 1 else f"all {len(lines)} lines are spoken already")
        return
    total = len({line.key for line in lines})
    if len(missing) < total:
        say(f"{total - len(missing)} of {total} lines are spoken already")
    say(f"loading {model.name}")
    from xtts_finetune.training.device import pick_device  # noqa: PLC0415  heavy

    session = Session(
        speaker=in_voices(model, model.load(pick_device(wanted.device, say))),
        settings=settings,
        takes=takes,
        tries=max(wanted.tries, 1),
        check=model.check(settings.speed, say) if wanted.tries else None,
        texts={text: place for place, text in enumerate(dict.fromkeys(line.text for line in lines))},
    )
    begun = time.perf_counter()
    by_key, seconds, done = {line.key: line for line in lines}, 0.0, 0
    while missing:
        again = [key for key in takes.begun() if key in by_key]
        batch = [by_key[key] for key in again] if again else missing[:BATCH]
        takes.begin([line.key for line in batch])
        seconds += session.speak(batch)
        takes.end()
        spoken = {line.key for line in batch}
        missing = [line for line in missing if line.key not in spoken]
        done += len(batch)
        spent = time.perf_counter() - begun
        left = f", about {about(spent / done * len(missing))} left" if done and missing else ""
        say(f"{total - len(missing)} of {total} lines, {duration(seconds)} of speech{left}")


def _missing(lines: Sequence[WantedLine], takes: Takes) -> list[WantedLine]:
    """Those without a take, each once: a line that comes twice is spoken once."""
    found = {line.key: line for line in lines}
    return [line for key, line in found.items() if takes.get(key) is None]


def _with_keys(
    model: SpeakingModel, script: Script, language: str, seed: int, settings: InferenceSpec
) -> list[WantedLine]:
    """Each line with a hash of all that its sound depends on."""
    made_of = {"version": VERSION, "model": model.identity, "settings": settings.model_dump(mode="json")}
    found = []
    for line in script.lines:
        spoken_in, drawn = line.language or language, seed if line.seed is None else line.seed
        voice = None if line.voice == model.voices[0] else line.voice
        key = digest_of({**made_of, "text": line.text, "language": spoken_in, "seed": drawn, "voice": voice})
        found.append(WantedLine(line.text, spoken_in, drawn, voice, key[:24]))
    return found


def _check_lines(model: SpeakingModel, script: Script, language: str) -> None:
    """Raise UserError with every line that cannot be spoken, as far as that is told in no time."""
    problems = [f"{line.place}: {problem}" for line in script.lines if (problem := _problem(model, line, language))]
    if problems:
        more = [f"and {len(problems) - MOST_PROBLEMS} more"] if len(problems) > MOST_PROBLEMS else []
        listed = "\n".join(f"  - {each}" for each in (*problems[:MOST_PROBLEMS], *more))
        raise UserError(f"these lines cannot be spoken:\n{listed}")


def _problem(model: SpeakingModel, line: ScriptLine, language: str) -> str | None:
    if problem := no_such_voice(model, line.voice):
        return problem
    problem = unspeakable(model, line.text, line.language or language)
    return f"it cannot be spoken{problem}" if problem else None


def _check_folder(folder: Path) -> None:
    """Raise UserError for a folder that has something else in it."""
    if folder.is_file():
        raise UserError(f"--to: {folder} is a file; name a folder")
    if not folder.is_dir() or (folder / RECORD).is_file():
        return
    begun = {LOCK} | {path.name for path in folder.glob(LEFT_BEHIND)}  # by a command that was killed at once
    if any(path.name not in begun for path in folder.iterdir()):
        raise UserError(f"--to: {folder} has something else in it; name a new folder")
