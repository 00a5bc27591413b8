"""Files as people bring them to be trained from: made by other programs, for other models, or damaged on the way."""

# ruff: noqa: E501  (a line of the tables is one file)

from __future__ import annotations

import argparse
import gzip
import io
import json
import pickle
import re
import struct
import sys
import tarfile
import types
import zipfile
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

Weights = dict[str, torch.Tensor]


@dataclass(frozen=True)
class ForeignFile:
    """`make` writes it into a folder, from a base's weights, and returns it; `refused` is a pattern of the reason."""

    what: str
    make: Callable[[Path, Weights], Path]
    refused: str | None = None


def _saved(change: Callable[[Weights], object], name: str = "model.pth", **how: Any) -> Callable[[Path, Weights], Path]:
    def make(folder: Path, weights: Weights) -> Path:
        torch.save(change(weights), folder / name, **how)
        return folder / name

    return make


def _bytes(content: bytes | Callable[[Weights], bytes], name: str = "model.pth") -> Callable[[Path, Weights], Path]:
    def make(folder: Path, weights: Weights) -> Path:
        (folder / name).write_bytes(content if isinstance(content, bytes) else content(weights))
        return folder / name

    return make


def _safetensors(change: Callable[[Weights], Weights], name: str) -> Callable[[Path, Weights], Path]:
    def make(folder: Path, weights: Weights) -> Path:
        save_file({key: value.contiguous().clone() for key, value in change(weights).items()}, folder / name)
        return folder / name

    return make


def _renamed(before: str, after: str) -> Callable[[Weights], Weights]:
    return lambda weights: {re.sub(before, after, name): value for name, value in weights.items()}


def _prefixed(prefix: str) -> Callable[[Weights], Weights]:
    return _renamed("^", prefix)


def _same(weights: Weights) -> Weights:
    return weights


def torch_bytes(content: object, **how: Any) -> bytes:
    """What torch.save writes."""
    made = io.BytesIO()
    torch.save(content, made, **how)
    return made.getvalue()


class Harmful:
    """Makes a file when it is unpickled by a reader that runs what a pickle says."""

    def __init__(self, target: Path) -> None:
        self.target = target

    def __reduce__(self) -> tuple[object, ...]:
        return Path.touch, (self.target,)


def _of_a_class_that_is_gone(weights: Weights) -> bytes:
    """A class that exists where the file was made, and nowhere else."""
    gone = types.ModuleType("somebodys_trainer")
    gone.Arguments = type("Arguments", (), {"__module__": gone.__name__})  # type: ignore[attr-defined]
    sys.modules[gone.__name__] = gone
    try:
        return torch_bytes({"model": weights, "args": gone.Arguments()})
    finally:
        del sys.modules[gone.__name__]


def _module(weights: Weights) -> torch.nn.Module:
    root = torch.nn.Module()
    for name, value in weights.items():
        *path, last = name.split(".")
        node = root
        for part in path:
            if part not in node._modules:
                node.add_module(part, torch.nn.Module())
            node = node._modules[part]  # type: ignore[assignment]
        node.register_parameter(last, torch.nn.Parameter(value.clone(), requires_grad=False))
    return root


def _shared(weights: Weights) -> object:
    """As views of one storage, some of them not contiguous."""
    found = {name: value.t().contiguous().t() if value.ndim == 2 else value for name, value in weights.items()}
    row = torch.cat([value.flatten() for value in weights.values() if value.ndim == 1])
    start = 0
    for name, value in weights.items():
        if value.ndim == 1:
            found[name] = row[start : start + len(value)]
            start += len(value)
    return {"model": found}


def _deflated(weights: Weights) -> bytes:
    made = io.BytesIO()
    whole = zipfile.ZipFile(io.BytesIO(torch_bytes({"model": weights})))
    with whole as before, zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as after:
        for name in before.namelist():
            after.writestr(name, before.read(name))
    return made.getvalue()


