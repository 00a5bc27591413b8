"""From recordings to a data set: heard, cut, examined, written as clips with texts; what was done is never redone."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from xtts_finetune.data.hearing.models import RecogniserModel, find_model, installed_models
from xtts_finetune.data.sound.unbroken import AudioError
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.children.process import ending_like_ctrl_c
from xtts_finetune.recordings.clips import named, write_clips
from xtts_finetune.recordings.reading import Reader, other_model
from xtts_finetune.recordings.review.renewing import Renewed, found_of, renew
from xtts_finetune.recordings.screen import Screen, Voice
from xtts_finetune.recordings.set_folder import alone, clips_of, follow_moved, refuse_other_data, tidy
from xtts_finetune.recordings.sources import (
    Known,
    Source,
    find_recordings,
    identified,
    read_known,
    together,
    write_known,
)
from xtts_finetune.recordings.voices.choosing import Voices, with_speaker
from xtts_finetune.recordings.voices.voices import encoder_missing
from xtts_finetune.recordings.wanted import Wanted, check_answers, readable
from xtts_finetune.recordings.words.own_texts import check_texts
from xtts_finetune.records.stretches import WORK, Stretch
from xtts_finetune.spec.languages import LANGUAGES, language_problem
from xtts_finetune.spec.made_names import slug


@dataclass(frozen=True)
class Imported:
    """What came of it."""

    renewed: Renewed
    voices: tuple[Voice, ...]
    voice: str
    language: str


def import_recordings(wanted: Wanted, screen: Screen) -> Imported:
    """Make the data set, or add to it. Raises UserError, and writes nothing, where nothing can be read."""
    if wanted.language and (problem := language_problem(wanted.language)):
        raise UserError(f"--language: {problem}")
    folder = wanted.folder.expanduser().absolute()
    recordings = find_recordings(wanted.sources, folder)
    refuse_other_data(folder, recordings)
    paths = readable(recordings, screen)
    check_answers(wanted)
    for line in check_texts(paths, wanted.texts):
        screen.say(line)
    known = read_known(folder)
    _refuse_forgotten(folder, paths, known)
    language = wanted.language or known.language or None
    model = find_model(wanted.model, language)
    if model.english_alone and language not in (None, "en"):
        raise UserError(f"the model '{model.name}' reads English only, not {LANGUAGES[language]}; name another one")
    with alone(folder), ending_like_ctrl_c():
        return _run(wanted, folder, paths, known, Reader(folder, model, wanted.texts, screen), screen)


def _run(wanted: Wanted, folder: Path, paths: Sequence[Path], known: Known, reader: Reader, screen: Screen) -> Imported:
    now, copies = identified(paths, known.sources)
    for path, other in copies:
        screen.say(f"{path} is the same recording as {other}; it counts once")
    known = _where_they_are(folder, known, now)
    speaker = wanted.speaker or known.speaker or slug(folder.name)
    known = _remember(folder, replace(known, speaker=speaker), now)
    sounds = reader.sounds(now)
    language = wanted.language or known.language or reader.language(now, sounds)
    screen.say(_how_read(reader.model, language, given=bool(wanted.language or known.language)))
    if (missing := encoder_missing()) is not None:
        screen.say(missing)
    now = [replace(each, reading=reader.settings(language), fault=sounds[each.name].fault) for each in now]
    known = _remember(folder, replace(known, language=language), now)
    before = found_of(folder)
    read = {source.name: reader.stretches(source, sounds[source.name], language) for source in now}
    pairs = [pair for each in known.sources for pair in read.get(each.name) or reader.before(each, before)]
    voices = Voices(pairs)
    voice = _chosen(voices, wanted, known, screen)
    stretches = [_with_file(each, known) for each in with_speaker(voices.chosen(voice), speaker)]
    for source in known.sources:
        known = _remember(folder, known, [_write_clips(folder, source, stretches, screen)])
    known = _remember(folder, replace(known, voice=_example_of(voices, voice)), ())
    renewed = renew(folder, found=stretches)
    tidy(folder, known, (*stretches, *renewed.stretches))
    return Imported(renewed, voices.voices, voice, language)


def _where_they_are(folder: Path, known: Known, now: Sequence[Source]) -> Known:
    """What is remembered, with the new paths of recordings that were moved."""
    paths = {source.name: source.path for source in now}
    moved = {each.path: paths[each.name] for each in known.sources if paths.get(each.name, each.path) != each.path}
    follow_moved(folder, moved)
    if known.voice is None:
        return known
    source, second = known.voice
    return replace(known, voice=(moved.get(source, source), second))


def _how_read(model: RecogniserModel, language: str, given: bool) -> str:
    """Which models read, and which else there are."""
    other = other_model(model, language)
    more = [each.name for each in installed_models() if each not in (model, other)]
    said = f"{LANGUAGES[language]}, read with the model '{model.name}'"
    if model.english_alone and not given:
        said += ", which reads nothing else (for another language: --model base)"
    said += f"; each clip once more with '{other.name}'" if other else ""
    return said + (f"; also installed: {', '.join(more)}" if more else "")


def _refuse_forgotten(folder: Path, paths: Sequence[Path], known: Known) -> None:
    """Raise UserError where adding to a data set would lose recordings of which nothing is remembered."""
    there = {source.path for source in known.sources} | {path.as_posix() for path in paths}
    lost = sorted({stretch.source for stretch in found_of(folder)} - there)
    if lost:
        raise UserError(
            f"{folder / WORK} is not what it was, and nothing is known of {lost[0]} any more; "
            "import all recordings together, or into another folder"
        )


def _remember(folder: Path, known: Known, now: Sequence[Source]) -> Known:
    known = replace(known, sources=together(known.sources, now))
    write_known(folder, known)
    return known


def _chosen(voices: Voices, wanted: Wanted, known: Known, screen: Screen) -> str:
    """Whose clips are wanted."""
    there = [voice.label for voice in voices.voices]
    if not there:
        return "A"
    if wanted.voice is not None:
        if wanted.voice.upper() in there:
            return wanted.voice.upper()
        if not Path(wanted.voice).expanduser().is_file():
            raise UserError(f"--voice: there is no voice '{wanted.voice}'; voices: {', '.join(there)}")
        return voices.like(Path(wanted.voice).expanduser())
    before = voices.at(*known.voice) if known.voice else None
    return before or (screen.choose_voice(voices.voices) if len(there) > 1 else there[0])


def _example_of(voices: Voices, label: str) -> tuple[str, float] | None:
    """A place where the voice speaks: its letter is another one when others have more to say."""
    examples = [each.example for each in voices.voices if each.label == label]
    return (examples[0].source, examples[0].start) if examples else None


def _with_file(stretch: Stretch, known: Known) -> Stretch:
    if stretch.state == "left out":
        return replace(stretch, file=None)
    name = next(source.name for source in known.sources if source.path == stretch.source)
    return replace(stretch, file=named(name, stretch))


def _write_clips(folder: Path, source: Source, stretches: Sequence[Stretch], screen: Screen) -> Source:
    """Write the clips of a recording that are not there, all of them where it has changed since."""
    path = Path(source.path)
    if source.written not in ("", source.sha256):
        for clip in clips_of(folder, [source.name]):
            clip.unlink()
    own = [each for each in stretches if each.source == source.path]
    with suppress(AudioError, OSError):  # of a recording that is gone; `renew` says so where a clip is missing
        for stretch in write_clips(folder, path, own):
            screen.progress(f"writing the clips of {path.name}", stretch.end, own[-1].end)
    return replace(source, written=source.sha256)
