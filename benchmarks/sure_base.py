"""A base with random weights whose next code is as sure as a trained model's: its head is fitted to made-up speech.

With random weights alone all codes are about equally likely, and the repetition penalty leads greedy speech down their
ranking from tie to tie, where rounding may change the order. A factor on the head changes nothing: it scales
what tells two codes apart and what rounding adds alike. So the head, and nothing else, is fitted in one step of least
squares to speech of made-up codes. What may come next at each of them is drawn from a Dirichlet distribution as uneven
as the demo's trained model is over the codes that it says greedily: mean entropy 2.45 nats, mean probability of the
likeliest code 0.40 (measured over three sentences, 91 codes); drawn are about 2.35 nats and 0.33. The seed was fixed
before the first try. A head holds about a sixth as many codes as it is wide; with more, what tells them apart gets
lost in what rounding adds.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import soundfile
import torch
from torch import Tensor

from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.speech.generation import without_hints
from xtts_finetune.xtts.speech.voice import voice_of

SEED = 0
CODES = 1024
# Of the Dirichlet distribution, over all codes; the mean entropy of one drawn from it is about log(4) + 0.7 nats.
CONCENTRATION = 4.0
# Share that every code gets: no model holds a code to be impossible.
FLOOR = 0.03


@dataclass(frozen=True)
class MadeUp:
    """A sentence and what is said to it: its codes, the stop token at the end, and what may come at each.

    odds   (codes, audio tokens), each row a distribution whose likeliest is the code itself
    """

    text: str
    codes: Tensor
    odds: Tensor


def fit_head(base: BaseFiles, voice: str, sentences: Sequence[tuple[str, int]]) -> dict[str, float]:
    """Write `base` anew with a head that says each (text, codes) in the voice; how sure it is, in figures."""
    model: Any = load_model(base)
    with without_hints():
        model.eval()
    gpt = model.gpt
    recording = soundfile.read(voice, dtype="float32")[0]
    with torch.inference_mode():
        latents = voice_of(model, [recording]).latents
        speech = made_up(sentences, gpt.start_audio_token, gpt.stop_audio_token)
        states = torch.cat([_states(model, latents, one) for one in speech]).double()
    odds = torch.cat([one.odds for one in speech])
    wanted = odds.log() - odds.log().mean(dim=-1, keepdim=True)
    centre, level = states.mean(dim=0), wanted.mean(dim=0)
    weight = torch.linalg.lstsq(states - centre, wanted - level, driver="gelsd").solution.T
    bias = level - weight @ centre
    content = torch.load(base.model, map_location="cpu", weights_only=True)
    content["model"]["gpt.mel_head.weight"] = weight.float().contiguous()
    content["model"]["gpt.mel_head.bias"] = bias.float()
    torch.save(content, base.model)
    return certainty(states @ weight.T + bias, torch.cat([one.codes for one in speech]))


def made_up(sentences: Sequence[tuple[str, int]], start: int, stop: int) -> list[MadeUp]:
    """Speech to each text in so many codes, no code twice in a sentence.

    All begin alike: weights that were never trained hardly hear the text before something is said.
    """
    generator = torch.Generator().manual_seed(SEED)
    gamma = torch.distributions.Gamma(torch.tensor(CONCENTRATION / CODES, dtype=torch.float64), 1.0)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(SEED)
        first, beginning = int(torch.randint(CODES, (), generator=generator)), gamma.sample((1, CODES))
        found = []
        for text, count in sentences:
            others = torch.randperm(CODES, generator=generator)
            codes = torch.cat([torch.tensor([first]), others[others != first][: count - 1], torch.tensor([stop])])
            drawn = torch.cat([beginning, gamma.sample((count, CODES))])
            found.append(MadeUp(text, codes, _odds(drawn, codes, max(start, stop) + 1)))
    return found


def _odds(drawn: Tensor, codes: Tensor, tokens: int) -> Tensor:
    """Distributions over all tokens, of which each code is the likeliest of its row."""
    shares = torch.nn.functional.pad(drawn / drawn.sum(dim=-1, keepdim=True), (0, tokens - drawn.shape[1]))
    rows, likeliest = torch.arange(len(codes)), shares.argmax(dim=-1)
    most, own = shares[rows, likeliest].clone(), shares[rows, codes].clone()
    shares[rows, likeliest] = own
    shares[rows, codes] = most
    return (1 - FLOOR) * shares + FLOOR / tokens


def _states(model: Any, latents: Tensor, speech: MadeUp) -> Tensor:
    """(codes, width): what the head sees before each code."""
    gpt = model.gpt
    text = model.tokenizer.encode(speech.text.strip().lower(), lang="en")
    tokens = torch.tensor([[gpt.start_text_token, *text, gpt.stop_text_token]])
    said = torch.tensor([[gpt.start_audio_token, *speech.codes[:-1].tolist()]])
    parts = [
        latents,
        gpt.text_embedding(tokens) + gpt.text_pos_embedding(tokens),
        gpt.mel_embedding(said) + gpt.mel_pos_embedding(said),
    ]
    hidden = gpt.gpt(inputs_embeds=torch.cat(parts, dim=1)).last_hidden_state[0, -said.shape[1] :]
    states: Tensor = gpt.final_norm(hidden)
    return states


def certainty(logits: Tensor, codes: Tensor) -> dict[str, float]:
    """How sure (codes, tokens) of logits are, and how far the likeliest code is above the next, in nats."""
    odds = logits.softmax(dim=-1)
    top = logits.topk(2, dim=-1)
    margin = top.values[:, 0] - top.values[:, 1]
    figures = {
        "mean_entropy_nats": -(odds * logits.log_softmax(dim=-1)).sum(dim=-1).mean(),
        "mean_top_probability": odds.max(dim=-1).values.mean(),
        "median_margin_nats": margin.median(),
        "least_margin_nats": margin.min(),
        "share_as_made_up": (top.indices[:, 0] == codes).double().mean(),
    }
    return {name: round(float(value), 4) for name, value in figures.items()}