READ = [
    ForeignFile("model.pth as published, with a configuration", _saved(lambda w: {"model": w, "config": {"a": 1}})),
    ForeignFile("a bare state dict", _saved(_same)),
    ForeignFile("Coqui's Trainer, with DVAE and mels", _saved(lambda w: {"model": {
        **_prefixed("xtts.")(w), "dvae.decoder.0.weight": torch.ones(1), "torch_mel_spectrogram_dvae.x": torch.ones(1)}})),
    ForeignFile("inference's copies of the GPT", _saved(lambda w: {"model": {
        **w, "gpt.gpt_inference.lm_head.1.weight": torch.ones(2, 2), "gpt.gpt.wte.weight": torch.ones(2, 2)}})),
    ForeignFile("masks of an older transformers", _saved(lambda w: {"model": {
        **w, "gpt.gpt.h.0.attn.bias": torch.ones(1, 1, 4, 4).bool(), "gpt.gpt.h.0.attn.masked_bias": torch.tensor(-1e4)}})),
    *(
        ForeignFile(f"names that begin with {prefix}", _saved(lambda w, prefix=prefix: {"model": _prefixed(prefix)(w)}))
        for prefix in ("module.", "_orig_mod.", "xtts.", "model.", "_forward_module.", "module._orig_mod.xtts.",
                       "_forward_module.module.xtts.", "net.", "model.tts_model.", "_orig_mod.module.model.xtts.")
    ),
    ForeignFile("_orig_mod in the middle", _saved(lambda w: {"model": _renamed(r"^gpt\.", "xtts.gpt._orig_mod.")(w)})),
    ForeignFile("every layer compiled", _saved(lambda w: {"model": _renamed(r"\.h\.(\d+)\.", r".h.\1._orig_mod.")(w)})),
    ForeignFile("FSDP in the middle", _saved(lambda w: {"model": _renamed(
        r"^gpt\.gpt\.h\.(\d+)\.", r"_fsdp_wrapped_module.xtts.gpt.gpt.h.\1._fsdp_wrapped_module._checkpoint_wrapped_module.")(w)})),
    *(
        ForeignFile(f"weights under '{key}'", _saved(lambda w, key=key: {key: w, "epoch": 3, "loss": 1.5}))
        for key in ("state_dict", "model_state_dict", "weights", "net", "ema", "generator")
    ),
    ForeignFile("Lightning's form", _saved(lambda w: {"state_dict": _prefixed("model.xtts.")(w), "pytorch-lightning_version": "2",
                                                     "hyper_parameters": argparse.Namespace(lr=1.0)}, "last.ckpt")),
    ForeignFile("an average beside the model", _saved(lambda w: {"ema": {k: v + 1 for k, v in w.items()}, "model_state": w})),
    ForeignFile("nested dictionaries, one a part", _saved(lambda w: {"parts": {"gpt": _renamed(r"^gpt\.", "")(w)}})),
    ForeignFile("the GPT alone", _saved(_renamed(r"^gpt\.", ""))),
    ForeignFile("the GPT alone, under 'model', wrapped", _saved(lambda w: {"model": _renamed(r"^gpt\.", "module.")(w)})),
    ForeignFile("a whole module, pickled", _saved(_module)),
    ForeignFile("argparse's Namespace beside the weights", _saved(lambda w: {"model": w, "args": argparse.Namespace(a=1)})),
    ForeignFile("NumPy's numbers beside the weights", _saved(lambda w: {"model": w, "loss": np.float64(1.5), "a": np.ones(3)})),
    ForeignFile("objects of a class that is gone", _bytes(_of_a_class_that_is_gone)),
    ForeignFile("OrderedDict with metadata", _saved(lambda w: {"model": OrderedDict(w)})),
    ForeignFile("parameters instead of tensors", _saved(lambda w: {"model": {k: torch.nn.Parameter(v) for k, v in w.items()}})),
    ForeignFile("torch's older format", _saved(lambda w: {"model": w}, _use_new_zipfile_serialization=False)),
    ForeignFile("torch's older format with a Namespace", _saved(
        lambda w: {"model": w, "args": argparse.Namespace()}, _use_new_zipfile_serialization=False)),
    ForeignFile("pickle's protocol 4", _saved(lambda w: {"model": w}, pickle_protocol=4)),
    ForeignFile("shared and transposed storages", _saved(_shared)),
    ForeignFile("shared storages, older format, protocol 3", _saved(
        _shared, _use_new_zipfile_serialization=False, pickle_protocol=3)),
    ForeignFile("packed again by another zip program", _bytes(_deflated)),
    ForeignFile("safetensors", _safetensors(_same, "model.safetensors")),
    ForeignFile("safetensors named .pth, wrapped", _safetensors(_prefixed("model.xtts."), "model.pth")),
    ForeignFile("double precision", _saved(lambda w: {"model": {k: v.double() for k, v in w.items()}})),
]  # fmt: skip
# These hold the weights rounded to fewer bits.
ROUNDED = [
    ForeignFile("half precision", _saved(lambda w: {"model": {k: v.half() for k, v in w.items()}})),
    ForeignFile("bfloat16", _saved(lambda w: {"model": {k: v.bfloat16() for k, v in w.items()}})),
    ForeignFile("bfloat16 in safetensors", _safetensors(lambda w: {k: v.bfloat16() for k, v in w.items()}, "m.safetensors")),
]  # fmt: skip


