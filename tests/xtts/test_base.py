"""Finding a base, and saying what is wrong with one."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from xtts_finetune.errors import UserError
from xtts_finetune.xtts.base import FILE_NAMES, BaseFiles, conditioning_lengths, find_base, quick_hash, read_config


@pytest.fixture
def base(tiny_base: BaseFiles, tmp_path: Path) -> BaseFiles:
    return BaseFiles(Path(shutil.copytree(tiny_base.folder, tmp_path / "base")))


def test_a_folder_is_a_base(base: BaseFiles) -> None:
    assert find_base(str(base.folder)) == base


@pytest.mark.parametrize("name", FILE_NAMES)
def test_a_missing_file_is_named(base: BaseFiles, name: str) -> None:
    (base.folder / name).unlink()
    with pytest.raises(UserError, match=f"lacks {name}"):
        find_base(str(base.folder))


def test_a_known_name_is_looked_up_where_bases_are_kept(
    base: BaseFiles, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XTTS_FINETUNE_BASES", raising=False)
    monkeypatch.setenv("TTS_HOME", str(tmp_path / "home"))
    with pytest.raises(UserError, match=r"xtts_v2 is not on this machine[\s\S]*run_pipeline --demo"):
        find_base("xtts_v2")
    coquis = tmp_path / "home" / "tts" / "tts_models--multilingual--multi-dataset--xtts_v2"
    shutil.copytree(base.folder, coquis)
    assert find_base("xtts_v2").folder == coquis
    monkeypatch.setenv("XTTS_FINETUNE_BASES", str(tmp_path / "mine"))
    shutil.copytree(base.folder, tmp_path / "mine" / "xtts_v2")
    assert find_base("xtts_v2").folder == tmp_path / "mine" / "xtts_v2"


@pytest.mark.parametrize("text", ["", "{", "[]", '{"model": "xtts"}'])
def test_a_config_that_is_not_xtts_is_named(base: BaseFiles, text: str) -> None:
    base.config.write_text(text, encoding="utf-8")
    with pytest.raises(UserError, match=r"config\.json"):
        read_config(base)


def test_conditioning_lengths_default_to_stocks() -> None:
    lengths = conditioning_lengths({"model_args": {}})
    assert (lengths.minimum, lengths.maximum, lengths.evaluation) == (66_150, 132_300, 99_225)
    assert conditioning_lengths({"model_args": {"max_conditioning_length": 88_200}}).maximum == 88_200


def test_the_fingerprint_follows_every_file(base: BaseFiles) -> None:
    before = base.fingerprint()
    assert before == base.fingerprint()
    for name in FILE_NAMES:
        content = (base.folder / name).read_bytes()
        (base.folder / name).write_bytes(content[:-1] + bytes([content[-1] ^ 1]))
        assert base.fingerprint() != before
        (base.folder / name).write_bytes(content)


def test_the_quick_hash_sees_both_ends_and_the_size(tmp_path: Path) -> None:
    path = tmp_path / "big"
    content = bytearray(3 << 20)
    hashes = set()
    for change in (None, 0, len(content) - 1):
        changed = content.copy()
        if change is not None:
            changed[change] = 1
        path.write_bytes(changed)
        hashes.add(quick_hash(path))
    path.write_bytes(content + b"x")
    hashes.add(quick_hash(path))
    assert len(hashes) == 4
