"""What doctor says of a known base: every state that fetching can leave, and those that other programs leave."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.pipeline.fake_base import fake_base
from xtts_finetune.pipeline.plan.checks import model_files
from xtts_finetune.pipeline.plan.checks.check import Verdict
from xtts_finetune.pipeline.plan.checks.model_files import check_base
from xtts_finetune.xtts.base import FETCHED_PARTS, FILE_NAMES
from xtts_finetune.xtts.releases import CPML, PublishedFile, Release

CONTENT = fake_base()
RELEASE = Release(
    "xtts_v2",
    "2.0.3",
    "made/up",
    "0" * 40,
    CPML,
    tuple(PublishedFile(name, len(content), "") for name, content in CONTENT.items()),
)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where the base would be, with all that it has."""
    monkeypatch.setenv("XTTS_FINETUNE_BASES", str(tmp_path))
    monkeypatch.setenv("TTS_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(model_files, "release_of", lambda name: RELEASE)
    folder = tmp_path / "xtts_v2"
    folder.mkdir()
    for name, content in CONTENT.items():
        (folder / name).write_bytes(content)
    return folder


def state(folder: Path) -> tuple[Verdict, str]:
    check = check_base("xtts_v2", deep=True)
    return check.verdict, f"{check.found}; {check.cure}"


def test_whole(folder: Path) -> None:
    verdict, said = state(folder)
    assert verdict is Verdict.OK and "version 2.0.3" in said


def test_not_there(folder: Path) -> None:
    for name in FILE_NAMES:
        (folder / name).unlink()
    verdict, said = state(folder)
    assert verdict is Verdict.ERROR and "not on this machine" in said and "xtts-finetune fetch" in said


def test_fetched_half(folder: Path) -> None:
    (folder / FETCHED_PARTS).mkdir()
    (folder / FETCHED_PARTS / "model.pth.part").write_bytes(b"x" * 3_000_000)
    (folder / "model.pth").unlink()
    verdict, said = state(folder)
    assert verdict is Verdict.ERROR and "not whole yet: 3 MB of it" in said and "Continue" in said


def test_without_what_training_needs(folder: Path) -> None:
    """As Coqui's own downloader leaves it."""
    (folder / "dvae.pth").unlink()
    verdict, said = state(folder)
    assert verdict is Verdict.ERROR and "lacks dvae.pth" in said and "xtts-finetune fetch" in said


def test_of_another_version(folder: Path) -> None:
    (folder / "vocab.json").write_bytes(CONTENT["vocab.json"] + b"\n")
    verdict, said = state(folder)
    assert verdict is Verdict.WARNING and "vocab.json is not of version 2.0.3" in said


def test_damaged(folder: Path) -> None:
    content = bytearray(CONTENT["model.pth"])
    content[-2000] ^= 1
    (folder / "model.pth").write_bytes(content)
    verdict, said = state(folder)
    assert (
        verdict is Verdict.ERROR
        and "model.pth: this file is damaged" in said
        and "remove it, then: xtts-finetune fetch" in said
    )


def test_a_config_that_other_programs_wrote_paths_into(folder: Path) -> None:
    (folder / "config.json").write_bytes(CONTENT["config.json"].replace(b"{", b'{"languages": [], ', 1))
    assert state(folder)[0] is Verdict.OK