def _cut(share: float, content: Callable[[Weights], bytes]) -> Callable[[Path, Weights], Path]:
    return _bytes(lambda weights: content(weights)[: int(len(content(weights)) * share)])


def _flipped(weights: Weights) -> bytes:
    content = bytearray(torch_bytes({"model": weights}))
    value = weights["gpt.gpt.h.1.mlp.c_fc.weight"].numpy().tobytes()
    content[content.find(value[:64]) + 5] ^= 4
    return bytes(content)


def _safetensors_bytes(weights: Weights) -> bytes:
    header, values, start = {}, b"", 0
    for name, value in weights.items():
        content = value.contiguous().numpy().tobytes()
        header[name] = {
            "dtype": "F32",
            "shape": list(value.shape),
            "data_offsets": [start, start + len(content)],
        }
        values, start = values + content, start + len(content)
    table = json.dumps(header).encode()
    return struct.pack("<Q", len(table)) + table + values


def _zip_of(**files: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for name, content in files.items():
            archive.writestr(name.replace("__", "."), content)
    return made.getvalue()


def _tar_of(weights: Weights) -> bytes:
    made = io.BytesIO()
    with tarfile.open(fileobj=made, mode="w") as archive:
        content = torch_bytes({"model": weights})
        entry = tarfile.TarInfo("voice/best_model.pth")
        entry.size = len(content)
        archive.addfile(entry, io.BytesIO(content))
    return made.getvalue()


def _torch_script(folder: Path, weights: Weights) -> Path:
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), folder / "model.pt")
    return folder / "model.pt"


def _with(weights: Weights, **changed: torch.Tensor) -> object:
    return {"model": {**weights, **{name.replace("__", "."): value for name, value in changed.items()}}}


def _without(weights: Weights, pattern: str) -> object:
    return {"model": {name: value for name, value in weights.items() if not re.search(pattern, name)}}


def _ruined(weights: Weights, value: float) -> object:
    found = dict(weights)
    for name in ("gpt.gpt.h.0.attn.c_attn.weight", "gpt.mel_head.weight"):
        found[name] = weights[name].clone()
        found[name][1, 1] = value
    return {"model": found}


def _rows(weights: Weights, pattern: str, rows: int) -> object:
    return {
        "model": {
            name: torch.zeros(rows, *value.shape[1:]) if re.fullmatch(pattern, name) else value
            for name, value in weights.items()
        }
    }


def _version_1(weights: Weights) -> object:
    """As XTTS v1 has them: other codes, and a prompt of codes in place of the perceiver."""
    found = _rows(weights, r"gpt\.(mel_embedding|mel_head)\.(weight|bias)", 8194)["model"]  # type: ignore[index]
    found = {name: value for name, value in found.items() if "perceiver" not in name}
    width = weights["gpt.final_norm.weight"].shape[0]
    found["gpt.prompt_embedding.weight"] = torch.zeros(8194, width)
    found["gpt.prompt_pos_embedding.emb.weight"] = torch.zeros(216, width)
    return {"model": found}


