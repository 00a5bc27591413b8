"""What `xtts-finetune say` does: speak with a model, a sentence at a time, to the ears or into a file."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtts_finetune.errors import DeclarationError, Problem, UserError
from xtts_finetune.machine.cards import CUDA_BUILD, keep_to, torch_build
from xtts_finetune.speaking.playing import Background, find_player
from xtts_finetune.speaking.sayable import no_such_voice, no_words, unspeakable
from xtts_finetune.speaking.sound_file import as_16_bit, check_sound_file, write_sound
from xtts_finetune.speaking.speaking_models import SpeakingModel
from xtts_finetune.speaking.turns import in_turns
from xtts_finetune.spec.languages import language_problem
from xtts_finetune.spec.reading.document import Document
from xtts_finetune.spec.reading.overrides import parse_overrides
from xtts_finetune.spec.reading.problems import check
from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.xtts.speakable import unspeakable_characters

if TYPE_CHECKING:
    from xtts_finetune.xtts.speech.speech import Speaker, Speech


def settings_with(judged: Mapping[str, Any], options: Mapping[str, str]) -> InferenceSpec:
    """The settings that a model was judged with, and over them those that were asked for, as they were typed.

    Raises DeclarationError with everything that is wrong with `options`.
    """
    document, problems = Document("inference", Path(), dict(judged)), []
    for key, written in options.items():
        option = f"--{key.replace('_', '-')} {written[:40]}"
        values, wrong = parse_overrides([f"{key}={written}"])
        problems += [Problem(option, problem.message) for problem in wrong]
        for value in values:
            assert document.data is not None
            document.data[key] = value.value
            for keys, place in value.written.items():
                document.places[(key, *keys)] = type(place)(option, 0, place.text, place.quoted)
    spec = check(InferenceSpec, document)
    problems += document.problems()
    if problems or spec is None:
        raise DeclarationError(problems)
    return spec


# Where it is written if it cannot be heard.
UNHEARD = "said.wav"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What is to be said, and where it goes.

    language  None: the model's own
    out       a file, of the kind that its ending tells; None: to the ears
    settings  of inference, by their names in the declaration and as they were typed; the others are as judged
    voice     one of the model's; None: its own
    """

    text: str
    language: str | None = None
    out: Path | None = None
    seed: int = 1
    settings: Mapping[str, str] = field(default_factory=dict)
    device: str = "auto"
    voice: str | None = None


def check_wanted(wanted: Wanted) -> None:
    """Raise UserError for what is wrong whatever model speaks: a text without words, a file that cannot be written."""
    if problem := no_words(wanted.text):
        raise UserError(problem)
    if wanted.language is not None and (problem := language_problem(wanted.language)):
        raise UserError(f"--language: {problem}")
    if wanted.out is not None:
        check_sound_file(wanted.out)
    check_device(wanted.device)


def say_now(model: SpeakingModel, wanted: Wanted, say: Say) -> Path | None:
    """Speak; the file that was written, if one was.

    Where nothing can play it goes into a file, and that is said. Raises UserError, before the model is loaded, as
    `check_wanted`, and for settings out of their limits or a text that the model cannot say.
    """
    check_wanted(wanted)
    settings = settings_with(model.judged, wanted.settings)
    language = wanted.language or model.language
    if problem := no_such_voice(model, wanted.voice):
        raise UserError(f"--voice: {problem}")
    began = time.perf_counter()
    if problem := unspeakable(model, wanted.text, language):
        raise UserError(f"this text cannot be spoken{problem}")
    if model.older:
        say(f"warning: {model.older}")
    say(f"loading {model.name}")
    _check_text(model, wanted.text, language, say)
    from xtts_finetune.training.device import pick_device  # noqa: PLC0415  heavy

    speaker = model.load(pick_device(wanted.device, say))
    if wanted.voice not in (None, model.voices[0]):
        speaker = model.another(speaker, str(wanted.voice))
    if differing := _differing(model.judged, settings):
        say(f"not as its samples were spoken: {differing}")
    spoken = _timed(_spoken(speaker, wanted, language, settings), began, wanted.out is None, say)
    if wanted.out is not None:
        return write_sound(wanted.out, spoken, speaker.sample_rate)
    return _play(spoken, speaker.sample_rate, say)


def check_device(device: str) -> None:
    """Let this process see that device alone. Raises UserError where a GPU is asked for that torch cannot use."""
    keep_to(device)
    if not device.startswith("cuda"):
        return
    build = torch_build()
    if build is not None and not build.for_gpus:  # told without torch, which takes seconds to import
        raise UserError(
            f"--device {device} was asked for, but torch was built without CUDA; leave it out, take --device cpu, or "
            f"{CUDA_BUILD}"
        )
    from xtts_finetune.training.device import pick_device  # noqa: PLC0415  heavy

    pick_device(device)


def _check_text(model: SpeakingModel, text: str, language: str, say: Say) -> None:
    """Raise UserError for a text that the model cannot say; warn of letters that it does not know."""
    from xtts_finetune.xtts.tokenizer import Tokenizer  # noqa: PLC0415  heavy

    if unknown := unspeakable_characters(text, language, Tokenizer(model.vocab)):
        say(f"warning: the model does not know {' '.join(unknown[:20])}; what it says there is a guess")


def _differing(judged: Mapping[str, object], settings: InferenceSpec) -> str:
    """'temperature 0.3 instead of 0.75'; empty where all is as judged."""
    now = settings.model_dump(mode="json")
    differing = [key for key in now if key in judged and now[key] != judged[key]]
    return ", ".join(f"{key} {now[key]:g} instead of {judged[key]:g}" for key in differing)


def _spoken(speaker: Speaker, wanted: Wanted, language: str, settings: InferenceSpec) -> Iterator[Speech]:
    from xtts_finetune.evaluation.tails import without_tail  # noqa: PLC0415  (NumPy)

    for number, turn in enumerate(in_turns(wanted.text)):
        speech = speaker.speak(turn, language, settings, (wanted.seed + number) % 2**32)
        yield replace(speech, wave=without_tail(speech.wave, speech.sample_rate))


def _timed(spoken: Iterator[Speech], began: float, heard: bool, say: Say) -> Iterator[bytes]:
    """Each turn as 16-bit samples; at the end in words how long it took, and until the first was `heard`."""
    seconds, first = 0.0, 0.0
    for speech in spoken:
        first = first or time.perf_counter() - began
        seconds += speech.seconds
        if speech.reached_limit:
            say(f"warning: '{speech.pieces[-1][:60]}' was cut off at the model's maximum length; try another --seed")
        yield as_16_bit(speech.wave).tobytes()
    took = time.perf_counter() - began
    waited = f", the first of it after {first:.1f} s" if heard else ""
    say(f"{seconds:.1f} s of speech in {took:.1f} s{waited}")


def _play(spoken: Iterator[bytes], rate: int, say: Say) -> Path | None:
    """Play; what cannot be heard is written instead, from the beginning, and the file's path returned."""
    said: list[bytes] = []
    try:
        player = find_player(rate)
        if player is None:
            raise OSError("no program to play sound was found; paplay, aplay or ffplay would do")
        with Background(player) as playing:
            for samples in spoken:
                said.append(samples)
                playing.play(samples)
            playing.close()
    except OSError as error:
        path = _unused(Path.cwd() / UNHEARD)
        say(f"it cannot be played here ({error}); written instead")
        return write_sound(path, itertools.chain(said, spoken), rate)
    return None


def _unused(path: Path) -> Path:
    """`path`, or with a number where there is a file of that name."""
    names = itertools.chain([path], (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(2)))
    return next(name for name in names if not name.exists())
