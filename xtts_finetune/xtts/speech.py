"""Text to speech with a candidate's model, step by step as Coqui's `Xtts.inference` does it.

It differs from `Xtts.inference` in three ways: references come as waves, so that no FFmpeg is needed; every
piece of text has random numbers of its own, so that an utterance does not depend on what was spoken before
it; and the preview vocoder may stand in for the HiFi-GAN.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import transformers
from TTS.tts.models.xtts import Xtts

from xtts_finetune.errors import UserError
from xtts_finetune.spec.pipeline import Vocoder as VocoderName
from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.mel_inversion import Wave
from xtts_finetune.xtts.mels import SAMPLE_RATE
from xtts_finetune.xtts.text_split import split_text
from xtts_finetune.xtts.vocoder import Generated, make_vocoder

DEFAULT_CHAR_LIMIT = 250  # Coqui's for a language it has no own limit for


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


class Speaker:
    """A model with the voice of some references.

    The model is put into its state for inference, which adds modules to it: do not save or train it
    afterwards, unless all of it happens inside `in_place.left_as_it_was`.
    """

    def __init__(
        self,
        base: BaseFiles,
        model: Xtts,
        vocoder: VocoderName,
        references: Sequence[Wave],
        sampling: bool = True,
    ) -> None:
        """`references`: recordings of the voice, (samples,) each at 22 050 Hz.

        sampling    False always takes the likeliest code; seeds then make no difference

        Raises UserError if there is no reference, if all together are too short, or if the base has no
        HiFi-GAN for the vocoder 'hifigan'.
        """
        with _without_hints():
            model.eval()
        self._model = model
        self._sampling = sampling
        voices = [_as_xtts_wants(wave, model) for wave in references]
        self._conditioning = _conditioning(voices, model)
        self._vocoder = make_vocoder(vocoder, base, model, voices)

    @property
    def sample_rate(self) -> int:
        """Samples a second of everything spoken."""
        return self._vocoder.sample_rate

    @torch.inference_mode()
    def speak(self, text: str, language: str, settings: InferenceSpec, seed: int) -> Speech:
        """`text` spoken; the same seed gives the same speech, which ends at the model's greatest length.

        Pieces follow each other without an added pause, as in XTTS: each brings its own silence.
        Raises UserError if the text has no words.
        """
        pieces = self.split(text, language)
        generated = [
            self._generate(piece, language, settings, _piece_seed(seed, index))
            for index, piece in enumerate(pieces)
        ]
        waves = [self._vocoder.wave(piece, settings.speed) for piece, _ in generated]
        return Speech(
            wave=np.concatenate(waves),
            sample_rate=self.sample_rate,
            pieces=pieces,
            codes=sum(len(piece.codes) for piece, _ in generated),
            reached_limit=any(cut for _, cut in generated),
        )

    def split(self, text: str, language: str) -> tuple[str, ...]:
        """Pieces of `text`: within Coqui's characters for the language and the model's tokens."""
        most_tokens = int(self._model.args.gpt_max_text_tokens) - 1
        char_limit = self._model.tokenizer.char_limits.get(language.split("-")[0], DEFAULT_CHAR_LIMIT)
        return split_text(
            text, char_limit, lambda piece: self._tokens(piece, language).shape[-1] <= most_tokens
        )

    def _tokens(self, piece: str, language: str) -> torch.Tensor:
        """(1, tokens) int32, as `Xtts.inference` makes them."""
        tokens = self._model.tokenizer.encode(piece.strip().lower(), lang=language)
        return torch.tensor([tokens], dtype=torch.int32, device=self._model.device)

    def _generate(
        self, piece: str, language: str, settings: InferenceSpec, seed: int
    ) -> tuple[Generated, bool]:
        """Codes of one piece, and whether they were cut off at the model's limit."""
        gpt = self._model.gpt
        tokens = self._tokens(piece, language)
        with _seeded(seed, self._model.device):
            codes = gpt.generate(
                cond_latents=self._conditioning,
                text_inputs=tokens,
                output_attentions=False,
                **_generation_settings(settings, self._sampling),
            )
        ended = bool((codes[0] == gpt.stop_audio_token).any())

        def latents() -> torch.Tensor:
            # With the stop token, as Xtts.inference passes it: the HiFi-GAN is used to what comes of that.
            result: torch.Tensor = gpt(
                tokens,
                torch.tensor([tokens.shape[-1]], device=tokens.device),
                codes,
                torch.tensor([codes.shape[-1] * gpt.code_stride_len], device=tokens.device),
                cond_latents=self._conditioning,
                return_attentions=False,
                return_latent=True,
            )
            return result

        return Generated(codes[0][codes[0] != gpt.stop_audio_token], latents), not ended


@contextlib.contextmanager
def _without_hints() -> Iterator[None]:
    """Without transformers' warning about start and stop tokens that Coqui's GPT never uses."""
    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(before)


@contextlib.contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Random numbers from `seed` inside, as if nothing had been drawn outside."""
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []):
        torch.manual_seed(seed)
        yield


def _piece_seed(seed: int, index: int) -> int:
    """A seed for each piece of an utterance; neighbouring seeds have nothing in common."""
    return int.from_bytes(hashlib.sha256(f"{seed}/{index}".encode()).digest()[:7], "big")


def _generation_settings(settings: InferenceSpec, sampling: bool) -> dict[str, Any]:
    """What `Xtts.inference` hands to the GPT; without sampling only what still counts."""
    common = {"num_return_sequences": 1, "num_beams": 1, "repetition_penalty": settings.repetition_penalty}
    if not sampling:
        return {**common, "do_sample": False}
    return {
        **common,
        "do_sample": True,
        "temperature": settings.temperature,
        "top_k": settings.top_k,
        "top_p": settings.top_p,
        "length_penalty": settings.length_penalty,
    }


def _as_xtts_wants(wave: Wave, model: Xtts) -> torch.Tensor:
    """(1, samples) of a reference, cut and levelled as config.json says (`Xtts.get_conditioning_latents`)."""
    config = model.config
    audio = torch.from_numpy(np.array(wave[: SAMPLE_RATE * config.max_ref_len], dtype=np.float32))[None].clip(
        -1, 1
    )
    if config.sound_norm_refs:
        audio = audio / audio.abs().max().clamp(min=1e-6) * 0.75
    return audio.to(model.device)


def _conditioning(voices: Sequence[torch.Tensor], model: Xtts) -> torch.Tensor:
    """(1, latents, model width) that every utterance begins with, from all references one after the other."""
    if not voices:
        raise UserError("utterances: no reference recording of the voice was given; name at least one")
    config = model.config
    try:
        latents: torch.Tensor = model.get_gpt_cond_latents(
            torch.cat(list(voices), dim=-1),
            SAMPLE_RATE,
            length=config.gpt_cond_len,
            chunk_length=config.gpt_cond_chunk_len,
        )
    except RuntimeError as error:
        if "too short" not in str(error):
            raise
        raise UserError(f"utterances: {error} Name a longer recording under 'reference:'.") from None
    return latents
