"""What `xtts-finetune say` does: speak with a shipped model, a sentence at a time, to the ears or into a file."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.playing import Background, find_player
from xtts_finetune.records.atomic import atomic_path
from xtts_finetune.records.shipped import Shipped, is_whole, read_shipped
from xtts_finetune.spec.languages import language_problem
from xtts_finetune.spec.utterances import InferenceSpec

if TYPE_CHECKING:
    from xtts_finetune.xtts.speech import Speaker, Speech

# A sentence shorter than this is said together with the next: XTTS says single words badly.
SHORT = 40
# Where it is written if it cannot be heard.
UNHEARD = "said.wav"

Say = Callable[[str], None]


@dataclass(frozen=True)
class Wanted:
    """What is to be said with which model, and where it goes.

    language  None: the model's own
    out       a WAV file; None: to the ears
    """

    folder: Path
    text: str
    language: str | None = None
    out: Path | None = None
    seed: int = 1
    speed: float | None = None
    device: str = "auto"


def say_now(wanted: Wanted, say: Say) -> Path | None:
    """Speak; the file that was written, if one was.

    Where nothing can play it goes into a file, and that is said. Raises UserError for a model that is not there or
    not whole, a language that XTTS lacks or a text without words.
    """
    shipped = read_shipped(wanted.folder)
    if not is_whole(wanted.folder, shipped):
        raise UserError(
            f"{wanted.folder}: files of this model are missing or cut short; ship or copy it again"
        )
    language = wanted.language or shipped.language
    if problem := language_problem(language):
        raise UserError(f"--language: {problem}")
    if not wanted.text.strip():
        raise UserError("there is nothing to say; give at least one word")
    if wanted.out is not None and wanted.out.is_dir():
        raise UserError(f"-o: {wanted.out} is a folder; name a file in it")
    began = time.perf_counter()
    say(f"loading {wanted.folder}")
    speaker = load_speaker(wanted.folder, shipped, wanted.device)
    settings = settings_of(shipped, wanted.speed)
    spoken = _timed(_spoken(speaker, wanted, language, settings), began, say)
    if wanted.out is not None:
        return _write(wanted.out, spoken, speaker.sample_rate)
    return _play(spoken, speaker.sample_rate, say)


def settings_of(shipped: Shipped, speed: float | None = None) -> InferenceSpec:
    """Those that the model was judged with, and another rate of speech if one is asked for."""
    return InferenceSpec.model_validate({**shipped.settings, **({} if speed is None else {"speed": speed})})


def load_speaker(folder: Path, shipped: Shipped, device: str) -> Speaker:
    """The shipped model as stock code loads it, with its voice and the vocoder that it is heard through."""
    from xtts_finetune.training.device import pick_device  # noqa: PLC0415  heavy
    from xtts_finetune.xtts.dvae import load_dvae  # noqa: PLC0415  heavy
    from xtts_finetune.xtts.packing import PREVIEW  # noqa: PLC0415  heavy
    from xtts_finetune.xtts.speech import Speaker  # noqa: PLC0415  heavy
    from xtts_finetune.xtts.stock import load_stock, voice_in  # noqa: PLC0415  heavy
    from xtts_finetune.xtts.vocoder import HifiganVocoder, PreviewVocoder, Vocoder  # noqa: PLC0415  heavy

    model = load_stock(folder, pick_device(device))
    voice = voice_in(model, shipped.name)
    vocoder: Vocoder
    if shipped.vocoder == "preview":
        vocoder = PreviewVocoder(load_dvae(folder / PREVIEW).to(model.device), model.mel_stats)
    else:
        vocoder = HifiganVocoder(model, voice.embedding)
    return Speaker(model, vocoder, voice.latents)


def in_turns(text: str) -> list[str]:
    """`text` as it is said: a sentence at a time, a short one together with what follows."""
    from xtts_finetune.xtts.text_split import sentences  # noqa: PLC0415

    turns: list[str] = []
    for sentence in sentences(" ".join(text.split())):
        if turns and len(turns[-1]) < SHORT:
            turns[-1] += f" {sentence}"
        else:
            turns.append(sentence)
    if len(turns) > 1 and len(turns[-1]) < SHORT:
        last = turns.pop()
        turns[-1] += f" {last}"
    return turns


def _spoken(speaker: Speaker, wanted: Wanted, language: str, settings: InferenceSpec) -> Iterator[Speech]:
    for number, turn in enumerate(in_turns(wanted.text)):
        yield speaker.speak(turn, language, settings, (wanted.seed + number) % 2**32)


def _timed(spoken: Iterator[Speech], began: float, say: Say) -> Iterator[bytes]:
    """Each turn as 16-bit samples; at the end in words how long it took."""
    import numpy as np  # noqa: PLC0415

    seconds, first = 0.0, 0.0
    for speech in spoken:
        first = first or time.perf_counter() - began
        seconds += speech.seconds
        if speech.reached_limit:
            say(
                f"warning: '{speech.pieces[-1][:60]}' was cut at the model's greatest length; try another --seed"
            )
        yield (speech.wave.clip(-1, 1) * 32767).astype(np.dtype("<i2")).tobytes()
    took = time.perf_counter() - began
    say(f"{seconds:.1f} s of speech in {took:.1f} s, the first of it after {first:.1f} s")


def _write(path: Path, spoken: Iterator[bytes], rate: int) -> Path:
    """Write a WAV file, turn by turn; whole or not at all."""
    import numpy as np  # noqa: PLC0415
    import soundfile  # noqa: PLC0415  heavy

    form: dict[str, Any] = {"samplerate": rate, "channels": 1, "subtype": "PCM_16", "format": "WAV"}
    with atomic_path(path) as temporary, soundfile.SoundFile(str(temporary), "w", **form) as file:
        for samples in spoken:
            file.write(np.frombuffer(samples, dtype="<i2"))
    return path


def _play(spoken: Iterator[bytes], rate: int, say: Say) -> Path | None:
    """Play; what cannot be heard is written instead, from the beginning, and the file's path returned."""
    said: list[bytes] = []
    try:
        player = find_player(rate)
        if player is None:
            raise OSError("no program to play sound was found (paplay, aplay, ffplay)")
        with Background(player) as playing:
            for samples in spoken:
                said.append(samples)
                playing.play(samples)
            playing.close()
    except OSError as error:
        path = _unused(Path.cwd() / UNHEARD)
        say(f"it cannot be played here ({error}); written instead")
        return _write(path, itertools.chain(said, spoken), rate)
    return None


def _unused(path: Path) -> Path:
    """`path`, or with a number where there is a file of that name."""
    names = itertools.chain(
        [path], (path.with_stem(f"{path.stem}-{number}") for number in itertools.count(2))
    )
    return next(name for name in names if not name.exists())
