"""A base whose files were rewritten with the same in them is the same base to a run, before and after."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
import torch
from TTS.tts.configs.xtts_config import XttsConfig
from TTS.tts.models.xtts import Xtts, _legacy_safe_globals

from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.base_as_recorded import content_fingerprint, content_of, fingerprint_in, hashes_in, note_base


@pytest.fixture
def base(tiny_base: BaseFiles, tmp_path: Path) -> BaseFiles:
    """The tiny base as XTTS v2 was published: its model.pth has an object for a configuration."""
    own = BaseFiles(Path(shutil.copytree(tiny_base.folder, tmp_path / "base")))
    weights = torch.load(own.model, map_location="cpu", weights_only=True)
    weights = weights.get("model", weights)
    with _legacy_safe_globals():  # under the module names of that time
        torch.save({"model": weights, "config": XttsConfig()}, own.model)
    return own


@pytest.fixture
def run(tmp_path: Path) -> RunFolder:
    return RunFolder(tmp_path / "run")


def rewrite(base: BaseFiles) -> None:
    """As Coqui's program does when it loads the published file."""
    before = base.model.read_bytes()
    Xtts._load_checkpoint(object.__new__(Xtts), base.model)
    assert base.model.read_bytes() != before


def change(base: BaseFiles) -> None:
    checkpoint = torch.load(base.model, map_location="cpu", weights_only=False)
    next(iter(checkpoint["model"].values())).view(-1)[0] += 1
    torch.save(checkpoint, base.model)


def test_coquis_rewriting_changes_the_bytes_and_not_what_the_file_says(base: BaseFiles) -> None:
    before, all_before, fingerprint = content_of(base.model), content_fingerprint(base), base.fingerprint()
    rewrite(base)
    assert content_of(base.model) == before
    assert content_fingerprint(base) == all_before
    assert base.fingerprint() != fingerprint
    change(base)
    assert content_of(base.model) != before


def test_a_noted_base_keeps_its_fingerprint_when_it_is_rewritten(base: BaseFiles, run: RunFolder) -> None:
    first = base.fingerprint()
    assert fingerprint_in(run, base) == first, "without a note it counts by its bytes"
    note_base(run, base)
    rewrite(base)
    config = json.loads(base.config.read_text(encoding="utf-8"))
    base.config.write_text(json.dumps(config, indent=7), encoding="utf-8")
    assert fingerprint_in(run, base) == first, "before a command has noted the rewriting"
    note_base(run, base)
    assert fingerprint_in(run, base) == first, "and afterwards"
    assert len(json.loads(run.base_files.read_text(encoding="utf-8"))["model.pth"]) == 2


def test_another_base_is_another_one(base: BaseFiles, run: RunFolder) -> None:
    note_base(run, base)
    model = hashes_in(run, base)["model.pth"]
    change(base)
    changed = base.fingerprint()
    assert fingerprint_in(run, base) == changed
    note_base(run, base)
    assert fingerprint_in(run, base) == changed
    assert hashes_in(run, base)["model.pth"] != model


def test_a_note_that_cannot_be_read_counts_as_none(base: BaseFiles, run: RunFolder) -> None:
    run.root.mkdir()
    for broken in ("", "[1]", '{"model.pth": [{"hash": 1}]}', '{"model.pth": 3}'):
        run.base_files.write_text(broken, encoding="utf-8")
        assert fingerprint_in(run, base) == base.fingerprint()
    note_base(run, base)
    assert json.loads(run.base_files.read_text(encoding="utf-8"))["model.pth"]


def test_looking_writes_nothing(base: BaseFiles, run: RunFolder) -> None:
    fingerprint_in(run, base)
    assert not run.root.exists()
