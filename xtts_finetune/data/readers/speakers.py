"""Who speaks, where the sounds' own names say it: VCTK's p225/p225_001, LibriTTS's 19/198/19_198_..., OpenSLR's ids."""

from __future__ import annotations

import re
from pathlib import Path, PurePosixPath

from xtts_finetune.spec.pipeline import DatasetSpec

# OpenSLR's lines: language and sex, five digits of the speaker, ten and more of the sentence.
OPEN_SLR = re.compile(r"([a-z]{2,4}_\d{4,5})_\d{6,}")
VCTK = re.compile(r"[ps]\d{1,4}")


def speaker_in_names(name: str, audio: Path, spec: DatasetSpec) -> str | None:
    """The speaker where a file's name has one of these forms; or None. A declared speaker wins.

    A name that begins with one folder alone tells nothing: that may be a book or a chapter.
    """
    if spec.speaker:
        return None
    stem = PurePosixPath(name.replace("\\", "/")).name
    if match := OPEN_SLR.match(stem):
        return match[1]
    parts, folders = re.split(r"[_-]", stem), audio.parts[-3:-1]
    if len(parts) > 2 and tuple(parts[:2]) == folders:
        return parts[0]
    return parts[0] if len(parts) > 1 and parts[0] == folders[-1] and VCTK.fullmatch(parts[0]) else None
