"""In the middle of a phase: the model speaks the declared sentences, and simple instruments check each."""

from __future__ import annotations

import shutil
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from xtts_finetune.evaluation.gate import FAULT_NAMES, faults_of
from xtts_finetune.evaluation.instruments.frames import Pace, paces_of
from xtts_finetune.evaluation.instruments.instrument import Fault
from xtts_finetune.evaluation.utterance_state import WantedUtterance, declared_utterances
from xtts_finetune.evaluation.utterances import read_references, write_wav
from xtts_finetune.evaluation.whose_voice import reference_files, voice_clips
from xtts_finetune.records.atomic import write_json_atomic
from xtts_finetune.records.metrics import QualityRecord
from xtts_finetune.records.run_folder import CandidateFolder, RunFolder, sound_name
from xtts_finetune.spec.declaration import Declaration
from xtts_finetune.xtts.base import find_base

if TYPE_CHECKING:
    from xtts_finetune.xtts.speech.speech import Speaker, Speech

# About 0.25 MB a sentence with XTTS v2. `quality_falling` looks back over three checks unless told otherwise:
# those and the good ones before them can still be heard, and a long phase does not fill the disk.
KEPT_STEPS = 5


@dataclass(frozen=True)
class Checked:
    """One utterance and what is wrong with it."""

    id: str
    faults: tuple[Fault, ...]


class SpokenQuality:
    """Lets the model of a phase speak as it is right now, and counts the utterances that are sound.

    Every declared sentence is spoken with its first seed, in the voice and with the vocoder and settings of
    the final utterances. The same weights give the same utterances.
    """

    def __init__(self, declaration: Declaration, run: RunFolder, phase: str) -> None:
        """Raises UserError if there is no reference of the voice, or one that cannot be read."""
        self._declaration = declaration
        self._folder = run.candidate(phase)
        self._base = find_base(declaration.pipeline.base)
        self._references = read_references(reference_files(declaration, run))
        self._paces = paces_of(voice_clips(declaration, run))
        self._wanted = [
            wanted for wanted in declared_utterances(declaration) if wanted.seed == declaration.utterances.seeds[0]
        ]

    def __call__(self, model: Any, step: int, interrupted: Callable[[], bool] = lambda: False) -> QualityRecord | None:
        """The record of `step`; None if `interrupted` became true, which is asked between the model's steps.

        model    Coqui's `Xtts`, in whatever state training has it

        The model, its gradients and all random state are left as they were, also after an exception. The
        sound is in `utterances/step_<step>`, and beside it faults.json: for each sentence what is wrong.

        Raises UserError if the references are too short, or the base lacks the vocoder's HiFi-GAN.
        """
        from xtts_finetune.xtts.model import left_as_it_was  # noqa: PLC0415  heavy
        from xtts_finetune.xtts.speech.speech import Speaker  # noqa: PLC0415  heavy

        def stop_if_interrupted() -> None:
            if interrupted():
                raise _Interrupted

        began = time.perf_counter()
        folder = self._folder.spoken_at(step)
        if folder.is_dir():
            shutil.rmtree(folder)  # of a run that was cut off: what was spoken there is spoken again
        with left_as_it_was(model):
            # Anew each time: the voice's conditioning comes out of the GPT, which is trained.
            speaker = Speaker.with_references(self._base, model, self._declaration.pipeline.vocoder, self._references)
            try:
                checked = self._speak(speaker, folder, stop_if_interrupted)
            except _Interrupted:
                return None
        write_json_atomic(self._folder.faults(step), {one.id: [str(fault) for fault in one.faults] for one in checked})
        _remove_old_steps(self._folder, step)
        return _record(step, checked, time.perf_counter() - began)

    def _speak(self, speaker: Speaker, folder: Path, before_step: Callable[[], None]) -> list[Checked]:
        """Speak all sentences into `folder` and look for faults; in the declared order."""
        from xtts_finetune.xtts.speech.speech import Line  # noqa: PLC0415  heavy

        settings = self._declaration.utterances.inference
        lines = [Line(wanted.text, wanted.language, wanted.seed) for wanted in self._wanted]
        checked = {}
        for place, speech in speaker.speak_many(lines, settings, before_step):
            checked[place] = self._check(self._wanted[place], speech, folder)
            before_step()  # a vocoder takes its time too
        return [checked[place] for place in sorted(checked)]

    def _check(self, wanted: WantedUtterance, speech: Speech, folder: Path) -> Checked:
        """Write one utterance into `folder` and look for faults."""
        write_wav(folder / sound_name(wanted.id), speech)
        pace = self._paces.get(wanted.language, Pace()).at(self._declaration.utterances.inference.speed)
        faults = faults_of(speech.wave, speech.sample_rate, wanted.text, speech.reached_limit, pace)
        return Checked(wanted.id, tuple(faults))


class _Interrupted(Exception):
    """Raised where the speaking is to end."""


def _record(step: int, checked: list[Checked], seconds: float) -> QualityRecord:
    """Counts of each fault in the order of the gate; an utterance counts once for each of its faults."""
    counts = Counter(name for one in checked for name in {fault.name for fault in one.faults})
    return QualityRecord(
        step=step,
        spoken=len(checked),
        passed=sum(not one.faults for one in checked),
        faults={name: counts[name] for name in FAULT_NAMES if counts[name]},
        seconds=seconds,
    )


def _remove_old_steps(folder: CandidateFolder, step: int) -> None:
    """Keep the newest steps up to `step`; later ones are of a run that has been taken up before them."""
    steps = folder.spoken_steps()
    kept = [number for number, _ in steps if number <= step][-KEPT_STEPS:]
    for number, old in steps:
        if number not in kept and old.is_dir() and not old.is_symlink():
            shutil.rmtree(old)
