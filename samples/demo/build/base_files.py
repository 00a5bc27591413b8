"""The base as files: config.json, vocab.json, model.pth, dvae.pth and mel_stats.pth, as XTTS v2 is published.

Weights are stored in half precision. model.pth holds the GPT alone: the demo speaks through preview.pth, so a HiFi-GAN
(50 MB in half precision) would be ballast.
"""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import torch
from tokenizers import Tokenizer
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.layers.xtts.dvae import DiscreteVAE
from TTS.tts.layers.xtts.gpt import GPT

from xtts_finetune.xtts.base import PREVIEW_NAME
from xtts_finetune.xtts.speech.latent_mels import LatentMels, save_latent_mels

SIZES = {
    "gpt_layers": 6,
    "gpt_n_model_channels": 240,
    "gpt_n_heads": 4,
    "gpt_max_audio_tokens": 302,
    "gpt_max_text_tokens": 202,
    "gpt_max_prompt_tokens": 70,
    "gpt_num_audio_tokens": 1026,
    "gpt_start_audio_token": 1024,
    "gpt_stop_audio_token": 1025,
    "gpt_code_stride_len": 1024,
    "gpt_use_perceiver_resampler": True,
    "decoder_input_dim": 240,
}
CONDITIONING = {"min_conditioning_length": 22_050, "max_conditioning_length": 66_150}
"""Samples of a conditioning slice in training: 1 to 3 s, half of what GPTArgs has by default, since the conditioning
encoder costs more than the rest of so small a GPT. XttsConfig passes over both keys, GPTTrainerConfig reads them."""
SPEAKING = {
    "temperature": 0.6,
    "length_penalty": 1.0,
    "repetition_penalty": 1.3,
    "top_k": 30,
    "top_p": 0.8,
    "gpt_cond_len": 6,
    "gpt_cond_chunk_len": 3,
    "max_ref_len": 10,
    "sound_norm_refs": False,
}


def _text_sizes(vocabulary: Path) -> dict[str, int]:
    tokenizer = Tokenizer.from_file(str(vocabulary))
    return {
        "gpt_number_text_tokens": tokenizer.get_vocab_size(),
        "gpt_start_text_token": tokenizer.token_to_id("[START]"),
        "gpt_stop_text_token": tokenizer.token_to_id("[STOP]"),
    }


def small_gpt(vocabulary: Path) -> GPT:
    """The demo's GPT, as Xtts.init_models would build it from config.json."""
    text = _text_sizes(vocabulary)
    return GPT(
        layers=SIZES["gpt_layers"],
        model_dim=SIZES["gpt_n_model_channels"],
        heads=SIZES["gpt_n_heads"],
        max_text_tokens=SIZES["gpt_max_text_tokens"],
        max_mel_tokens=SIZES["gpt_max_audio_tokens"],
        max_prompt_tokens=SIZES["gpt_max_prompt_tokens"],
        number_text_tokens=text["gpt_number_text_tokens"],
        start_text_token=text["gpt_start_text_token"],
        stop_text_token=text["gpt_stop_text_token"],
        num_audio_tokens=SIZES["gpt_num_audio_tokens"],
        start_audio_token=SIZES["gpt_start_audio_token"],
        stop_audio_token=SIZES["gpt_stop_audio_token"],
        use_perceiver_resampler=SIZES["gpt_use_perceiver_resampler"],
        code_stride_len=SIZES["gpt_code_stride_len"],
    )


def write_base(
    folder: Path, gpt: GPT, dvae: DiscreteVAE, preview: LatentMels, mel_stats: Path, vocabulary: Path
) -> int:
    """Write the five files and preview.pth into `folder`; returns their size in bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(vocabulary, folder / "vocab.json")
    stats = torch.load(mel_stats, weights_only=True).float()
    torch.save(stats, folder / "mel_stats.pth")
    weights = {f"gpt.{name}": tensor.detach().half() for name, tensor in gpt.state_dict().items()}
    torch.save({"model": {**weights, "mel_stats": stats}}, folder / "model.pth")
    codec = {name: tensor.half() for name, tensor in dvae.state_dict().items() if not name.startswith("discrete_loss")}
    torch.save(codec, folder / "dvae.pth")
    save_latent_mels(folder / PREVIEW_NAME, preview)
    (folder / "config.json").write_text(json.dumps(_config(vocabulary), indent=2) + "\n", encoding="utf-8")
    return sum(path.stat().st_size for path in folder.iterdir())


def _config(vocabulary: Path) -> dict[str, object]:
    """What differs from XttsConfig's defaults, and what a reader looks for first."""
    defaults = XttsConfig().to_dict()
    return {
        "model": defaults["model"],
        "languages": ["en"],
        "audio": defaults["audio"],
        "model_args": defaults["model_args"] | SIZES | CONDITIONING | _text_sizes(vocabulary),
        **SPEAKING,
    }
