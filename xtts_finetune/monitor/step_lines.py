"""The numbers of many steps at once, straight from the lines of metrics.jsonl.

Parsing each line as JSON makes an object of it and takes three times as long, which at a hundred thousand lines is a
second on a machine that trains meanwhile. Lines that are not just as this version writes them are left to the parser.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

KEYS = ("step", "epoch", "learning_rate", "mel_ce", "text_ce_nats", "grad_norm", "seconds")
HEAD = b'{"kind": "step", '
# It begins with plain text, which is searched for much faster than the start of a line.
STEP = re.compile(
    rb'\{"kind": "step", "step": VALUE, "epoch": VALUE, "learning_rate": VALUE, "loss": [^,"]+, "mel_ce": VALUE, '
    rb'"text_ce_nats": VALUE, "grad_norm": VALUE, "clips": [^,"]+, "seconds": VALUE, "load_seconds": [^,"]+, '
    rb'"stepped": (?:true|false)\}\n'.replace(b"VALUE", rb'([^,"]+)')
)


def split_steps(text: bytes, recent: int) -> tuple[NDArray[np.float64], bytes] | None:
    """A table of the steps (a row each, columns as KEYS), and the lines to parse: all others, the last steps too.

    `recent` is how many steps are wanted whole. None where a step is written in any other way, or not in numbers.
    """
    import numpy as np  # noqa: PLC0415  (not for --help)

    lines = text.split(b"\n")
    others = [line for line in lines if not line.startswith(HEAD)]
    found = STEP.findall(text)
    if not found or len(found) != len(lines) - len(others):
        return None
    try:
        # One by one, yet quicker than numpy's own reading of text.
        numbers = np.fromiter(map(float, itertools.chain.from_iterable(found)), np.float64)
    except ValueError:  # null, true: not in numbers
        return None
    last = [line for line in lines[-2 * recent :] if line.startswith(HEAD)]
    return numbers.reshape(-1, len(KEYS)), b"\n".join([*others, *last])
