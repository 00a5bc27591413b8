"""Base and prepared clips for one size of train_speed: `python -m benchmarks.train_speed_prepare JOB`."""

from __future__ import annotations

import json
import shutil
import sys
from itertools import cycle
from pathlib import Path

import numpy as np
import soundfile

from testbed.random_base import XTTS_V2, BaseSize, make_random_base
from xtts_finetune.data.prepare import prepare
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.encoder import AudioEncoder
from xtts_finetune.xtts.tokenizer import Tokenizer

DEMO = Path(__file__).parents[1] / "samples" / "demo"
SIZES = {
    "mid": BaseSize(layers=12, width=768, heads=12, text_tokens=608, with_hifigan=True),
    "full": XTTS_V2,
}
RATE, CLIPS, SECONDS, PAUSE, SEED = 22_050, 72, (3.0, 10.0), 0.2, 5

PIPELINE = """
name: speed
base: ./base
language: en
datasets: [{name: voice, path: voice, format: ljspeech}]
eval_set: {fraction: 0.1, at_least: 8}
phases: [phase1]
"""


def main(job: dict[str, str]) -> None:
    folder = Path(job["folder"])
    if (folder / "run" / "speed" / "data.json").is_file():
        return
    (folder / "voice" / "wavs").mkdir(parents=True, exist_ok=True)
    if job["size"] == "demo":
        shutil.copytree(DEMO / "base", folder / "base", dirs_exist_ok=True)
        _write_clips(folder / "voice", _demo_clips())
    else:
        make_random_base(folder / "base", SIZES[job["size"]])
        if job["size"] == "mid":
            # The demo's vocabulary has pieces of words, as XTTS v2's has, and its DVAE tells sounds apart, which one
            # with random weights does not.
            for name in ("vocab.json", "dvae.pth", "mel_stats.pth"):
                shutil.copyfile(DEMO / "base" / name, folder / "base" / name)
        _write_clips(folder / "voice", _joined(_demo_clips()))
    for part in ("phases", "eval"):
        (folder / part).mkdir(exist_ok=True)
    rows = "rows: [{mel_ce: {below: 99}, ship: phase1, verdict: trained}]"
    files = {
        "pipeline.yaml": PIPELINE,
        "phases/phase1.yaml": "learning_rate: 1.0e-6\nsteps: 1\n",
        "eval/utterances.yaml": "sentences: [{id: hello, text: Hello.}]",
        "eval/decision_matrix.yaml": rows,
    }
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    declaration = load_declaration(folder / "pipeline.yaml")
    base, run = BaseFiles(folder / "base"), RunFolder(declaration.run_folder)
    prepare(declaration, Tokenizer(base.vocab), AudioEncoder(base), run, lambda *_: None)


def _demo_clips() -> list[tuple[np.ndarray, str]]:
    """Sound at 22 050 Hz and text of every clip of the demo."""
    clips = []
    for metadata in sorted((DEMO / "data").glob("*/metadata.csv")):
        for line in metadata.read_text(encoding="utf-8").splitlines():
            name, text, *_ = line.split("|")
            found = [*metadata.parent.glob(f"wavs/{name}.*"), *metadata.parent.glob(name)]
            if found:
                wave, rate = soundfile.read(found[0], dtype="float32")
                assert rate == RATE
                clips.append((wave, text))
    return clips


def _joined(clips: list[tuple[np.ndarray, str]]) -> list[tuple[np.ndarray, str]]:
    """Clips of realistic length: one after the other with a pause, until a drawn length is reached."""
    generator, endless = np.random.default_rng(SEED), cycle(clips)
    pause = np.zeros(int(PAUSE * RATE), dtype=np.float32)
    joined = []
    for wanted in generator.uniform(*SECONDS, CLIPS):
        wave, text = np.zeros(0, dtype=np.float32), ""
        while len(wave) < wanted * RATE:
            more, words = next(endless)
            wave, text = np.concatenate([wave, pause, more]), f"{text} {words}"
        joined.append((wave[: int(wanted * RATE)], text.strip()))
    return joined


def _write_clips(folder: Path, clips: list[tuple[np.ndarray, str]]) -> None:
    lines = []
    for number, (wave, text) in enumerate(clips):
        soundfile.write(folder / "wavs" / f"{number}.wav", wave, RATE)
        lines.append(f"{number}|{text}|{text}")
    (folder / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")


if __name__ == "__main__":
    main(json.loads(sys.argv[1]))
