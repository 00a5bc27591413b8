"""A base of a few kilobytes, written without torch: its files fit each other, and all its weights are one."""

from __future__ import annotations

import functools
import io
import json
import math
import pickle
import struct
import zipfile
from collections.abc import Mapping

from xtts_finetune.xtts.weights.gpt_shapes import gpt_shapes, sizes_of_config

TOKENS = ("[STOP]", "[UNK]", "[SPACE]", "[START]", "[en]", "[hu]", *"abcdefghijklmnopqrstuvwxyz")
CONFIG = {
    "model_args": {
        "gpt_layers": 2,
        "gpt_n_model_channels": 2,
        "gpt_n_heads": 1,
        "gpt_num_audio_tokens": 1026,
        "gpt_use_perceiver_resampler": True,
        "gpt_max_audio_tokens": 605,
    }
}
Shapes = Mapping[str, tuple[int, ...]]


@functools.cache
def fake_base() -> dict[str, bytes]:
    """The five files by their names."""
    vocabulary = {"model": {"vocab": {token: number for number, token in enumerate(TOKENS)}, "merges": []}}
    return {
        "model.pth": model_file(gpt_shapes(sizes_of_config(CONFIG, len(TOKENS)))),
        "dvae.pth": torch_file(_dict(_tensors(_dvae_shapes()))),
        "mel_stats.pth": torch_file(_tensor((80,))),
        "vocab.json": json.dumps(vocabulary).encode(),
        "config.json": json.dumps(CONFIG).encode(),
    }


def model_file(shapes: Shapes, note: str = "") -> bytes:
    """A model.pth of these weights. It names a HiFi-GAN, so that disk is counted for a model file as it is."""
    content = {"model": _dict(_tensors(shapes)), "hifigan_decoder": pickle.NONE, "note": _text(note)}
    return torch_file(_dict(content))


def torch_file(content: bytes) -> bytes:
    """torch's zip file; `content` are a pickle's operations. All its tensors see the same ones."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        archive.writestr("archive/data.pkl", b"\x80\x02" + content + pickle.STOP)
        archive.writestr("archive/data/0", struct.pack("<f", 1.0) * ONES)
        archive.writestr("archive/version", b"3\n")
    return made.getvalue()


ONES = 4096


def _dvae_shapes() -> Shapes:
    parts = ["encoder.0.0", "encoder.1.net.0", "encoder.1.net.2", "encoder.1.net.4", "encoder.2", "decoder.0"]
    parts += ["decoder.1.net.0", "decoder.1.net.2", "decoder.1.net.4", "decoder.2.0.conv", "decoder.3"]
    shapes = {f"{part}.{kind}": (1,) for part in parts for kind in ("weight", "bias")}
    return {**shapes, "encoder.0.0.weight": (1, 80, 3), "codebook.embed": (2, 1024)}


def _tensors(shapes: Shapes) -> dict[str, bytes]:
    return {name: _tensor(shape) for name, shape in shapes.items()}


def _tensor(shape: tuple[int, ...]) -> bytes:
    strides = tuple(math.prod(shape[place + 1 :]) for place in range(len(shape)))
    storage = [_text("storage"), b"ctorch\nFloatStorage\n", _text("0"), _text("cpu"), _number(ONES)]
    hooks = b"ccollections\nOrderedDict\n" + pickle.EMPTY_TUPLE + pickle.REDUCE
    arguments = [_tuple(storage) + pickle.BINPERSID, _number(0), _tuple(map(_number, shape))]
    arguments += [_tuple(map(_number, strides)), pickle.NEWFALSE, hooks]
    return b"ctorch._utils\n_rebuild_tensor_v2\n" + _tuple(arguments) + pickle.REDUCE


def _dict(items: Mapping[str, bytes]) -> bytes:
    inside = b"".join(_text(name) + value for name, value in items.items())
    return pickle.EMPTY_DICT + pickle.MARK + inside + pickle.SETITEMS


def _tuple(parts: object) -> bytes:
    return pickle.MARK + b"".join(parts) + pickle.TUPLE  # type: ignore[arg-type]


def _number(value: int) -> bytes:
    return pickle.BININT + struct.pack("<i", value)


def _text(value: str) -> bytes:
    content = value.encode()
    return pickle.BINUNICODE + struct.pack("<I", len(content)) + content
