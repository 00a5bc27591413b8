"""The way of other tools on the same recording: one reading of the whole, cut at . ! ? with 0.2 s to both sides."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import av
import numpy as np
from numpy.typing import NDArray
from rapidfuzz.distance import Levenshtein

from benchmarks.recordings.figures import cuts_of, of_others
from benchmarks.recordings.truth import MAIN, Truth, normal
from xtts_finetune.data.hearing.models import find_model
from xtts_finetune.data.hearing.recogniser import RATE, Recogniser
from xtts_finetune.records.stretches import Stretch, Word

BUFFER = 0.2


def read_whole(truth: Truth, model: str | None, threads: int, kept: Path) -> list[Word]:
    """Every word of the recording as the recogniser hears it in one go; kept in a file, since it takes minutes."""
    if not kept.is_file():
        heard = Recogniser(find_model(model, "en"), threads).hear(whole_at_16k(truth.sound), "en")
        kept.write_text(json.dumps([[w.text, w.start, w.end, w.probability] for w in heard.words]), encoding="utf-8")
    return [Word(*word) for word in json.loads(kept.read_text(encoding="utf-8"))]


def whole_at_16k(path: Path) -> NDArray[np.float32]:
    with av.open(str(path)) as container:
        resampler = av.AudioResampler(format="s16", layout="mono", rate=RATE)
        parts = [part.to_ndarray()[0] for frame in container.decode(audio=0) for part in resampler.resample(frame)]
    return np.asarray(np.concatenate(parts).astype(np.float32) / 32768)


def sentences_of(words: list[Word], seconds: float) -> list[Stretch]:
    """Cut as the formatter does that Coqui's demo brought and others took over."""
    clips: list[Stretch] = []
    begun: list[Word] = []
    for number, word in enumerate(words):
        begun.append(word)
        if word.text[-1] in ".!?":
            first = number - len(begun) + 1
            before = words[first - 1].end if first else 0.0
            start = max(begun[0].start - BUFFER, (before + begun[0].start) / 2 if first else 0.0)
            after = words[number + 1].start if number + 1 < len(words) else seconds
            end = min((word.end + after) / 2, word.end + BUFFER)
            clips.append(Stretch("-", "made", start, end, " ".join(w.text for w in begun), "kept"))
            begun = []
    return clips


def peers_figures(truth: Truth, words: list[Word]) -> dict[str, Any]:
    clips = sentences_of(words, truth.seconds)
    whole = normal(" ".join(word.text for word in words))
    said = [(word, s["speaker"] == MAIN) for s in truth.sentences for word in normal(s["said"])]
    wrong, missed = errors_by_speaker(whole, said)
    main = sum(of_main for _, of_main in said)
    return {
        **cuts_of(truth, [(clip.start, clip.end) for clip in clips]).as_json(),
        "word errors over the whole": {"errors": wrong, "words": len(said), "rate": round(wrong / len(said), 4)},
        "of the main speaker": {"errors": missed, "words": main, "rate": round(missed / main, 4)},
        "seconds of other speakers": of_others(truth, clips),
    }


def errors_by_speaker(heard: list[str], said: list[tuple[str, bool]]) -> tuple[int, int]:
    """All errors, and those in the main speaker's words; a word too many counts to the word that it is put before."""
    steps = Levenshtein.editops([word for word, _ in said], heard)
    places = [min(step.src_pos, len(said) - 1) for step in steps]
    return len(places), sum(said[place][1] for place in places)
