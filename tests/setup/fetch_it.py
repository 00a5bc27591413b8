"""Fetches the made release in a process of its own, so that a test can kill it: FOLDER."""

from __future__ import annotations

import sys
from pathlib import Path

from tests.setup.hub_server import made_files, release_of
from xtts_finetune.cli.verbs.beginning.fetch import FetchScreen
from xtts_finetune.setup.fetch import fetch, look_around

release = release_of(made_files())
with FetchScreen() as screen:
    place = look_around(release, Path(sys.argv[1]), screen)
    fetch(release, place, lambda release, text: True, screen)
