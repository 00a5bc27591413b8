"""Whose voice is spoken with, as the terminal says it."""

from __future__ import annotations

from xtts_finetune.evaluation.whose_voice import whose_voice
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import Declaration


def voice_words(declaration: Declaration, run: RunFolder) -> str:
    """'the voice of anna: 3 training clips; also in the data: ben (12 min)'.

    Raises UserError where no voice can be chosen: the declared speaker is unknown, say.
    """
    return whose_voice(declaration, run).words


def voice_lines(declaration: Declaration, run: RunFolder) -> list[str]:
    """The same for prepared data, and how to choose another speaker; nothing where there is one speaker alone.

    Raises UserError as `voice_words`.
    """
    voice = whose_voice(declaration, run)
    if not voice.others:
        return []
    lines = [f"  samples are spoken in {voice.words}"]
    if declaration.utterances.reference.speaker is None and voice.clips:
        file = declaration.pipeline.utterances.name
        lines.append(f"  for another voice, name the speaker in {file}: reference: {{speaker: NAME}}")
    return lines
