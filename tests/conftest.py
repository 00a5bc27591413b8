"""What the tests share: a tiny base with random weights, made once; and how long each file of them takes.

`tests/durations.json` holds what `make durations` measured. It chooses the order of a run, longest first, and which
files `--quick` leaves out; a file that it does not know yet counts as quick.
"""

from __future__ import annotations

import gc
import json
import logging
import os
import signal
import time
from collections import defaultdict
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

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

ROOT = Path(__file__).parents[1]
DURATIONS = ROOT / "tests" / "durations.json"
# Seconds of a file, with the fixtures that it shares with others: whoever trains something for its tests takes longer.
QUICK_SECONDS = 1.5
# Seconds that each fixture of the whole session took to make in this process, and those of the test that runs now.
MADE_ONCE: dict[str, float] = {}
MADE_NOW: list[str] = []


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--quick", action="store_true", help="leave out the files that take long")
    parser.addoption("--record-durations", action="store_true", help="write tests/durations.json anew")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--record-durations") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Recorder())


class Recorder:
    """Writes how long the tests of each file took, each file counted as if it were run alone."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = defaultdict(float)
        self.shared: dict[str, dict[str, float]] = defaultdict(dict)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        file = report.nodeid.partition("::")[0]
        self.seconds[file] += report.duration
        if report.when == "setup":
            properties: dict[str, Any] = dict(report.user_properties)
            self.shared[file] |= properties.get("shared", {})
            self.seconds[file] -= properties.get("made now", 0.0)

    def pytest_sessionfinish(self) -> None:
        of_files = read_durations()
        of_files |= {file: own + sum(self.shared[file].values()) for file, own in self.seconds.items()}
        here = {file: round(of_files[file], 1) for file in sorted(of_files) if (ROOT / file).is_file()}
        DURATIONS.write_text(json.dumps(here, indent=0) + "\n", encoding="utf-8")


def read_durations() -> dict[str, float]:
    """Seconds of each file of tests, by its path from the project's folder."""
    durations: dict[str, float] = json.loads(DURATIONS.read_text(encoding="utf-8"))
    return durations


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(fixturedef: pytest.FixtureDef[Any]) -> Generator[None, Any, Any]:
    began = time.monotonic()
    made = yield
    if fixturedef.scope == "session":
        MADE_ONCE[fixturedef.argname] = time.monotonic() - began
        MADE_NOW.append(fixturedef.argname)
    return made


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Function) -> Generator[None, None, None]:
    """Say which fixtures of the whole session the test uses, and what those took that were made for it."""
    MADE_NOW.clear()
    yield
    shared = {name: MADE_ONCE[name] for name in item.fixturenames if name in MADE_ONCE}
    item.user_properties += [("shared", shared), ("made now", sum(MADE_ONCE[name] for name in MADE_NOW))]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """Three workers for two cores: a third of the time a test waits for what it has started, but for quick tests."""
    cores = os.cpu_count() or 1
    return cores if config.getoption("--quick") else cores + cores // 2


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


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """The files that take longest first: begun last, one would keep a single worker busy while the others are done."""
    seconds = read_durations()

    def taken(item: pytest.Item) -> float:
        return seconds.get(item.nodeid.partition("::")[0], 0.0)

    if config.getoption("--quick"):
        config.hook.pytest_deselected(items=[item for item in items if taken(item) > QUICK_SECONDS])
        items[:] = [item for item in items if taken(item) <= QUICK_SECONDS]
    items.sort(key=taken, reverse=True)


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
    from testbed.random_base import make_random_base

    return make_random_base(tmp_path_factory.mktemp("tiny_base"))


@pytest.fixture(scope="session")
def demo_folder() -> Path:
    """The embedded demo as it stands in the repository."""
    return ROOT / "samples" / "demo"