def _with_vocabulary(change: Callable[[dict[str, Any]], None]) -> Callable[[Path, Weights], Path]:
    """Beside the weights a vocab.json with as many tokens as theirs, after `change`."""

    def make(folder: Path, weights: Weights) -> Path:
        torch.save({"model": weights}, folder / "model.pth")
        vocab = json.loads((folder / "of_base.json").read_text(encoding="utf-8"))
        change(vocab)
        (folder / "vocab.json").write_text(json.dumps(vocab, indent=7), encoding="utf-8")
        return folder / "model.pth"

    return make


def _swap(vocab: dict[str, Any]) -> None:
    tokens = vocab["model"]["vocab"]
    tokens["a"], tokens["b"] = tokens["b"], tokens["a"]


def _deep_pickle(_: Weights) -> bytes:
    return b"\x80\x02" + b"]" * 4_000_000


def _memo_bomb(_: Weights) -> bytes:
    return b"\x80\x02" + pickle.EMPTY_LIST + pickle.LONG_BINPUT + struct.pack("<I", 0x7FFFFFFF) + b"\x8e" + b"\xff" * 8


def _of_names(*names: str) -> Callable[[Path, Weights], Path]:
    return _saved(lambda w: {"model": {name: torch.ones(2, 2) for name in names}})


READ.append(ForeignFile("the same vocab.json, written anew", _with_vocabulary(lambda vocab: None)))
READ.append(
    ForeignFile("some other program's vocab.json", _with_vocabulary(lambda vocab: vocab.__setitem__("model", {})))
)


def _pickled(change: Callable[[Weights], object]) -> Callable[[Path, Weights], Path]:
    return _bytes(lambda weights: pickle.dumps(change(weights)))


def _arrays(weights: Weights) -> dict[str, Any]:
    return {name: value.numpy() for name, value in weights.items()}


def _with_one(weights: Weights, value: float, dtype: torch.dtype) -> object:
    found = {name: each.to(dtype) for name, each in weights.items()}
    found["gpt.gpt.h.0.attn.c_attn.weight"][1, 1] = value
    return {"model": found}


def _zeroed(weights: Weights, pattern: str) -> Weights:
    """Zeros as multiplying makes them: some of them negative."""
    return {name: value * 0 if re.fullmatch(pattern, name) else value for name, value in weights.items()}


def _one_storage(weights: Weights) -> object:
    """Views of one storage, in which a head is zero."""
    found = _zeroed(weights, r"gpt\.mel_head\.weight")
    row, start, views = torch.cat([value.flatten() for value in found.values()]), 0, {}
    for name, value in found.items():
        views[name] = row[start : start + value.numel()].view(value.shape)
        start += value.numel()
    return {"model": views}


