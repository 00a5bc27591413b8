"""Reading what a file holds: without torch, without running anything, and whatever the bytes are."""

from __future__ import annotations

import contextlib
import io
import os
import pickle
import random
import resource
import struct
import sys
import zipfile
import zlib
from pathlib import Path

import pytest
import torch

from tests.child import heavy_after
from tests.xtts.foreign_files import Harmful, torch_bytes
from xtts_finetune.errors import UserError
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.state import read_checkpoint
from xtts_finetune.xtts.weights.containers import read_container
from xtts_finetune.xtts.weights.directory import read_directory
from xtts_finetune.xtts.weights.fit import problem_of_weights
from xtts_finetune.xtts.weights.pickle import read_pickle
from xtts_finetune.xtts.weights.stored_tensors import NotRead, chunks_of


def test_it_has_names_types_sizes_and_sums(tmp_path: Path) -> None:
    value = torch.arange(6.0).reshape(3, 2).half()
    path = tmp_path / "c.pth"
    torch.save({"model": {"xtts.gpt.mel_head.weight": value}}, path)
    (entry,) = read_directory(path).weights.values()
    assert (entry.name, entry.in_file) == ("gpt.mel_head.weight", "model.xtts.gpt.mel_head.weight")
    assert (entry.dtype, entry.shape, entry.bytes) == ("float16", (3, 2), 12)
    assert entry.crc32 == zlib.crc32(value.numpy().tobytes())


@pytest.mark.parametrize("new", [True, False])
def test_values_lie_where_it_says(tmp_path: Path, new: bool) -> None:
    weights = {f"gpt.mel_head.{name}": torch.randn(5, 3) for name in ("weight", "bias")}
    path = tmp_path / "c.pth"
    torch.save({"model": weights}, path, _use_new_zipfile_serialization=new)
    directory = read_directory(path)
    for name, value in weights.items():
        place = directory.container.places[directory.weights[name].tensor.storage.key]
        assert b"".join(chunks_of(directory.container, place)) == value.numpy().tobytes()


def test_neither_torch_nor_numpy_is_loaded(tiny_base: BaseFiles, tmp_path: Path) -> None:
    code = (
        "import sys; from pathlib import Path; from xtts_finetune.xtts.base import BaseFiles\n"
        "from xtts_finetune.xtts.weights.fit import problem_of_base, problem_of_weights\n"
        "base = BaseFiles(Path(sys.argv[1]))\n"
        "assert problem_of_base(base) is None and problem_of_weights(base.model, base) is None"
    )
    assert heavy_after(code, tiny_base.folder) == set()


