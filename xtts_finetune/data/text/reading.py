"""A process of its own that reads clips: `python -m xtts_finetune.data.text.reading MODEL_FOLDER TASKS.jsonl`.

Apart from what prepares clips, since the recogniser's threads and torch's get into each other's way, and as its memory
goes back when it ends. A line of JSON for each task comes out, in their order; a last one with `failed` says why it
could not go on. Knows nothing of torch.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
import soxr

from xtts_finetune.data.hearing.agreement import agreement
from xtts_finetune.data.hearing.models import RecogniserModel
from xtts_finetune.data.hearing.recogniser import MOST_SECONDS, RATE, Recogniser
from xtts_finetune.data.in_threads import in_order, threads
from xtts_finetune.data.sound.audio import AudioError, load_audio
from xtts_finetune.errors import DONE, WRONG_INPUT, UserError
from xtts_finetune.numbers.fixed import SAMPLE_RATE


def main(arguments: list[str]) -> int:
    """Read every clip that is named in the file; the exit code."""
    folder, tasks = map(Path, arguments)
    workers = threads()
    try:
        recogniser = Recogniser(RecogniserModel(folder.name, folder), threads=1, workers=workers)

        def read(task: dict[str, Any]) -> dict[str, Any]:
            return read_clip(recogniser, task)

        with closing(in_order(read, _tasks(tasks), workers)) as results:
            for result in results:
                print(json.dumps(result), flush=True)
    except UserError as error:
        print(json.dumps({"failed": str(error)}), flush=True)
        return WRONG_INPUT
    return DONE


def read_clip(recogniser: Recogniser, task: dict[str, Any]) -> dict[str, Any]:
    """What a recogniser says of one clip: its `key`, `heard`, `badness`, `reasons`; none for a file that is gone."""
    try:
        audio = load_audio(Path(task["audio"]), at_most_seconds=MOST_SECONDS)
    except AudioError:
        return {"key": task["key"], "gone": True}
    wave = soxr.resample(audio.wave, SAMPLE_RATE, RATE).astype(np.float32)
    found = agreement(recogniser, wave, task["text"], task["language"])
    reasons = [str(reason) for reason in found.reasons]
    return {"key": task["key"], "heard": found.heard, "badness": found.badness, "reasons": reasons}


def _tasks(file: Path) -> Iterator[dict[str, Any]]:
    with file.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
