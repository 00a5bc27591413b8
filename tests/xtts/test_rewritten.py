"""A model.pth that Coqui's program has rewritten is kept by fetch and right for doctor; other weights are not."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models.xtts import Xtts, _legacy_safe_globals

from tests.setup.hub_server import REVISION
from tests.setup.test_fetch import Quiet
from xtts_finetune.errors import UserError
from xtts_finetune.pipeline.plan.checks import model_files
from xtts_finetune.pipeline.plan.checks.check import Verdict
from xtts_finetune.pipeline.plan.checks.model_files import check_base
from xtts_finetune.setup.fetch import look_around, take
from xtts_finetune.xtts.base import FILE_NAMES, BaseFiles
from xtts_finetune.xtts.releases import CPML, NOTE, PublishedFile, Release


@pytest.fixture(scope="module")
def published(tiny_base: BaseFiles, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder as a release has it: the configuration in model.pth is an object."""
    folder = tmp_path_factory.mktemp("published") / "base"
    shutil.copytree(tiny_base.folder, folder)
    weights = torch.load(folder / "model.pth", map_location="cpu", weights_only=True)
    with _legacy_safe_globals():
        torch.save({"model": weights.get("model", weights), "config": XttsConfig()}, folder / "model.pth")
    return folder


@pytest.fixture(scope="module")
def release(published: Path) -> Release:
    files = []
    for name in FILE_NAMES:
        content = (published / name).read_bytes()
        files.append(PublishedFile(name, len(content), hashlib.sha256(content).hexdigest()))
    return Release("xtts_v2", "2.0.3", "made/up", REVISION, CPML, tuple(files))


@pytest.fixture
def folder(published: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(published, tmp_path / "xtts_v2"))


def rewrite(folder: Path) -> None:
    before = (folder / "model.pth").read_bytes()
    Xtts._load_checkpoint(object.__new__(Xtts), folder / "model.pth")
    assert (folder / "model.pth").read_bytes() != before


def other_value(content: dict) -> None:
    next(iter(content["model"].values())).view(-1)[0] += 1


def other_shape(content: dict) -> None:
    content["model"]["gpt.mel_head.weight"] = content["model"]["gpt.mel_head.weight"][:-1].clone()


def prefixed(content: dict) -> None:
    content["model"] = {f"xtts.{name}": tensor for name, tensor in content["model"].items()}


def save_otherwise(folder: Path, change: Callable[[dict], None]) -> None:
    Xtts._load_checkpoint(object.__new__(Xtts), folder / "model.pth")
    content = torch.load(folder / "model.pth", map_location="cpu", weights_only=True)
    change(content)
    torch.save(content, folder / "model.pth")


def looked_at(release: Release, folder: Path) -> str:
    screen = Quiet()
    place = look_around(release, folder, screen)
    assert place.wanted(release) == []
    return "\n".join(screen.said)


def test_with_a_note_the_weights_are_compared_exactly(release: Release, folder: Path) -> None:
    looked_at(release, folder)
    assert len(json.loads((folder / NOTE).read_text(encoding="utf-8"))) == 1
    rewrite(folder)
    said = looked_at(release, folder)
    assert "model.pth is kept: its bytes are not the published ones, but names, sizes and sums" in said
    save_otherwise(folder, other_value)
    with pytest.raises(UserError, match=r"model\.pth is not the file of xtts_v2"):
        look_around(release, folder, Quiet())


def test_without_a_note_a_file_as_coqui_writes_it_is_kept_and_that_is_said(release: Release, folder: Path) -> None:
    rewrite(folder)
    said = looked_at(release, folder)
    assert "its bytes are not the published ones; names, sizes and sums inside are whole" in said
    assert not (folder / NOTE).exists() or "model" not in (folder / NOTE).read_text(encoding="utf-8")


@pytest.mark.parametrize("change", [other_shape, prefixed])
def test_without_a_note_other_weights_are_refused(
    release: Release, folder: Path, change: Callable[[dict], None]
) -> None:
    save_otherwise(folder, change)
    with pytest.raises(UserError, match=r"model\.pth is not the file of xtts_v2"):
        look_around(release, folder, Quiet())


def test_a_rewritten_file_that_was_damaged_is_refused(release: Release, folder: Path) -> None:
    looked_at(release, folder)
    rewrite(folder)
    content = bytearray((folder / "model.pth").read_bytes())
    content[len(content) // 2] ^= 1
    (folder / "model.pth").write_bytes(content)
    with pytest.raises(UserError, match=r"model\.pth is not the file of xtts_v2"):
        look_around(release, folder, Quiet())


def test_copying_notes_what_was_checked(release: Release, published: Path, tmp_path: Path) -> None:
    there = tmp_path / "xtts_v2"
    take(release, published, look_around(release, there, Quiet()), Quiet())
    assert (there / NOTE).is_file()
    rewrite(there)
    looked_at(release, there)


def test_doctor_says_the_same(release: Release, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XTTS_FINETUNE_BASES", str(folder.parent))
    monkeypatch.setattr(model_files, "release_of", lambda name: release)
    rewrite(folder)
    check = check_base("xtts_v2", deep=True)
    assert check.verdict is Verdict.OK
    assert "model.pth: its bytes are not the published ones" in check.found
    save_otherwise(folder, prefixed)
    check = check_base("xtts_v2", deep=True)
    assert check.verdict is Verdict.WARNING
    assert "model.pth is not of version 2.0.3" in check.found