READ += [
    ForeignFile("an array that a trainer noted", _saved(lambda w: {"model": w, "losses": [np.ones(3)] * 9})),
]  # fmt: skip
HTML = b"<!DOCTYPE html>\n<html><head><title>Sign in</title></head><body>" + b"x" * 9000 + b"</body></html>"
LFS = b"version https://git-lfs.github.com/spec/v1\noid sha256:" + b"0" * 64 + b"\nsize 1867929118\n"
CUT = "is not whole: it ends after .* [kM]?B|is not whole: it ends after"
REFUSED = [
    ForeignFile("nothing", lambda folder, w: folder / "gone.pth", r"gone\.pth: there is no such file"),
    ForeignFile("a folder", lambda folder, w: folder, "this is a folder"),
    ForeignFile("an empty file", _bytes(b""), "this file is empty"),
    ForeignFile("a web page", _bytes(HTML), "a web page was saved instead of the file .*Sign in"),
    ForeignFile("a hub's JSON", _bytes(b'{"error":"Repository not found"}'), "server's answer was saved .*not found"),
    ForeignFile("a hub's text", _bytes(b"Entry not found"), "server's answer was saved .*Entry not found"),
    ForeignFile("a Git LFS pointer", _bytes(LFS), r"Git LFS pointer stands in place of the file of 1\.9 GB"),
    ForeignFile("nothing but zeros", _bytes(bytes(9000)), r"pth: this file holds nothing but zeros"),
    *(ForeignFile(f"a zip file cut at {share}", _cut(share, lambda w: torch_bytes({"model": w})), CUT)
      for share in (0.01, 0.5, 0.99)),
    *(ForeignFile(f"the older format cut at {share}", _cut(share, lambda w: torch_bytes(
        {"model": w}, _use_new_zipfile_serialization=False)), CUT) for share in (0.001, 0.5, 0.99)),
    *(ForeignFile(f"safetensors cut at {share}", _cut(share, _safetensors_bytes), CUT) for share in (0.001, 0.5, 0.99)),
    ForeignFile("a flipped bit", _bytes(_flipped), r"damaged \(its part .*data/\d+ has another CRC-32\)"),
    ForeignFile("a zip of a folder", _bytes(lambda w: _zip_of(a__txt=b"x", best_model__pth=b"y")),
                r"zip archive that holds best_model\.pth; unpack it first"),
    ForeignFile("a zip of texts", _bytes(_zip_of(a__txt=b"x")), "zip archive, not a model; unpack it first"),
    ForeignFile("a tar", _bytes(_tar_of), r"tar archive that holds voice/best_model\.pth; unpack it first"),
    ForeignFile("a tar.gz", _bytes(lambda w: gzip.compress(_tar_of(w))), "gz archive that holds voice/best_model"),
    ForeignFile("a rar", _bytes(b"Rar!\x1a\x07\x00" + bytes(99)), "rar archive, not a model; unpack it first"),
    ForeignFile("a 7z", _bytes(b"7z\xbc\xaf\x27\x1c" + bytes(99)), "7z archive, not a model; unpack it first"),
    ForeignFile("ONNX", _bytes(b"\x08\x07\x12\x07pytorch\x1a\x051.9.1:" + bytes(99), "m.onnx"), "this is an ONNX file"),
    ForeignFile("GGUF", _bytes(b"GGUF\x03\x00\x00\x00" + bytes(99)), "this is a GGUF file"),
    ForeignFile("Keras", _bytes(b"\x89HDF\r\n\x1a\n" + bytes(99)), "this is a Keras or HDF5 file"),
    ForeignFile("a sound", _bytes(b"RIFF\x24\x00\x00\x00WAVEfmt " + bytes(99)), "this is a sound or video"),
    ForeignFile("Python code", _bytes(b"import torch\n\nprint(torch)\n", "model.py"), "this is Python code"),
    ForeignFile("a text", _bytes(b"Thank you for downloading!\n"), r"this is a text file \('Thank you"),
    ForeignFile("random bytes", _bytes(bytes(range(200, 256)) * 9), "this is not a file of weights"),
    ForeignFile("TorchScript", _torch_script, "this is a TorchScript program"),
    ForeignFile("an optimizer alone", _saved(lambda w: torch.optim.Adam([torch.ones(2)]).state_dict()),
                "state of an optimizer, without the weights"),
    ForeignFile("a trainer's state without a model", _saved(lambda w: {"optimizer": {"state": {}}, "step": 3}),
                "state of an optimizer, without the weights"),
    ForeignFile("numbers alone", _saved(lambda w: {"step": 3}), "not a checkpoint of XTTS: it has no weights .*'step'"),
    ForeignFile("a list of tensors", _saved(lambda w: [torch.ones(2)]), "list of tensors without names; load it where"),
    ForeignFile("a list of tensors under a key", _saved(lambda w: {"params": list(w.values())}), "list of tensors without names"),
    ForeignFile("a list around the dict", _saved(lambda w: [{"model": w}]), r"this is a list around a dict of tensors; .*torch\.save"),
    ForeignFile("a tuple around the dict", _saved(lambda w: (1, 2, w)), "this is a tuple around a dict of tensors; load it"),
    ForeignFile("names and tensors in pairs", _saved(lambda w: list(w.items())), "a list of names and tensors, not a dict; load it"),
    ForeignFile("tensors in a plain pickle", _pickled(lambda w: {"model": w}), r"its weights are of a plain pickle \(pickle\.dump\)"),
    ForeignFile("NumPy arrays in a plain pickle", _pickled(_arrays), "its weights are NumPy arrays in a plain pickle, first gpt"),
    ForeignFile("NumPy arrays", _saved(lambda w: {"model": _arrays(w)}), r"its weights are NumPy arrays, first gpt\.\S+; load it"),
    ForeignFile("NumPy arrays in a list", _saved(lambda w: list(_arrays(w).values())), "its weights are NumPy arrays; load it"),
    ForeignFile("sparse tensors", _saved(lambda w: {"model": {k: v.to_sparse() if v.ndim == 2 else v for k, v in w.items()}}),
                r"its weights are sparse tensors, first gpt\.\S+; load it where it was made"),
    ForeignFile("tensors without values", _saved(lambda w: {"model": {k: v.to("meta") for k, v in w.items()}}),
                "its weights are tensors without values"),
    ForeignFile("complex numbers", _saved(lambda w: {"model": {k: v.to(torch.complex64) for k, v in w.items()}}),
                r"its weights are complex numbers \(complex64\), first gpt"),
    ForeignFile("whole numbers", _saved(lambda w: {"model": {k: v.to(torch.int32) for k, v in w.items()}}),
                r"its weights are whole numbers \(int32\)"),
    ForeignFile("a number too large for float32", _saved(lambda w: _with_one(w, -1e300, torch.float64)),
                r"holds values too large for float32 in 1 of its \d+ weights \(1 value\), first in gpt\.gpt\.h\.0\.attn"),
    ForeignFile("a number that float32 rounds up to infinity", _saved(lambda w: _with_one(w, float(2**128 - 2**103), torch.float64)),
                "holds values too large for float32 in 1 of"),
    ForeignFile("NaN in double precision", _saved(lambda w: _with_one(w, float("nan"), torch.float64)), "holds NaN in 1 of"),
    ForeignFile("a GPT of zeros", _saved(lambda w: {"model": _zeroed(w, ".*")}), "is all zeros: it was never written whole"),
    ForeignFile("a head of zeros in half precision, safetensors", _safetensors(
        lambda w: {k: v.half() for k, v in _zeroed(w, r"gpt\.text_head\.weight").items()}, "m.safetensors"),
        r"its gpt\.text_head\.weight is all zeros"),
    ForeignFile("a head of zeros in a shared storage", _saved(_one_storage), r"its gpt\.mel_head\.weight is all zeros"),
    ForeignFile("the first byte", _bytes(b"P"), "is not whole: it ends after 1 byte;"),
    ForeignFile("the first bytes of safetensors", _bytes(b"\xc8\x45\0\0\0"), "is not whole: it ends after 5 bytes;"),
    ForeignFile("mel_stats.pth", _saved(lambda w: torch.ones(80)), "single tensor, as mel_stats.pth is"),
    ForeignFile("dvae.pth", _of_names("encoder.0.0.weight", "codebook.embed"), r"looks like a DVAE \(dvae\.pth\)"),
    ForeignFile("speakers_xtts.pth", _saved(lambda w: {"Ana": {"gpt_cond_latent": torch.ones(2),
                "speaker_embedding": torch.ones(2)}}), r"looks like speakers \(speakers_xtts\.pth"),
    ForeignFile("VITS", _of_names("enc_p.text_embedding.weight", "enc_q.pre.weight", "dec.conv_pre.weight"), "a VITS model"),
    ForeignFile("Coqui's VITS", _of_names("posterior_encoder.a", "waveform_decoder.b"), "a VITS model"),
    ForeignFile("RVC", _saved(lambda w: {"weight": OrderedDict({"enc_p.emb_phone.weight": torch.ones(2)}), "sr": "40k"}),
                "an RVC model"),
    ForeignFile("Tacotron 2", _of_names("decoder.attention_rnn.weight"), "a Tacotron 2 model"),
    ForeignFile("a vocoder", _saved(lambda w: {"generator": {n: torch.ones(2) for n in (
                "conv_pre.weight", "ups.0.weight", "resblocks.0.a")}}), "a HiFi-GAN, a vocoder"),
    ForeignFile("Whisper", _of_names("encoder.blocks.0.a", "decoder.blocks.0.b"), "a Whisper model"),
    ForeignFile("LoRA alone", _safetensors(lambda w: {"base_model.model.gpt.h.0.attn.c_attn.lora_A.weight": torch.ones(2)},
                "adapter_model.safetensors"), "LoRA adapters alone"),
    ForeignFile("LoRA not merged", _saved(lambda w: {"model": {**w, "gpt.gpt.h.0.attn.c_attn.lora_A.x.weight": torch.ones(2)}}),
                "LoRA adapters in addition to the weights"),
    ForeignFile("unknown weights", _of_names("a.weight", "b.weight"), "these 2 weights are not of an XTTS model .*a.weight"),
    ForeignFile("XTTS v1", _saved(_version_1),
                r"weights of XTTS v1 or v1\.1 \(8,194 audio tokens, no perceiver\); this base is XTTS v2 \(1,026 audio"),
    ForeignFile("other sizes", _saved(lambda w: {"model": {n: torch.zeros(32 if s.ndim else 1, 32) for n, s in w.items()}}),
                "it has 2 layers of width 32; the base has 2 of 64"),
    ForeignFile("fewer layers", _saved(lambda w: _without(w, r"\.h\.1\.")), "it has 1 layer of width 64; the base has 2 of 64"),
    ForeignFile("a layer missing", _saved(lambda w: _without(w, r"\.h\.0\.")), r"lacks layer 0 of the GPT's 2"),
    ForeignFile("a head missing", _saved(lambda w: _without(w, r"mel_head\.weight")), r"lacks gpt\.mel_head\.weight; it is only"),
    ForeignFile("the perceiver missing", _saved(lambda w: _without(w, "perceiver")), "lacks gpt.conditioning_perceiver.latents and"),
    ForeignFile("a weight too many", _saved(lambda w: _with(w, gpt__more=torch.ones(1))), r"it has gpt\.more, which the base"),
    ForeignFile("another number of text tokens", _saved(lambda w: _rows(w, r"gpt\.text_(embedding|head)\.(weight|bias)", 140)),
                r"it has rows for 140 text tokens; the base's vocab\.json has 128"),
    ForeignFile("other codes", _saved(lambda w: _rows(w, r"gpt\.mel_(embedding|head)\.(weight|bias)", 514)),
                "it has 514 audio tokens; the base has 1,026"),
    ForeignFile("other positions", _saved(lambda w: _rows(w, r"gpt\.mel_pos_embedding\.emb\.weight", 408)),
                "it has 408 positions of sound; the base has 608"),
    ForeignFile("another shape within", _saved(lambda w: _with(w, gpt__final_norm__weight=torch.ones(7))),
                r"its gpt\.final_norm\.weight is 7; the base's is 64"),
    ForeignFile("8-bit numbers", _saved(lambda w: {"model": {k: (v * 99).to(torch.int8) for k, v in w.items()}}),
                r"its weights are 8-bit numbers \(quantised\)"),
    ForeignFile("NaN", _saved(lambda w: _ruined(w, float("nan"))),
                r"holds NaN in 2 of its \d+ weights \(2 values\), first in gpt\.\S+: it was ruined while training"),
    ForeignFile("infinite values", _saved(lambda w: _ruined(w, float("-inf"))), "holds infinite values in 2 of"),
    ForeignFile("NaN in bfloat16", _saved(lambda w: {"model": {
        k: v.bfloat16() for k, v in _ruined(w, float("nan"))["model"].items()}}), "holds NaN in 2 of"),  # type: ignore[index]
    ForeignFile("NaN in half precision, safetensors", _safetensors(lambda w: {
        k: v.half() for k, v in _ruined(w, float("nan"))["model"].items()}, "m.safetensors"), "holds NaN in 2 of"),  # type: ignore[index]
    ForeignFile("part of a HiFi-GAN", _saved(lambda w: _with(w, hifigan_decoder__waveform_decoder__conv_pre__weight=torch.ones(1))),
                r"its HiFi-GAN is not whole: it lacks hifigan_decoder\.\S+ and 4\d\d more"),
    ForeignFile("another vocab.json of the same size", _with_vocabulary(_swap),
                r"another vocab\.json than the base's .*2 of 128 tokens mean something else, first token \d+: 'b' there, 'a'"),
    ForeignFile("a pickle of millions of objects", _bytes(_deep_pickle), "table of contents is far larger"),
    ForeignFile("a pickle that wants memory", _bytes(_memo_bomb), "damaged|not whole|far larger"),
]  # fmt: skip
