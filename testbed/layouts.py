"""Data sets in the layouts and encodings that people have them in, by their names: LAYOUTS[name](folder) makes one."""

from __future__ import annotations

from testbed import corpora, lists
from testbed.clips_of_layouts import ENGLISH, LAYOUTS, Clip, Made, clips_at, sound_files, stem, write

__all__ = ["ENGLISH", "LAYOUTS", "Clip", "Made", "clips_at", "corpora", "lists", "sound_files", "stem", "write"]
