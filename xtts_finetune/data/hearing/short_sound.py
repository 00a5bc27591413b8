"""One clip inside a recogniser: encoded once, then read, and asked how likely words are that were given."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Frames of 10 ms that the encoder is given. Whisper learnt from 30 s; most clips are read as well in half the frames,
# for a third of the work (tiny.en, one core: 0.14 s for 0.45 s).
FEW_FRAMES = 1500
ALL_FRAMES = 3000
MOST_TOKENS = 220
# Pieces of words a second, in no language more; what goes round in circles comes to an end.
TOKENS_A_SECOND = 16
LONGEST_REPEAT = 6
LEAST_PROBABILITY = 1e-6
# Languages that are written without spaces: a word is a character.
WITHOUT_SPACES = ("ja", "zh", "zh-cn")


class ShortSound:
    """A sound of at most 30 s; what is longer is not heard. `whisper` is faster-whisper's WhisperModel.

    language    as Whisper names it
    whole       give the encoder as many frames as it learnt from, whatever the length: another opinion
    """

    def __init__(self, whisper: Any, wave: NDArray[np.float32], language: str, whole: bool = False) -> None:
        from faster_whisper.tokenizer import Tokenizer  # noqa: PLC0415  heavy

        self._model = whisper.model
        self._tokenizer: Any = Tokenizer(
            whisper.hf_tokenizer, self._model.is_multilingual, task="transcribe", language=language
        )
        self._between = "" if language in WITHOUT_SPACES else " "
        features = whisper.feature_extractor(wave)
        self._frames = min(features.shape[-1], ALL_FRAMES)
        room = ALL_FRAMES if whole or self._frames > FEW_FRAMES else FEW_FRAMES
        padded = np.zeros((features.shape[0], room), dtype=np.float32)
        padded[:, : self._frames] = features[:, : self._frames]
        self._encoded = whisper.encode(padded)

    def read(self) -> str:
        """What is heard, each time the likeliest next piece."""
        start = [*self._tokenizer.sot_sequence, self._tokenizer.no_timestamps]
        # CTranslate2 counts the start with the rest, and takes half of what it is told.
        most = min(MOST_TOKENS, len(start) + 16 + TOKENS_A_SECOND * self._frames // 100)
        found = self._model.generate(
            self._encoded, [start], beam_size=1, max_length=2 * most, no_repeat_ngram_size=LONGEST_REPEAT
        )[0]
        tokens = [token for token in found.sequences_ids[0] if token < self._tokenizer.eot]
        return str(self._tokenizer.decode(tokens)).strip()

    def log_probabilities(self, words: Sequence[str]) -> list[NDArray[np.float64]]:
        """For each of the words, (tokens,) natural logarithms of how likely its pieces are after all before them."""
        pieces = [self._tokenizer.encode(f"{self._between}{word}") for word in words]
        tokens = [token for piece in pieces for token in piece][:MOST_TOKENS]
        if not tokens:
            return [np.zeros(0) for _ in words]
        # Teacher forcing: what the times of words are found by.
        found = self._model.align(self._encoded, self._tokenizer.sot_sequence, [tokens], self._frames)[0]
        logs = np.log(np.maximum(np.asarray(found.text_token_probs, dtype=np.float64), LEAST_PROBABILITY))
        ends = list(accumulate(len(piece) for piece in pieces))
        return [logs[end - len(piece) : end] for piece, end in zip(pieces, ends, strict=True)]
