"""What a file is that holds no weights: told from how it begins, in words for whoever expected a model."""

from __future__ import annotations

import json
import re
import stat
import tarfile
import zlib
from pathlib import Path

from xtts_finetune.look.quantities import readable_size

BEGINNING = 4096
AGAIN = "download it again"
_PLACES_OF_TAR = (257, b"ustar")
_UNPACKED_AT_MOST = 64 << 20
_ZIP = b"PK\x03\x04"
_SHORTEST = 9  # bytes that tell a file of weights from any other

# How files begin that people name like a model by mistake.
_KINDS: tuple[tuple[bytes, str], ...] = (
    (b"GGUF", "a GGUF file, a language model for llama.cpp"),
    (b"\x89HDF\r\n\x1a\n", "a Keras or HDF5 file"),
    (b"\x93NUMPY", "a NumPy array"),
    (b"fLaC", "a FLAC sound"),
    (b"OggS", "an Ogg sound"),
    (b"ID3", "an MP3 sound"),
    (b"\xff\xfb", "an MP3 sound"),
    (b"\x89PNG", "a picture"),
    (b"\xff\xd8\xff", "a picture"),
    (b"%PDF", "a PDF document"),
    (b"\x7fELF", "a program"),
    (b"MZ", "a program"),
    (b"SQLite format 3", "a database"),
)
_ARCHIVES: tuple[tuple[bytes, str], ...] = (
    (b"Rar!", "rar"),
    (b"7z\xbc\xaf\x27\x1c", "7z"),
    (b"\x1f\x8b", "gz"),
    (b"\xfd7zXZ\x00", "xz"),
    (b"BZh", "bz2"),
    (b"\x28\xb5\x2f\xfd", "zst"),
)
# What a hub answers in place of a file, as plain text.
_ANSWERS = re.compile(
    r"(entry|repository|revision|file|page) not found|^not found|access (to model|denied)|is restricted"
    r"|invalid username|unauthori[sz]ed|forbidden|must be authenticated|rate limit|accessdenied|nosuchkey",
    re.IGNORECASE,
)


def not_a_file(path: Path) -> str | None:
    """Why there is nothing to read at `path`; None for a file with content."""
    if path.is_dir():
        return "this is a folder; name the file in it"
    if not path.is_file():
        return _no_file(path)
    if path.stat().st_size == 0:
        return f"this file is empty; {AGAIN}, or copy it again"
    return None


def _no_file(path: Path) -> str:
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return "there is no such file"
    what = "a pipe" if stat.S_ISFIFO(mode) else "a socket" if stat.S_ISSOCK(mode) else "a device"
    return f"this is not an ordinary file but {what}; name a file of weights"


def why_unreadable(path: Path, error: OSError) -> str:
    """Why opening `path` failed with `error`, as `read_container` says it."""
    return not_a_file(path) or f"this file cannot be read ({error.strerror or error})"


def not_weights(path: Path) -> str | None:
    """What stands in the file instead of weights; None where it may hold some.

    Raises OSError when the file cannot be read.
    """
    with path.open("rb") as file:
        begins = file.read(BEGINNING)
    if begins.startswith(b"version https://git-lfs"):
        return _pointer(begins)
    for magic, kind in _ARCHIVES:
        if begins.startswith(magic):
            return _archive(path, kind)
    if begins[_PLACES_OF_TAR[0] :].startswith(_PLACES_OF_TAR[1]):
        return _archive(path, "tar")
    if begins[:4] == b"RIFF" or begins[4:8] == b"ftyp":
        return _another_kind("a sound or video")
    for magic, kind in _KINDS:
        if begins.startswith(magic):
            return _another_kind(kind)
    if begins[:1] == b"\x08" and (path.suffix == ".onnx" or re.search(rb"pytorch|onnx|torch", begins[:300])):
        return _another_kind("an ONNX file, which can speak but not be trained further")
    if not begins.strip(b"\0") and _only_zeros(path):
        return f"this file holds nothing but zeros: downloading or copying it was broken off; {AGAIN}"
    if len(begins) < _SHORTEST and (b"\0" in begins or _ZIP.startswith(begins)):
        return f"this file is not whole: it ends after {readable_size(len(begins))}; copy or {AGAIN}"
    return _text(begins, path)


def zip_of_something_else(names: list[str]) -> str:
    """What a zip file is that holds these files, and no weights as torch saves them."""
    if any(name.endswith("model.weights.h5") for name in names):
        return _another_kind("a Keras file")
    if names and all(name.endswith(".npy") for name in names):
        return _another_kind("an archive of NumPy arrays")
    return _unpack("zip", [name for name in names if _is_of_weights(name)])


def _another_kind(kind: str) -> str:
    return f"this is {kind}; name the checkpoint of an XTTS model (.pth or .safetensors)"


def _pointer(begins: bytes) -> str:
    found = re.search(rb"^size (\d+)", begins, re.MULTILINE)
    size = f" of {readable_size(int(found.group(1)))}" if found else ""
    return (
        f"a Git LFS pointer stands in place of the file{size}; fetch the file itself with: git lfs pull, "
        "or download it in a browser"
    )


def _archive(path: Path, kind: str) -> str:
    return _unpack(kind, _packed_weights(path) if kind not in ("rar", "7z", "zst") else [])


def _unpack(kind: str, names: list[str]) -> str:
    if names:
        return f"this is a {kind} archive that holds {names[0]}; unpack it first, then name that file"
    return f"this is a {kind} archive, not a model; unpack it first"


def _packed_weights(path: Path) -> list[str]:
    """Names of the models in a tar archive, as far as they are seen without unpacking much."""
    names: list[str] = []
    unpacked = 0
    try:
        with tarfile.open(path) as archive:
            while unpacked < _UNPACKED_AT_MOST and len(names) < 1 and (member := archive.next()) is not None:
                names += [member.name] if _is_of_weights(member.name) else []
                unpacked += member.size + 512
    except (tarfile.TarError, OSError, EOFError, zlib.error, ValueError):
        pass
    return names


def _is_of_weights(name: str) -> bool:
    return name.endswith((".pth", ".pt", ".ckpt", ".bin", ".safetensors"))


def _only_zeros(path: Path) -> bool:
    with path.open("rb") as file:
        while chunk := file.read(1 << 20):
            if chunk.strip(b"\0"):
                return False
    return True


def _text(begins: bytes, path: Path) -> str | None:
    """What a file of text is; None where it is none."""
    if b"\0" in begins:
        return None
    try:
        text = begins.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        if error.start < len(begins) - 4:
            return None
        text = begins[: error.start].decode("utf-8-sig")
    if any(ord(letter) < 32 and letter not in "\t\n\r\f\x1b" for letter in text):
        return None
    shown = " ".join(text.split())[:60]
    if re.match(r"\s*(<!--.*?-->\s*)*<(!doctype html|html|head|body|\?xml)", text, re.IGNORECASE | re.DOTALL):
        return f"a web page was saved instead of the file ('{shown}...'); {AGAIN}, from the page's download link"
    if _is_answer(text, path):
        return f"a server's answer was saved instead of the file ('{shown}'); {AGAIN}"
    if path.suffix == ".py" or re.search(r"^(import|from) \w+|^def \w+\(", text, re.MULTILINE):
        return _another_kind("Python code")
    return _another_kind(f"a text file ('{shown}...')")


def _is_answer(text: str, path: Path) -> bool:
    if path.stat().st_size > BEGINNING:
        return False
    try:
        content = json.loads(text)
    except ValueError:
        return _ANSWERS.search(text) is not None
    return isinstance(content, dict) and bool({"error", "message", "detail", "errors"} & content.keys())
