"""Text to speech with a candidate's model, step by step as Coqui's `Xtts.inference` does it.

It differs from `Xtts.inference` in four ways: many texts are spoken at once; references come as waves, so that no
FFmpeg is needed; every piece of text has random numbers of its own, so that an utterance does not depend on what
is spoken before or beside it; and the preview vocoder may stand in for the HiFi-GAN.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass

import numpy as np
import torch
from TTS.tts.models.xtts import Xtts

from xtts_finetune.errors import UserError
from xtts_finetune.spec.pipeline import Vocoder as VocoderName
from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.cleaning import cleaning_problem
from xtts_finetune.xtts.speakable import split_text
from xtts_finetune.xtts.speech.generation import (
    BeforeStep,
    Choice,
    Piece,
    Said,
    generate,
    generate_steps,
    without_hints,
)
from xtts_finetune.xtts.speech.mel_inversion import Wave
from xtts_finetune.xtts.speech.vocoder import Generated, Vocoder, background, make_vocoder
from xtts_finetune.xtts.speech.voice import as_xtts_wants, conditioning_latents

DEFAULT_CHAR_LIMIT = 250  # Coqui's for a language it has no own limit for


@dataclass(frozen=True)
class Line:
    """A text to be spoken, and the seed of its random numbers."""

    text: str
    language: str
    seed: int


@dataclass(frozen=True)
class Speech:
    """One utterance.

    wave            (samples,) float32 within -1 and 1
    pieces          the texts spoken in one pass each; more than one if the text was too long for that
    codes           audio codes of all pieces
    reached_limit   whether a piece was cut off because the model did not end it itself
    """

    wave: Wave
    sample_rate: int
    pieces: tuple[str, ...]
    codes: int
    reached_limit: bool

    @property
    def seconds(self) -> float:
        """Duration of the utterance."""
        return len(self.wave) / self.sample_rate


@dataclass(frozen=True)
class _Part:
    """A piece of an utterance: its text, its codes, and its sound as soon as that is there."""

    text: str
    said: Said
    wave: Future[Wave]


class Speaker:
    """A model with the voice of some references.

    The model is put into its state for inference, which adds modules to it: do not save or train it
    afterwards, unless all of it happens inside `in_place.left_as_it_was`.
    """

    def __init__(self, model: Xtts, vocoder: Vocoder, conditioning: torch.Tensor, sampling: bool = True) -> None:
        """`conditioning`: (1, latents, model width) of the voice.

        sampling    False always takes the likeliest code; seeds then make no difference
        """
        with without_hints():
            model.eval()
        self._model = model
        self._sampling = sampling
        self._conditioning = conditioning
        self._vocoder = vocoder

    @classmethod
    def with_references(
        cls,
        base: BaseFiles,
        model: Xtts,
        vocoder: VocoderName | Vocoder,
        references: Sequence[Wave],
        sampling: bool = True,
    ) -> Speaker:
        """A speaker with the voice of `references`: recordings, (samples,) each at 22 050 Hz.

        vocoder     its name, or one that is made already

        Raises UserError if there is no reference, if all together are too short, or if the base has no
        HiFi-GAN for the vocoder 'hifigan'.
        """
        with without_hints():
            model.eval()
        prepared = as_xtts_wants(references, model)
        conditioning = conditioning_latents(model, prepared)
        if isinstance(vocoder, str):
            vocoder = make_vocoder(vocoder, base, model, prepared)
        return cls(model, vocoder, conditioning, sampling)

    def in_voice(self, conditioning: torch.Tensor, vocoder: Vocoder) -> Speaker:
        """The same model in another voice: its (1, latents, model width), and a vocoder for it."""
        return Speaker(self._model, vocoder, conditioning, self._sampling)

    @property
    def model(self) -> Xtts:
        """The model that speaks."""
        return self._model

    @property
    def sample_rate(self) -> int:
        """Samples a second of everything spoken."""
        return self._vocoder.sample_rate

    def speak(self, text: str, language: str, settings: InferenceSpec, seed: int) -> Speech:
        """`text` spoken; the same seed gives the same speech, which ends at the model's greatest length.

        Pieces follow each other without an added pause, as in XTTS: each brings its own silence.
        Raises UserError if the text has no words, or if XTTS cannot read it.
        """
        ((_, speech),) = self.speak_many([Line(text, language, seed)], settings)
        return speech

    def speak_many(
        self, lines: Sequence[Line], settings: InferenceSpec, before_step: BeforeStep = lambda: None
    ) -> Iterator[tuple[int, Speech]]:
        """Each line's place among `lines` and its speech, as soon as it is finished; short ones come first.

        A vocoder that works in threads begins when the codes of all lines are there.

        before_step   called before each decoding step; what it raises ends the speaking

        A line sounds as it would alone (`generation` says what rounding may do).
        Raises UserError if a text has no words, or if XTTS cannot read it, before anything is spoken.
        """
        texts = [self.split(line.text, line.language) for line in lines]
        pieces = [self._pieces(line, text) for line, text in zip(lines, texts, strict=True)]
        owners = [(place, part) for place, parts in enumerate(pieces) for part in range(len(parts))]
        wanted = [pieces[place][part] for place, part in owners]
        choice = Choice(settings, self._sampling)
        parts: dict[int, dict[int, _Part]] = defaultdict(dict)
        finished: deque[int] = deque()
        heard = generate(self._model.gpt, self._conditioning, wanted, choice, before_step)
        if self._vocoder.threads:
            # Side by side, the GPT and a vocoder on the same cores keep each other waiting: a fifth more time in all.
            heard = iter(list(heard))
        with background(self._vocoder.threads) as executor:
            for said in heard:
                place, part = owners[said.place]
                wave = executor.submit(self._wave, wanted[said.place], said, settings.speed)
                parts[place][part] = _Part(texts[place][part], said, wave)
                if len(parts[place]) == len(texts[place]):
                    finished.append(place)
                while finished and all(one.wave.done() for one in parts[finished[0]].values()):
                    yield finished[0], self._joined(parts.pop(finished.popleft()))
            while finished:
                yield finished[0], self._joined(parts.pop(finished.popleft()))

    def stream(
        self, text: str, language: str, settings: InferenceSpec, seed: int, before_step: BeforeStep = lambda: None
    ) -> Iterator[Wave]:
        """What `speak` gives, in parts, (samples,) each, as soon as they are certain; but for rounding the same.

        The HiFi-GAN begins after a few codes, a preview with the first piece.
        Raises UserError as `speak`, with the first part.
        """
        pieces = self._pieces(Line(text, language, seed), self.split(text, language))
        choice = Choice(settings, self._sampling)
        for piece in pieces:
            sounding, codes = self._vocoder.sounding(settings.speed), []
            for latent, code in generate_steps(self._model.gpt, self._conditioning, piece, choice, before_step):
                codes.append(code)
                if len(wave := sounding.more(latent)):
                    yield wave
            said = [code for code in codes if code != self._model.gpt.stop_audio_token]
            yield sounding.rest(torch.tensor(said, dtype=torch.long, device=self._model.device))

    def split(self, text: str, language: str) -> tuple[str, ...]:
        """Pieces of `text`: within Coqui's characters for the language and the model's tokens."""
        most_tokens = int(self._model.args.gpt_max_text_tokens) - 1
        char_limit = self._model.tokenizer.char_limits.get(language.split("-")[0], DEFAULT_CHAR_LIMIT)
        return split_text(text, char_limit, lambda piece: len(self._tokens(piece, language)) <= most_tokens)

    def _pieces(self, line: Line, texts: Sequence[str]) -> list[Piece]:
        """What the GPT is given for each piece of a line."""
        return [
            Piece(self._tokens(text, line.language), _piece_seed(line.seed, part)) for part, text in enumerate(texts)
        ]

    def _tokens(self, piece: str, language: str) -> torch.Tensor:
        """(tokens,) int32, as `Xtts.inference` makes them. Raises UserError for a text that XTTS cannot read."""
        text = piece.strip().lower()
        try:
            tokens = self._model.tokenizer.encode(text, lang=language)
        except Exception as error:  # Coqui's cleaners raise whatever their libraries do
            problem = cleaning_problem(text, language) or f"{type(error).__name__}: {error}"
            raise UserError(f"'{piece.strip()[:60]}' cannot be spoken: {problem}") from None
        return torch.tensor(tokens, dtype=torch.int32, device=self._model.device)

    def _wave(self, piece: Piece, said: Said, speed: float) -> Wave:
        """(samples,) of one piece."""
        gpt, codes, tokens = self._model.gpt, said.codes, piece.tokens

        def latents() -> torch.Tensor:
            # With the stop token, as Xtts.inference passes it: the HiFi-GAN is used to what comes of that.
            # One piece at a time: the same codes then give the same sound, whatever they were generated with.
            result: torch.Tensor = gpt(
                tokens[None],
                torch.tensor([len(tokens)], device=tokens.device),
                codes[None],
                torch.tensor([len(codes) * gpt.code_stride_len], device=tokens.device),
                cond_latents=self._conditioning,
                return_attentions=False,
                return_latent=True,
            )
            return result

        return self._vocoder.wave(Generated(codes[codes != gpt.stop_audio_token], latents), speed)

    def _joined(self, parts: dict[int, _Part]) -> Speech:
        """The utterance of these pieces, one after the other; waits for their sound."""
        in_order = [parts[number] for number in sorted(parts)]
        return Speech(
            wave=np.concatenate([part.wave.result() for part in in_order]),
            sample_rate=self.sample_rate,
            pieces=tuple(part.text for part in in_order),
            codes=sum(len(part.said.codes) - part.said.ended for part in in_order),
            reached_limit=not all(part.said.ended for part in in_order),
        )


def _piece_seed(seed: int, index: int) -> int:
    """A seed for each piece of an utterance; neighbouring seeds have nothing in common."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{index}".encode()).digest()[:7], "big")
