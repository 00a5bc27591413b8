"""Which model a file's weights are of, where they are not of an XTTS model: told from their names."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from xtts_finetune.xtts.weights.pickle import StandIn, attributes
from xtts_finetune.xtts.weights.stored_tensors import StoredTensor

# Fragments of names that all must occur, and the model that has them; the first that fits counts.
_KINDS: tuple[tuple[tuple[str, ...], str], ...] = (
    (("gpt_cond_latent",), "speakers (speakers_xtts.pth: voices, not a model)"),
    (
        ("lora_",),
        "LoRA adapters alone: merge them into the model that they were trained on (peft: merge_and_unload)",
    ),
    (("encoder.0.0.weight", "codebook.embed"), "a DVAE (dvae.pth), which turns sound into codes"),
    (("enc_p.emb_phone",), "an RVC model, which converts voices"),
    (("enc_p.ssl_proj",), "a GPT-SoVITS model"),
    (("ar_text_embedding",), "a GPT-SoVITS model"),
    (("enc_p.", "enc_q."), "a VITS model"),
    (("posterior_encoder.", "waveform_decoder."), "a VITS model"),
    (("decoder.attention_rnn",), "a Tacotron 2 model"),
    (("decoder.prenet", "postnet"), "a Tacotron model"),
    (("perceiver_encoder.latents", "mel_pos_embedding"), "an IndexTTS model"),
    (("duration_predictor", "pitch_predictor"), "a FastPitch or FastSpeech model"),
    (("style_encoder", "diffusion"), "a StyleTTS model"),
    (("transformer_blocks", "text_embed"), "an F5-TTS model"),
    (("to_text_latent",), "a CLVP model of Tortoise"),
    (("latent_conditioner",), "a diffusion decoder of Tortoise"),
    (("speaker_encoder.", "waveform_decoder."), "the HiFi-GAN of an XTTS model without its GPT"),
    (("mpd.discriminators",), "discriminators of a HiFi-GAN"),
    (("conv_pre", "ups.0", "resblocks.0"), "a HiFi-GAN, a vocoder"),
    (("encoder.blocks.0", "decoder.blocks.0"), "a Whisper model, which recognises speech"),
    (("decoder.layers.0", "encoder.conv1", "encoder.layers.0"), "a Whisper model, which recognises speech"),
    (("feature_extractor.conv_layers",), "a HuBERT or wav2vec 2.0 model, which recognises speech"),
    (("layers.0.self_attn", "embed_tokens"), "a language model"),
    (("transformer.h.0", "wte"), "a language model (GPT-2's kind)"),
    (("embeddings.word_embeddings",), "a BERT model"),
    (("torch_spec", "layer1.0.conv1"), "a speaker encoder"),
)


def kind_of_weights(names: Collection[str]) -> str:
    """What these weights look like, of all but XTTS's models; in words: 'these are the weights of a VITS model'."""
    if all(name.startswith(("optimizer.", "scheduler.", "scaler.")) for name in names):
        return "this is the state of an optimizer, without the weights of a model"
    together = "\n".join(names)
    for fragments, kind in _KINDS:
        if all(fragment in together for fragment in fragments):
            return f"this looks like {kind}"
    if len(names) == 1 and next(iter(names)) == "":
        return "this is a single tensor, as mel_stats.pth is, not a model"
    shown = ", ".join(sorted(names)[:2])
    return f"these {len(names)} weights are not of an XTTS model (their names are {shown} ...)"


def kind_of_content(tree: object) -> str:
    """What a file is that holds no tensor under any name."""
    content = attributes(tree)
    if isinstance(content, Mapping):
        keys = [key for key in content if isinstance(key, str)]
        if {"param_groups", "optimizer"} & set(keys):
            return "this is the state of an optimizer, without the weights of a model"
        if isinstance(content.get("weight"), StandIn):
            return "this looks like an RVC model, which converts voices"
        shown = f" (it has {', '.join(map(repr, keys[:3]))})" if keys else ""
        return f"this is not a checkpoint of XTTS: it has no weights{shown}"
    if isinstance(tree, list | tuple) and any(isinstance(part, StoredTensor) for part in tree):
        return "this is a list of tensors without names"
    return "this is not a checkpoint of XTTS: it has no weights"
