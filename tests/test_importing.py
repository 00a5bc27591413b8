"""What is heavy is imported sooner than by `import` alone, and everything is as before afterwards."""

from __future__ import annotations

import gc
import importlib.metadata

import pytest

from xtts_finetune.machine.packages import distributions_read_once, without_collecting


@pytest.mark.parametrize("collects", [True, False])
def test_nothing_is_collected_meanwhile_and_the_collector_is_as_it_was(collects: bool) -> None:
    before = gc.isenabled()
    (gc.enable if collects else gc.disable)()
    try:
        with pytest.raises(ImportError), without_collecting():
            assert not gc.isenabled()
            raise ImportError
        assert gc.isenabled() is collects
        assert gc.get_freeze_count() > 0
    finally:
        gc.unfreeze()
        (gc.enable if before else gc.disable)()


def test_installed_packages_are_listed_once_while_others_ask_and_as_ever_afterwards(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[bool] = []

    def listed() -> dict[str, list[str]]:
        asked.append(True)
        return {"yaml": ["PyYAML"]}

    monkeypatch.setattr(importlib.metadata, "packages_distributions", listed)
    with distributions_read_once():
        answers = [importlib.metadata.packages_distributions() for _ in range(3)]
    assert answers == 3 * [{"yaml": ["PyYAML"]}] and len(asked) == 1
    assert importlib.metadata.packages_distributions is listed
