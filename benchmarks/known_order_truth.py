"""What a model of known_order.py is truly worth: other sentences, another recogniser, another speaker encoder.

Worth is the share of words that are understood times the likeness of the voice, each sentence for itself: what the
package's decision reckons with as well, but of other samples and by instruments that it does not know.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from rapidfuzz.distance import Levenshtein

from benchmarks.ears import Encoder, LikeTheVoice, Said, Words, at_16_khz
from benchmarks.known_order_models import Project
from xtts_finetune.data.hearing.normalised import words_of
from xtts_finetune.evaluation.utterances import read_references
from xtts_finetune.evaluation.whose_voice import reference_files
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.xtts.base import find_base
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.speech.speech import Line, Speaker

SEED = 7
SENTENCES = (
    "The young farmer followed the river to the old bridge.",
    "My mother painted the kitchen door last week.",
    "Our teacher bought a golden ring at the station.",
    "The sailor lost his little box in the garden.",
    "The wolf walked through the dark forest after dinner.",
    "Your brother sold the gray horse to my neighbor.",
    "The woman opened a letter by the window.",
    "The doctor never finished the long story.",
    "The captain carried bread and milk over the road.",
    "His sister repaired the broken picture on Monday.",
    "The hunter found two black birds under the tree.",
    "The old queen waited for her daughter in the library.",
    "The girl closed the blue window in the morning.",
    "The neighbor saw a horse in the forest.",
    "My daughter took the ring to the captain.",
    "The boy walked over the bridge with a wolf.",
)
"""Of the words that the demo's base knows; none is an utterance of the demo."""


class Truth:
    """Judges models by `words` and by likeness to the recordings of the project's voice; what is known is kept."""

    def __init__(self, project: Project, words: Words, encoder: Encoder) -> None:
        self._project, self._words = project, words
        clips = project.run.clips.read_text(encoding="utf-8").splitlines()
        entries = [json.loads(line) for line in clips]
        recordings = [Said.of_file(each["text"], project.run.root / each["audio"]) for each in entries]
        self._voice = LikeTheVoice(encoder, recordings)
        declaration = load_declaration(project.file)
        self._settings = declaration.utterances.inference
        self._base = find_base(declaration.pipeline.base)
        self._references = read_references(reference_files(declaration, project.run))

    def of(self, name: str) -> list[float]:
        """(sentences,) worth of each."""
        kept = self._project.folder / "truth" / f"{name}.json"
        if kept.is_file():
            return list(json.loads(kept.read_text(encoding="utf-8"))["worth"])
        said = self._speak(self._project.weights(name))
        words = [self._understood(each) for each in said]
        likeness = [min(max(self._voice.of(each), 0.0), 1.0) for each in said]
        worth = [a * b for a, b in zip(words, likeness, strict=True)]
        kept.parent.mkdir(exist_ok=True)
        kept.write_text(json.dumps({"worth": worth, "words": words, "likeness": likeness}), encoding="utf-8")
        return worth

    def _speak(self, checkpoint: Path | None) -> Sequence[Said]:
        speaker = Speaker.with_references(self._base, load_model(self._base, checkpoint), "preview", self._references)
        lines = [Line(text, "en", SEED) for text in SENTENCES]
        spoken = dict(speaker.speak_many(lines, self._settings))
        rate = speaker.sample_rate
        return [Said(text, at_16_khz(np.asarray(spoken[n].wave), rate)) for n, text in enumerate(SENTENCES)]

    def _understood(self, said: Said) -> float:
        text = words_of(said.text, "en")
        return 1.0 - min(Levenshtein.distance(text, words_of(self._words.heard(said), "en")) / len(text), 1.0)
