"""What shipping a model of XTTS v2's size takes: seconds, memory, bytes, and whether stock says the same with it.

    python -m benchmarks.shipping [--size demo|full] [--codes N] [--precision auto|half|full] [--out FILE]

The weights are random, so that anybody can measure it, but for the head, which is as sure of its codes as the demo's
trained model (see sure_base.py). `--plain` leaves the head random too: such a model never ends a sentence by itself and
says one tie after the other, which half precision may not survive. `--codes` is the longest sentence's length.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import soundfile

from benchmarks.sure_base import fit_head
from testbed.random_base import XTTS_V2, BaseSize, make_random_base
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.shipping.job import ship
from xtts_finetune.shipping.plan import make_ship_plan
from xtts_finetune.spec.declaration import load_declaration

SIZES = {"demo": BaseSize(layers=6, width=192, heads=3, with_hifigan=True), "full": XTTS_V2}
# About as many as the demo's voice needs for the longest text; fewer for the narrow head, which holds no more of them.
CODES = {"demo": 15, "full": 60}
NAMES = ("word", "short", "long")
TEXTS = ("Hello.", "Good morning.", "The old sailor carried a little box over the bridge.")
FILES = {
    "pipeline.yaml": "name: random\nbase: ./base\nlanguage: en\nphases: [phase1]\n"
    "datasets: [{name: voice, path: voice, format: ljspeech}]\n",
    "phases/phase1.yaml": "learning_rate: 1e-6\nsteps: 1\n",
    "eval/utterances.yaml": "sentences:\n"
    + "".join(f"  - {{id: {name}, text: {text}}}\n" for name, text in zip(NAMES, TEXTS, strict=True))
    + "held_out: 0\nreference: {files: [../voice.wav]}\n",
    "eval/decision_matrix.yaml": "rows: [{ship: base, verdict: nothing was trained}]\n",
    "voice/metadata.csv": "",
}


def measure(folder: Path, size: BaseSize, precision: str, codes: int, plain: bool) -> dict[str, Any]:
    """Make a base, ship it, and say what that took."""
    base = make_random_base(folder / "base", size)
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    noise = np.random.default_rng(1).standard_normal(6 * 22_050) * 0.1
    soundfile.write(str(folder / "voice.wav"), noise, 22_050)
    sentences = [(text, codes * (number + 1) // len(TEXTS)) for number, text in enumerate(TEXTS)]
    certainty = None if plain else fit_head(base, str(folder / "voice.wav"), sentences)
    print(f"how sure the base is: {certainty}", file=sys.stderr)
    declaration = load_declaration(folder / "pipeline.yaml", [f"ship.precision={precision}"])
    plan = make_ship_plan(declaration, RunFolder(declaration.run_folder), "base")
    began = time.perf_counter()
    shipped = ship(plan, "cpu", lambda done, total, what: print(f"{done}/{total} {what}", file=sys.stderr))
    return {
        "seconds": round(time.perf_counter() - began, 1),
        "peak_memory_gb": round(_peak_bytes() / 1e9, 2),
        "model_pth_gb": round(shipped.files["model.pth"]["bytes"] / 1e9, 3),
        "model_pth_bytes": shipped.files["model.pth"]["bytes"],
        "base_model_pth_gb": round((folder / "base" / "model.pth").stat().st_size / 1e9, 3),
        "certainty": certainty,
        "precision": shipped.precision,
        "why": shipped.why_precision,
        "verified": shipped.verified,
        "sentences": shipped.sentences,
    }


def _peak_bytes() -> int:
    """The most memory that this process has had; what it has now where the system does not say."""
    if sys.platform == "win32":
        return int(psutil.Process().memory_info().peak_wset)
    import resource  # noqa: PLC0415  (not on Windows)

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main() -> None:
    """Measure and print JSON."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--size", choices=SIZES, default="demo")
    parser.add_argument("--codes", type=int, help="of the longest sentence, of 46 ms each")
    parser.add_argument("--plain", action="store_true", help="leave the head random as well")
    parser.add_argument("--precision", choices=("auto", "half", "full"), default="auto")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    size, codes = SIZES[options.size], options.codes or CODES[options.size]
    size = BaseSize(**{**vars(size), "max_audio_tokens": codes + 4})
    with tempfile.TemporaryDirectory() as folder:
        figures = measure(Path(folder), size, options.precision, codes, options.plain)
    found = json.dumps(figures, indent=2, ensure_ascii=False)
    print(found)
    if options.out:
        options.out.write_text(found + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
