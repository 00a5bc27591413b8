"""A base with random weights in any size, for tests and benchmarks on machines that lack XTTS v2's files."""

from __future__ import annotations

import json
import string
from dataclasses import dataclass
from pathlib import Path

import torch
from tokenizers import Tokenizer as BpeTokenizer
from tokenizers.models import BPE
from TTS.tts.layers.xtts.dvae import DiscreteVAE
from TTS.tts.models.xtts import Xtts

from xtts_finetune.numbers.fixed import MEL_CHANNELS
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.model import load_config

AUDIO_TOKENS = 1026  # 1024 codes, start and stop
SPECIAL_TOKENS = ("[STOP]", "[UNK]", "[SPACE]", "[START]", "[en]", "[hu]")
CHARACTERS = string.ascii_lowercase + string.digits + "áéíóöőúüű" + ".,!?'\"-:;()"


@dataclass(frozen=True)
class BaseSize:
    """Sizes of a base. The defaults are small enough for a test; `XTTS_V2` is the real thing."""

    layers: int = 2
    width: int = 64
    heads: int = 2
    text_tokens: int = 128
    dvae_hidden: int = 16
    dvae_codebook: int = 32
    max_audio_tokens: int = 605
    max_text_tokens: int = 402
    with_hifigan: bool = False


XTTS_V2 = BaseSize(
    layers=30, width=1024, heads=16, text_tokens=6681, dvae_hidden=512, dvae_codebook=512, with_hifigan=True
)


def make_random_base(folder: Path, size: BaseSize | None = None, seed: int = 0) -> BaseFiles:
    """Write the five files of a base with random weights into `folder`."""
    size = size or BaseSize()
    folder.mkdir(parents=True, exist_ok=True)
    base = BaseFiles(folder)
    base.config.write_text(json.dumps(_config(size), indent=2), encoding="utf-8")
    base.vocab.write_text(_vocabulary(size.text_tokens), encoding="utf-8")
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        torch.save(torch.linspace(4.0, 6.0, MEL_CHANNELS), base.mel_stats)
        torch.save(_dvae(size).state_dict(), base.dvae)
        torch.save({"model": _weights(base, size)}, base.model)
    return base


def _config(size: BaseSize) -> dict[str, object]:
    arguments = {
        "gpt_layers": size.layers,
        "gpt_n_model_channels": size.width,
        "gpt_n_heads": size.heads,
        "gpt_number_text_tokens": size.text_tokens,
        "gpt_start_text_token": SPECIAL_TOKENS.index("[START]"),
        "gpt_stop_text_token": SPECIAL_TOKENS.index("[STOP]"),
        "gpt_max_audio_tokens": size.max_audio_tokens,
        "gpt_max_text_tokens": size.max_text_tokens,
        "gpt_num_audio_tokens": AUDIO_TOKENS,
        "gpt_start_audio_token": AUDIO_TOKENS - 2,
        "gpt_stop_audio_token": AUDIO_TOKENS - 1,
        "gpt_use_masking_gt_prompt_approach": True,
        "gpt_use_perceiver_resampler": True,
        "decoder_input_dim": size.width,
    }
    return {"model": "xtts", "model_args": arguments}


def _vocabulary(size: int) -> str:
    """A tokenizer of single characters, filled up with tokens that no text uses."""
    tokens = [*SPECIAL_TOKENS, *CHARACTERS]
    tokens += [f"<unused {number}>" for number in range(size - len(tokens))]
    bpe = BpeTokenizer(BPE(vocab={token: i for i, token in enumerate(tokens)}, merges=[], unk_token="[UNK]"))
    bpe.add_special_tokens(list(SPECIAL_TOKENS))
    return str(bpe.to_str())


def _dvae(size: BaseSize) -> DiscreteVAE:
    return DiscreteVAE(
        channels=MEL_CHANNELS,
        normalization=None,
        positional_dims=1,
        num_tokens=AUDIO_TOKENS - 2,
        codebook_dim=size.dvae_codebook,
        hidden_dim=size.dvae_hidden,
        num_resnet_blocks=3,
        kernel_size=3,
        num_layers=2,
        use_transposed_convs=False,
    )


def _weights(base: BaseFiles, size: BaseSize) -> dict[str, torch.Tensor]:
    model = Xtts(load_config(base))
    kept = ("gpt.", "hifigan_decoder.") if size.with_hifigan else ("gpt.",)
    return {key: value for key, value in model.state_dict().items() if key.startswith(kept)}
