"""Weights of other models or in other forms than tensors in dictionaries: what they are, and what to do."""

from __future__ import annotations

from collections.abc import Collection, Mapping

from xtts_finetune.xtts.weights.names import coqui_names, flatten
from xtts_finetune.xtts.weights.pickle import StandIn, attributes
from xtts_finetune.xtts.weights.stored_tensors import Container, StoredTensor

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


CURE = "load it where it was made and save a dict of tensors: torch.save(model.state_dict(), FILE)"
_LAST_PARTS = ("weight", "bias", "latents", "gamma")  # of the names of a GPT's weights
_MOST = 300_000
_FEWEST = 4  # arrays that may be a model; fewer are something that a trainer noted
# Keys of a trainer's own.
_OF_A_TRAINER = ("optim", "param_groups", "sched", "scaler", "rng", "random")


def form_of_weights(container: Container, weights: Mapping[str, StoredTensor]) -> str | None:
    """What the weights of the GPT are, in words, where all or some are no plain tensors; None where they are.

    `weights` are the plain tensors of the file, by the keys that lead to them.
    """
    kinds: dict[str, str] = flatten(container.tree, lambda value: _kind(value) is not None, attributes)
    kinds = {name: str(_kind(value)) for name, value in kinds.items()}
    for own, name in coqui_names([*weights, *kinds]).items():
        if name in kinds and own.startswith("gpt.") and own.endswith(_LAST_PARTS):
            return f"its weights are {_of(container, kinds[name])}, first {own}"
    return None


def form_of_content(container: Container) -> str | None:
    """What a file is that holds weights, but none under a name, in words; None for one that seems to hold none."""
    tensors, arrays = _all_weights(container.tree)
    if len(arrays) >= _FEWEST:
        return f"its weights are {_of(container, arrays[0])}"
    return next((f"this is {holder}" for holder in tensors if holder), None)


def _of(container: Container, kind: str) -> str:
    return f"{kind} in a plain pickle" if container.kind == "pickle" and kind != _PICKLED else kind


_PICKLED = "of a plain pickle (pickle.dump), not of torch.save"


def _kind(value: object) -> str | None:
    """What sort of array a stand-in is for; None where it is for something else."""
    if not isinstance(value, StandIn):
        return None
    module, _, name = value.name.rpartition(".")
    if "numpy" in module.split(".")[0] and name in ("_reconstruct", "_frombuffer", "memmap", "ndarray"):
        return "NumPy arrays"
    if module == "torch" and name == "Tensor" and value.arguments:
        return _PICKLED
    if module == "torch.storage" and name == "_load_from_bytes":
        return _PICKLED
    if module.startswith("torch") and name.startswith("_rebuild_"):
        return next((words for part, words in _REBUILT.items() if part in name), "tensors of a special kind")
    if module.split(".")[0] in ("jax", "jaxlib"):
        return "arrays of JAX"
    return "tensors of TensorFlow" if module.split(".")[0] == "tensorflow" and value.arguments else None


_REBUILT = {
    "sparse": "sparse tensors",
    "meta": "tensors without values (of torch's device 'meta')",
    "nested": "nested tensors",
    "numpy": "NumPy arrays",
    "wrapper_subclass": "tensors of a special kind",
}


def _all_weights(tree: object) -> tuple[list[str], list[str]]:
    """Of each tensor what list holds it, in words, '' for none; and of each array of another form its kind."""
    tensors, arrays = [], []
    waiting: list[tuple[object, str]] = [(tree, "")]
    looked_at = 0
    seen = set()
    while waiting and looked_at < _MOST:
        value, holder = waiting.pop()
        looked_at += 1
        if isinstance(value, StoredTensor):
            tensors.append(holder)
            continue
        if kind := _kind(value):
            arrays.append(kind)
            continue
        if id(value) in seen:
            continue
        seen.add(id(value))
        branch = attributes(value)
        if isinstance(branch, Mapping):
            holder = holder.replace("of tensors without names", "around a dict of tensors")
            waiting += [(part, holder) for key, part in branch.items() if not _of_a_trainer(key)]
        elif isinstance(branch, list | tuple):
            if holder and len(branch) == 2 and isinstance(branch[0], str):
                holder = holder.replace("of tensors without names", "of names and tensors, not a dict")
            holder = holder or f"a {type(branch).__name__} of tensors without names"
            waiting += [(part, holder) for part in branch]
    return tensors, arrays


def _of_a_trainer(key: object) -> bool:
    return isinstance(key, str) and any(part in key.lower() for part in _OF_A_TRAINER)
