"""A candidate may speak with settings of its own, or from other recordings of the voice than the others."""

from __future__ import annotations

from dataclasses import replace

from xtts_finetune.evaluation.candidates import made_candidates
from xtts_finetune.evaluation.whose_voice import main_speaker
from xtts_finetune.records.clips import read_clips
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration


def spoken_as(declaration: Declaration, run: RunFolder, candidate: str) -> Declaration:
    """The declaration with the settings and the recordings that `candidate` speaks with.

    Whose voice it is stays as it is for all, so that each is compared with the same recordings.
    """
    made = made_candidates(declaration).get(candidate)
    if made is None or not (made.inference.given or made.reference):
        return declaration
    spec = declaration.utterances
    reference = spec.reference
    if made.reference:
        speaker = reference.speaker
        if speaker is None and not reference.files and run.clips.is_file():
            speaker = main_speaker(read_clips(run.clips, "train"))
        reference = reference.model_copy(update={"files": made.reference, "speaker": speaker})
    inference = spec.inference.model_copy(update=made.inference.given)
    return replace(declaration, utterances=spec.model_copy(update={"inference": inference, "reference": reference}))
