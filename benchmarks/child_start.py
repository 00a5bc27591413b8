"""How soon a process that trains or speaks has its model: `python -m benchmarks.child_start [--tries N]`.

Importing torch and Coqui's package, and building a model of XTTS v2's size before any weight is read: as stock does,
and as here. Each try is a process of its own; what is printed is the least of them.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

from benchmarks.memory import peak_bytes

TRIES = ("importing, stock", "importing, here", "building, stock", "building, here")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tries", type=int, default=3)
    parser.add_argument("--only", choices=TRIES, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.only is not None:
        print(json.dumps(measured(options.only)))
        return
    print(f"{'':20}{'clock, s':>10}{'processor, s':>14}{'peak, GB':>12}")
    for what in TRIES:
        clock, processor, memory = map(min, zip(*(in_a_process(what) for _ in range(options.tries)), strict=True))
        print(f"{what:20}{clock:10.2f}{processor:14.2f}{memory:12.2f}")


def in_a_process(what: str) -> list[float]:
    """Seconds of the clock and of the processor, and the gigabytes that the process needed at most."""
    command = [sys.executable, "-m", "benchmarks.child_start", "--only", what]
    done = subprocess.run(command, check=True, capture_output=True, text=True, encoding="utf-8")
    return [float(value) for value in json.loads(done.stdout.splitlines()[-1])]


def measured(what: str) -> list[float]:
    """One try, in this process."""
    task, _, side = what.partition(", ")
    with tempfile.TemporaryDirectory(prefix="child_start_") as folder:
        return timed(task, side, Path(folder))


def timed(task: str, side: str, folder: Path) -> list[float]:
    """What `measured` says, with a folder for the base's files."""
    if task == "building":
        config, base = full_size(folder)
    began, used = time.perf_counter(), time.process_time()
    if task == "building":
        model = build_as_stock(config, base) if side == "stock" else build_here(config, base)
        assert sum(weights.numel() for weights in model.parameters()) > 400e6
    elif side == "stock":
        import TTS.tts.models.xtts  # noqa: F401, PLC0415  what is measured
    else:
        from xtts_finetune.xtts import load_coqui  # noqa: PLC0415

        load_coqui()
    clock, processor = time.perf_counter() - began, time.process_time() - used
    return [clock, processor, peak_bytes() / 1e9]


def full_size(folder: Path) -> tuple[Any, Any]:
    """XTTS v2's size, and a base that has its vocabulary's files; none of its weights is made."""
    from testbed.random_base import XTTS_V2, BaseSize, make_random_base  # noqa: PLC0415
    from xtts_finetune.xtts.model import load_config  # noqa: PLC0415

    base = make_random_base(folder, BaseSize(text_tokens=XTTS_V2.text_tokens))
    config = load_config(base)
    config.model_args.gpt_layers = XTTS_V2.layers
    config.model_args.gpt_n_model_channels = config.model_args.decoder_input_dim = XTTS_V2.width
    config.model_args.gpt_n_heads = XTTS_V2.heads
    return config, base


def build_as_stock(config: Any, base: Any) -> Any:
    """What Coqui's `Xtts.load_checkpoint` does before it reads weights: all layers twice, both times filled."""
    from TTS.tts.models.xtts import Xtts  # noqa: PLC0415

    from xtts_finetune.xtts.tokenizer import load_vocabulary  # noqa: PLC0415

    model = Xtts(config)
    model.tokenizer = load_vocabulary(base.vocab)
    model.init_models()
    return model


def build_here(config: Any, base: Any) -> Any:
    """For weights that have a HiFi-GAN, as XTTS v2's have."""
    from xtts_finetune.xtts.model import build_model  # noqa: PLC0415

    return build_model(config, base, filled=False)


if __name__ == "__main__":
    main()
