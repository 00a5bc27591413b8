"""What the tests share: a tiny base with random weights, made once."""

from __future__ import annotations

import gc
import logging
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from xdist.remote import Producer
    from xdist.scheduler import LoadFileScheduling

    from xtts_finetune.xtts.base import BaseFiles


# Models as small as these are slower on several threads than on one, above all where two processes share two cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")
# Tests that are started in the background may ignore these, and so would the commands that they start.
signal.signal(signal.SIGINT, signal.default_int_handler)
if hasattr(signal, "SIGHUP"):
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

# What tests import stays: nothing of it is garbage, neither now nor later on (`pytest_collection_finish`).
gc.disable()

# Files of few tests that take long: begun last, one would keep a single worker busy while the others are done.
SLOW = ("endurance/", "training/test_over_ranks", "ranks/test_launch", "trials/test_solving", "trials/test_trials",
        "training/test_phase_trainer", "trials/test_search", "data/test_killed")  # fmt: skip


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Three workers for two cores: a third of the time a test waits for what it has started."""
    cores = os.cpu_count() or 1
    return cores + cores // 2


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> LoadFileScheduling | None:
    """The tests of a file stay together, and so do those of endurance/: they share a run that takes a minute."""
    if config.getvalue("dist") != "loadfile":
        return None
    from xdist.scheduler import LoadFileScheduling

    class Together(LoadFileScheduling):
        def _split_scope(self, nodeid: str) -> str:
            file = super()._split_scope(nodeid)
            return "tests/endurance" if file.startswith("tests/endurance/") else file

    return Together(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The slow files first."""
    tests = Path(__file__).parent
    items.sort(key=lambda item: not item.path.relative_to(tests).as_posix().startswith(SLOW))


def pytest_collection_finish() -> None:
    """The garbage collector works from here on, on what the tests make."""
    gc.freeze()
    gc.enable()


@pytest.fixture(autouse=True)
def no_log_of_an_earlier_trainer() -> Iterator[None]:
    """Coqui's logger keeps the files of all trainers of a process, and trips over a folder that is gone."""
    yield
    logger = logging.getLogger("trainer")
    for handler in list(logger.handlers):
        if isinstance(handler, logging.FileHandler):
            logger.removeHandler(handler)
            handler.close()


@pytest.fixture(scope="session")
def tiny_base(tmp_path_factory: pytest.TempPathFactory) -> BaseFiles:
    """A whole base, 2 layers x 64, with random weights and without a HiFi-GAN."""
    from xtts_finetune.xtts.random_base import make_random_base

    return make_random_base(tmp_path_factory.mktemp("tiny_base"))


@pytest.fixture(scope="session")
def demo_folder() -> Path:
    """The embedded demo as it stands in the repository."""
    return Path(__file__).parents[1] / "samples" / "demo"
