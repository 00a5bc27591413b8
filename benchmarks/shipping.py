"""What shipping a model of XTTS v2's size takes: seconds, memory, bytes, and whether stock says the same with it.

    python -m benchmarks.shipping [--size demo|full] [--codes N] [--precision auto|half|full] [--out FILE]

The weights are random, so that anybody can measure it. Such a model never ends a sentence by itself and holds many
codes to be about equally likely: harder on half precision than a trained one is. `--codes` bounds its sentences.
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

from xtts_finetune.pipeline.ship_job import ship
from xtts_finetune.pipeline.ship_plan import make_ship_plan
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.xtts.random_base import XTTS_V2, BaseSize, make_random_base

SIZES = {"demo": BaseSize(layers=6, width=192, heads=3, with_hifigan=True), "full": XTTS_V2}
FILES = {
    "pipeline.yaml": "name: random\nbase: ./base\nlanguage: en\nphases: [phase1]\n"
    "datasets: [{name: voice, path: voice, format: ljspeech}]\n",
    "phases/phase1.yaml": "learning_rate: 1e-6\nsteps: 1\n",
    "eval/utterances.yaml": "sentences:\n  - {id: word, text: Hello.}\n  - {id: short, text: Good morning.}\n"
    "  - {id: long, text: The old sailor carried a little box over the bridge.}\n"
    "held_out: 0\nreference: {files: [../voice.wav]}\n",
    "eval/decision_matrix.yaml": "rows: [{ship: base, verdict: nothing was trained}]\n",
    "voice/metadata.csv": "",
}


def measure(folder: Path, size: BaseSize, precision: str) -> dict[str, Any]:
    """Make a base, ship it, and say what that took."""
    make_random_base(folder / "base", size)
    for name, text in FILES.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
    noise = np.random.default_rng(1).standard_normal(6 * 22_050) * 0.1
    soundfile.write(str(folder / "voice.wav"), noise, 22_050)
    declaration = load_declaration(folder / "pipeline.yaml", [f"ship.precision={precision}"])
    plan = make_ship_plan(declaration, RunFolder(declaration.run_folder), "base")
    began = time.perf_counter()
    shipped = ship(plan, "cpu", lambda done, total, what: print(f"{done}/{total} {what}", file=sys.stderr))
    return {
        "seconds": round(time.perf_counter() - began, 1),
        "peak_memory_gb": round(_peak_bytes() / 1e9, 2),
        "model_pth_gb": round(shipped.files["model.pth"]["bytes"] / 1e9, 3),
        "base_model_pth_gb": round((folder / "base" / "model.pth").stat().st_size / 1e9, 3),
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
    parser.add_argument("--codes", type=int, default=100, help="longest sentence, in codes of 46 ms")
    parser.add_argument("--precision", choices=("auto", "half", "full"), default="auto")
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    size = SIZES[options.size]
    size = BaseSize(**{**vars(size), "max_audio_tokens": options.codes + 3})
    with tempfile.TemporaryDirectory() as folder:
        found = json.dumps(measure(Path(folder), size, options.precision), indent=2, ensure_ascii=False)
    print(found)
    if options.out:
        options.out.write_text(found + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
