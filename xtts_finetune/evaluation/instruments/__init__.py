"""Instruments that read one thing from a sound each, and the list of them. A new one is a file here and a line below.

docs/instruments.md lists units, sources and limits, and a test compares it with this list.
"""

from __future__ import annotations

from xtts_finetune.evaluation.instruments.cepstral import CEPSTRAL
from xtts_finetune.evaluation.instruments.characters import CHARACTERS
from xtts_finetune.evaluation.instruments.duration import DURATION
from xtts_finetune.evaluation.instruments.instrument import Instrument
from xtts_finetune.evaluation.instruments.loudness import LOUDNESS
from xtts_finetune.evaluation.instruments.noise import NOISE
from xtts_finetune.evaluation.instruments.pitch import PITCH
from xtts_finetune.evaluation.instruments.similarity import SIMILARITY
from xtts_finetune.evaluation.instruments.treble import TREBLE

# In the order in which faults and readings are listed everywhere.
INSTRUMENTS: tuple[Instrument, ...] = (
    LOUDNESS,
    SIMILARITY,
    PITCH,
    DURATION,
    TREBLE,
    NOISE,
    CHARACTERS,
    CEPSTRAL,
)
# Those that may read several sounds at once, and those that hear one after the other, in a fixed order.
AT_ONCE = tuple(one for one in INSTRUMENTS if not one.in_turn)
IN_TURN = tuple(one for one in INSTRUMENTS if one.in_turn)
