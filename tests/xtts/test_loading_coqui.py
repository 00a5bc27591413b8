"""torch and Coqui's model are loaded once."""

from __future__ import annotations

import gc
import importlib
import sys

import pytest

from xtts_finetune.xtts import MODEL, load_coqui


def test_it_is_imported_where_it_is_not_there(monkeypatch: pytest.MonkeyPatch) -> None:
    parent, name = MODEL.rsplit(".", 1)
    # The one module is imported again; after the test, all have it as it was.
    monkeypatch.setattr(importlib.import_module(parent), name, importlib.import_module(MODEL))
    monkeypatch.delitem(sys.modules, MODEL)
    load_coqui()
    gc.unfreeze()
    assert MODEL in sys.modules


def test_what_is_loaded_is_left_alone() -> None:
    importlib.import_module(MODEL)
    before = gc.get_freeze_count()
    load_coqui()
    assert gc.get_freeze_count() == before
