"""Audio codes for many pieces of text at once: what Coqui's `GPT.generate` gives for each of them alone.

Pieces of different length stand in one batch with their ends aligned, and what stands before a shorter one is masked.
A piece that has ended leaves the batch. Its random numbers are its own, so that neither the others nor the order
matter. Only rounding can tell: products of matrices round otherwise in batches of another size, by about 1e-6 of a
logit, so that where two codes are likely to within that much, the other one may be taken.

Without hints of libraries that say nothing to those who speak with a model.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
import transformers
from torch import Tensor
from transformers import DynamicCache
from transformers.generation.logits_process import (
    LogitsProcessorList,
    RepetitionPenaltyLogitsProcessor,
    TemperatureLogitsWarper,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from xtts_finetune.spec.utterances import InferenceSpec


@contextlib.contextmanager
def without_hints() -> Iterator[None]:
    """Without transformers' warnings about start and stop tokens, which Coqui's GPT never uses, and greedy settings."""
    before = transformers.logging.get_verbosity()
    transformers.logging.set_verbosity_error()
    try:
        yield
    finally:
        transformers.logging.set_verbosity(before)


# What Coqui gives transformers in place of text and voice. It counts as said once, as the start token does, so that
# code 1 pays the repetition penalty from the beginning.
STAND_IN = 1
# Products of this many rows use a CPU or GPU well, and more would only keep the first utterance waiting.
MOST_ROWS = 32
# Bytes for keys and values on the CPU: 10 rows of XTTS v2 at their longest.
CPU_BYTES = 2 << 30
# Share of a GPU's free memory for them. They are copied as they grow, and training may want the rest.
GPU_SHARE = 0.4

BeforeStep = Callable[[], None]
"""Called before each decoding step; what it raises ends the generation."""


@dataclass(frozen=True)
class Piece:
    """A text to be said in one pass.

    tokens   (tokens,) integers, without start and stop
    seed     of its random numbers
    """

    tokens: Tensor
    seed: int


@dataclass(frozen=True)
class Said:
    """What the GPT said to a piece.

    place   of the piece among those asked for
    codes   (codes,) int64, with the stop token if there is one
    ended   whether there is; without, it was cut off at the model's greatest length
    """

    place: int
    codes: Tensor
    ended: bool


class Choice:
    """The next code of each row: the likeliest, or drawn as transformers' `generate` draws."""

    def __init__(self, settings: InferenceSpec, sampling: bool) -> None:
        """`sampling`: False takes the likeliest, and of the settings only the repetition penalty counts."""
        self._sampling = sampling
        self._processors = LogitsProcessorList([
            RepetitionPenaltyLogitsProcessor(float(settings.repetition_penalty))
        ])  # fmt: skip
        if sampling:
            self._processors += [
                TemperatureLogitsWarper(float(settings.temperature)),
                TopKLogitsWarper(settings.top_k),
                TopPLogitsWarper(settings.top_p),
            ]

    def __call__(self, said: Tensor, logits: Tensor, generators: Sequence[torch.Generator]) -> Tensor:
        """(rows,) codes after what was said (rows, tokens), from (rows, vocabulary) logits in float32.

        Raises RuntimeError if the logits are not finite.
        """
        scores = self.scores(said, logits)
        if not self._sampling:
            return scores.argmax(dim=-1)
        rows = scores.softmax(dim=-1)
        torch._assert_async(rows.isfinite().all(), "the model's output is not finite")
        # As torch.multinomial draws one of a row, all rows at once: the noise alone is each row's own.
        noise = torch.empty_like(rows)
        for row, generator in zip(noise, generators, strict=True):
            row.exponential_(generator=generator)
        return (rows / noise).argmax(dim=-1)

    def scores(self, said: Tensor, logits: Tensor) -> Tensor:
        """(rows, vocabulary) of what may come next, after penalty and, where it is drawn, the other settings."""
        processed: Tensor = self._processors(said, logits)
        return processed