OPERATIONS = {
    "reduce": lambda made: pickle.dumps(Harmful(made), 2),
    "protocol 5": lambda made: pickle.dumps(Harmful(made), 5),
    "protocol 0": lambda made: b"\x80\x02" + pickle.dumps(Harmful(made), 0),
    "inst": lambda made: b"\x80\x02(S'touch " + str(made).encode() + b"'\nios\nsystem\n.",
    "obj": lambda made: b"\x80\x02(cos\nsystem\nS'touch " + str(made).encode() + b"'\no.",
    "newobj": lambda made: b"\x80\x02cos\nsystem\n(S'touch " + str(made).encode() + b"'\nt\x81.",
    "build": lambda made: b"\x80\x02cos\nsystem\n(S'touch " + str(made).encode() + b"'\ntb.",
    "setitem on a class": lambda made: b"\x80\x02cos\nenviron\nS'a'\nS'b'\ns.",
    "append to a class": lambda made: b"\x80\x02csys\npath\nS'/nowhere'\na.",
    "state of a builtin": lambda made: b"\x80\x02cbuiltins\nprint\n}S'__class__'\nS'x'\nsb.",
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_no_operation_of_a_pickle_does_anything(name: str, tmp_path: Path) -> None:
    made = tmp_path / "made"
    before = (dict(os.environ), list(sys.path))
    with contextlib.suppress(NotRead):
        read_pickle(io.BytesIO(OPERATIONS[name](made)))
    assert not made.exists()
    assert (dict(os.environ), list(sys.path)) == before


def _zip_with(content: bytes, **more: bytes) -> bytes:
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("archive/data.pkl", content)
        for name, value in more.items():
            archive.writestr(name, value)
    return made.getvalue()


def _hash_bomb() -> bytes:
    """A key of tuples in tuples, whose hash would take for ever."""
    content = b"\x80\x02}" + b")" + pickle.BINPUT + b"\x00"
    for number in range(64):
        content += (pickle.BINGET + bytes([number])) + pickle.BINGET + bytes([number]) + pickle.TUPLE2
        content += pickle.BINPUT + bytes([number + 1])
    return content + b"K\x01s."


BOMBS = {
    "packed zeros": lambda: _zip_with(bytes(200 << 20)),
    "a huge string": lambda: b"\x80\x04" + pickle.BINBYTES8 + struct.pack("<Q", 1 << 40) + b"x",
    "a huge byte array": lambda: b"\x80\x05" + pickle.BYTEARRAY8 + struct.pack("<Q", 1 << 40) + b"x",
    "a huge frame": lambda: b"\x80\x04" + pickle.FRAME + struct.pack("<Q", 1 << 40) + b"x",
    "a huge memo": lambda: b"\x80\x02]" + pickle.LONG_BINPUT + struct.pack("<I", 0xFFFFFFFE) + b"." + b"x" * 40,
    "millions of lists": lambda: b"\x80\x02" + b"]" * 20_000_000,
    "a deep list": lambda: b"\x80\x02" + b"](" * 1_000_000 + b"e" * 1_000_000 + b".",
    "a key without an end": _hash_bomb,
    "a huge tensor": lambda: torch_bytes({"model": {"gpt.x": torch.ones(1)}}).replace(b"K\x01\x85", b"K\xff\x85"),
    "a table of safetensors that is huge": lambda: struct.pack("<Q", 1 << 50) + b"{" + b" " * 999,
    "a deep table of safetensors": lambda: struct.pack("<Q", 500_000) + b'{"a":' * 100_000,
}


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit on memory")
@pytest.mark.parametrize("name", BOMBS)
def test_a_file_that_would_fill_the_memory_or_never_end_is_refused(name: str, tmp_path: Path) -> None:
    path = tmp_path / "bomb.pth"
    path.write_bytes(BOMBS[name]())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    with pytest.raises(UserError, match=r"bomb\.pth: ") as error:
        read_directory(path)
    assert "\n" not in str(error.value)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 1_500_000  # kB


@pytest.mark.parametrize("form", ["zip", "older", "safetensors"])
def test_damage_anywhere_is_a_reason_and_nothing_else(form: str, tmp_path: Path, tiny_base: BaseFiles) -> None:
    from safetensors.torch import save

    weights = {name: torch.ones(2, 2) for name in ("gpt.mel_head.weight", "gpt.mel_embedding.weight")}
    how = {"_use_new_zipfile_serialization": form == "zip"}
    whole = save(weights) if form == "safetensors" else torch_bytes({"model": weights}, **how)
    chance = random.Random(0)
    path = tmp_path / "c.pth"
    for number in range(400):
        content = bytearray(whole)
        for _ in range(chance.choice((1, 1, 3))):
            content[chance.randrange(min(len(content), 1200))] ^= 1 << chance.randrange(8)
        if number % 4 == 0:
            content = content[: chance.randrange(1, len(content))]
        path.write_bytes(content)
        for read in (read_directory, read_checkpoint, lambda path: problem_of_weights(path, tiny_base)):
            try:
                read(path)
            except UserError as error:
                assert str(path) in str(error)


def test_only_what_is_read_is_looked_at(tmp_path: Path) -> None:
    """An optimizer's moments may hold anything: they do not count as weights."""
    path = tmp_path / "c.pth"
    moments = {"state": {0: {"exp_avg": torch.full((3,), float("nan"))}}}
    torch.save({"model": {"gpt.mel_head.weight": torch.ones(3, 2)}, "optimizer": [moments]}, path)
    assert list(read_directory(path).weights) == ["gpt.mel_head.weight"]
    assert len(read_container(path).places) == 2