def generate(
    gpt: Any,
    conditioning: Tensor,
    pieces: Sequence[Piece],
    choice: Choice,
    before_step: BeforeStep = lambda: None,
) -> Iterator[Said]:
    """What Coqui's `gpt` says to each of `pieces`, as soon as it has ended.

    conditioning   (1, latents, width) of the voice

    Pieces of similar length go together, shortest first, as many at once as memory allows. Random state outside is
    left alone.
    """
    if not pieces:
        return
    order = sorted(range(len(pieces)), key=lambda place: len(pieces[place].tokens))
    longest = conditioning.shape[1] + len(pieces[order[-1]].tokens) + 3 + int(gpt.max_gen_mel_tokens)
    batches = -(-len(order) // rows_at_once(gpt, longest, conditioning.device))
    for number in range(batches):  # of nearly equal size: a last batch of one would take as long as a full one
        start, end = (len(order) * edge // batches for edge in (number, number + 1))
        yield from _generate_batch(gpt, conditioning, pieces, order[start:end], choice, before_step)


@torch.inference_mode()
def scores_after(gpt: Any, conditioning: Tensor, tokens: Tensor, codes: Tensor, choice: Choice) -> Tensor:
    """(vocabulary,) processed scores, in nats but for a constant, of the code that follows `codes`.

    tokens   (tokens,) of the text
    codes    (codes,) that the GPT has said to it so far
    """
    device = conditioning.device
    inputs, _ = _prefixes(gpt, conditioning, [tokens])
    said = torch.tensor([[STAND_IN, gpt.start_audio_token]], device=device)
    if len(codes):
        codes = codes.to(device)[None]
        places = [gpt.mel_pos_embedding.get_fixed_embedding(step, device) for step in range(1, codes.shape[1] + 1)]
        inputs = torch.cat([inputs, gpt.mel_embedding(codes) + torch.cat(places, dim=1)], dim=1)
        said = torch.cat([said, codes], dim=1)
    return choice.scores(said, _logits(gpt, inputs, None, DynamicCache()))[0]


def rows_at_once(gpt: Any, positions: int, device: torch.device) -> int:
    """How many sequences of up to `positions` fit into memory with their keys and values; at least one."""
    bytes_a_row = 2 * 4 * int(gpt.layers) * int(gpt.model_dim) * positions  # keys and values in float32
    room = int(GPU_SHARE * _free_bytes(device)) if device.type == "cuda" else CPU_BYTES
    return max(1, min(MOST_ROWS, room // bytes_a_row))


def _free_bytes(device: torch.device) -> int:
    """What the driver has left, and what torch holds in reserve."""
    reserve = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
    return int(torch.cuda.mem_get_info(device)[0]) + int(reserve)


@torch.inference_mode()
def generate_steps(
    gpt: Any, conditioning: Tensor, piece: Piece, choice: Choice, before_step: BeforeStep = lambda: None
) -> Iterator[tuple[Tensor, int]]:
    """What Coqui's `gpt` says to one piece, code by code, as `generate` would have it say it.

    Gives the (width,) latent that each code was chosen from, which is what a vocoder makes its sound of, and the code;
    the last is the stop token, if there is one.
    """
    rows = _Rows(gpt, conditioning, [piece])
    for _ in range(int(gpt.max_gen_mel_tokens)):
        before_step()
        states, chosen = rows.step(choice)
        code = int(chosen)
        yield states[0], code
        if code == gpt.stop_audio_token:
            return


@torch.inference_mode()
def _generate_batch(
    gpt: Any,
    conditioning: Tensor,
    pieces: Sequence[Piece],
    places: Sequence[int],
    choice: Choice,
    before_step: BeforeStep,
) -> Iterator[Said]:
    """The pieces at `places`, all at once."""
    rows = _Rows(gpt, conditioning, [pieces[place] for place in places])
    for _ in range(int(gpt.max_gen_mel_tokens)):
        before_step()
        _, chosen = rows.step(choice)
        stopped = (chosen == gpt.stop_audio_token).tolist()
        for row, place in enumerate(places):
            if stopped[row]:
                yield Said(place, rows.codes[row], ended=True)
        if any(stopped):
            left = [row for row, has_stopped in enumerate(stopped) if not has_stopped]
            if not left:
                return
            places = [places[row] for row in left]
            rows.keep(left)
    for row, place in enumerate(places):
        yield Said(place, rows.codes[row], ended=False)


class _Rows:
    """Pieces on their way through the GPT, side by side."""

    def __init__(self, gpt: Any, conditioning: Tensor, pieces: Sequence[Piece]) -> None:
        device = conditioning.device
        self._gpt, self._cache, self._steps = gpt, DynamicCache(), 0
        self._inputs, self._mask = _prefixes(gpt, conditioning, [piece.tokens for piece in pieces])
        self._said = torch.tensor([[STAND_IN, gpt.start_audio_token]], device=device).repeat(len(pieces), 1)
        self._first_code = self._said.shape[1]
        self._generators = [torch.Generator(device).manual_seed(piece.seed) for piece in pieces]

    @property
    def codes(self) -> Tensor:
        """(rows, codes) so far."""
        return self._said[:, self._first_code :]

    def step(self, choice: Choice) -> tuple[Tensor, Tensor]:
        """(rows, width) latents and the (rows,) codes that were chosen from them."""
        if self._steps:
            place = self._gpt.mel_pos_embedding.get_fixed_embedding(self._steps, self._said.device)
            self._inputs = self._gpt.mel_embedding(self._said[:, -1:]) + place
            self._mask = None if self._mask is None else F.pad(self._mask, (0, 1), value=1)
        states = _states(self._gpt, self._inputs, self._mask, self._cache)
        chosen = choice(self._said, self._gpt.mel_head(states).float(), self._generators)
        self._said = torch.cat([self._said, chosen[:, None]], dim=1)
        self._steps += 1
        return states, chosen

    def keep(self, rows: Sequence[int]) -> None:
        """Go on with these alone."""
        kept = torch.tensor(rows, device=self._said.device)
        self._generators = [self._generators[row] for row in rows]
        self._said = self._said[kept]
        self._mask = None if self._mask is None else self._mask[kept]
        self._cache.batch_select_indices(kept)


def _prefixes(gpt: Any, conditioning: Tensor, texts: Sequence[Tensor]) -> tuple[Tensor, Tensor | None]:
    """Voice, text and start token of each row, and which of it is real; None if all of it is.

    (rows, positions, width), aligned at the end, and (rows, positions) of 1 and 0. There are no positions in these
    but those within a text and within the sound, so that what stands before a row does not matter.
    """
    start = torch.tensor([[gpt.start_audio_token]], device=conditioning.device)
    beginning = gpt.mel_embedding(start) + gpt.mel_pos_embedding(start)
    prefixes = [torch.cat([conditioning, _embedded(gpt, text), beginning], dim=1)[0] for text in texts]
    longest = max(len(prefix) for prefix in prefixes)
    inputs = torch.stack([F.pad(prefix, (0, 0, longest - len(prefix), 0)) for prefix in prefixes])
    if all(len(prefix) == longest for prefix in prefixes):
        return inputs, None
    missing = torch.tensor([longest - len(prefix) for prefix in prefixes], device=inputs.device)
    return inputs, (torch.arange(longest, device=inputs.device) >= missing[:, None]).long()


def _embedded(gpt: Any, text: Tensor) -> Tensor:
    """(1, tokens + 2, width) of (tokens,), with start and stop."""
    tokens = F.pad(F.pad(text[None], (0, 1), value=gpt.stop_text_token), (1, 0), value=gpt.start_text_token)
    embedded: Tensor = gpt.text_embedding(tokens) + gpt.text_pos_embedding(tokens)
    return embedded


def _logits(gpt: Any, inputs: Tensor, mask: Tensor | None, cache: DynamicCache) -> Tensor:
    """(rows, vocabulary) float32 for the token after (rows, positions, width); their keys and values go to `cache`."""
    logits: Tensor = gpt.mel_head(_states(gpt, inputs, mask, cache))
    return logits.float()


def _states(gpt: Any, inputs: Tensor, mask: Tensor | None, cache: DynamicCache) -> Tensor:
    """(rows, width) after the last of (rows, positions, width): Coqui's latents."""
    hidden = gpt.gpt(inputs_embeds=inputs, past_key_values=cache, attention_mask=mask, use_cache=True).last_hidden_state
    states: Tensor = gpt.final_norm(hidden[:, -1])
    return states
