"""Which damages of speech the gate and the instruments catch, and whether they leave clean recordings alone.

    python -m benchmarks.gate_damages                     prints a table over 24 recordings of the demo
    python -m benchmarks.gate_damages --count 65 --out damages.json

Each recording is damaged in eleven ways by seeded chance. 'gate' is what is found from the sound and its text alone;
'beside the voice' adds the instruments that compare with other recordings of the voice (those that are installed);
'held out' adds the line's own recording, as for lines of the eval set. A damage counts as caught where nine of ten are.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt
import soundfile
import soxr
from scipy.signal import butter, sosfiltfilt

from xtts_finetune.evaluation.gate import faults_of
from xtts_finetune.evaluation.instruments.frames import paces_of
from xtts_finetune.evaluation.instruments.instrument import Sound, Take
from xtts_finetune.evaluation.instruments.panel import Panel
from xtts_finetune.evaluation.scores import read_utterance, voice_faults
from xtts_finetune.evaluation.voice import measure_voice
from xtts_finetune.machine.packages import librosa_loaded
from xtts_finetune.records.clips import ClipRecord
from xtts_finetune.records.heard.scores import UtteranceScores

DEMO = Path(__file__).parents[1] / "samples" / "demo" / "data"
RATE = 22_050
CAUGHT = 0.9
STAGES = ("gate", "beside the voice", "held out")

Wave = npt.NDArray[np.float32]
Damage = Callable[[Wave, np.random.Generator], Wave]


def silence(wave: Wave, random: np.random.Generator) -> Wave:
    """Nothing but the last bit of a 16-bit file."""
    return (random.standard_normal(len(wave)) / 2**15).astype(np.float32)


def noise(wave: Wave, random: np.random.Generator) -> Wave:
    """White noise as loud as the voice."""
    return wave + _rms(wave) * random.standard_normal(len(wave))


def clipping(wave: Wave, random: np.random.Generator) -> Wave:
    """6 dB more than full scale."""
    return np.clip(2.0 * wave / np.abs(wave).max(), -1.0, 1.0)


def cut_end(wave: Wave, random: np.random.Generator) -> Wave:
    """The last 15 to 40 % are missing, wherever that falls."""
    return wave[: round(len(wave) * random.uniform(0.6, 0.85))]


def repeated_words(wave: Wave, random: np.random.Generator) -> Wave:
    """0.4 to 0.8 s said twice, two or three words, joined over 5 ms."""
    length, fade = round(random.uniform(0.4, 0.8) * RATE), round(0.005 * RATE)
    start = round(random.uniform(0.1, 0.6) * len(wave))
    first, again = wave[: start + length].copy(), wave[start:].copy()
    rise = np.linspace(0.0, 1.0, fade, dtype=np.float32)
    again[:fade] = rise * again[:fade] + (1 - rise) * first[-fade:]
    return np.concatenate([first[:-fade], again])


def other_voice(wave: Wave, random: np.random.Generator) -> Wave:
    """Pitch and formants 20 to 30 % higher or lower, at the same pace."""
    factor = random.uniform(1.2, 1.3) ** random.choice([-1, 1])
    return librosa_loaded().effects.time_stretch(soxr.resample(wave, RATE * factor, RATE), rate=1.0 / factor)


def pause(wave: Wave, random: np.random.Generator) -> Wave:
    """3 s of silence in the middle."""
    half = len(wave) // 2
    return np.concatenate([wave[:half], np.zeros(3 * RATE, dtype=np.float32), wave[half:]])


def noise_tail(wave: Wave, random: np.random.Generator) -> Wave:
    """1 s of hiss after the end, 15 to 25 dB beneath the voice."""
    level = _rms(wave) * 10.0 ** (-random.uniform(15.0, 25.0) / 20.0)
    return np.concatenate([wave, level * random.standard_normal(RATE)])


def low_pass(wave: Wave, random: np.random.Generator) -> Wave:
    """Nothing above 3.5 kHz, as over a telephone."""
    return sosfiltfilt(butter(8, 3500.0, fs=RATE, output="sos"), wave)


def speed(wave: Wave, random: np.random.Generator) -> Wave:
    """1.6 times as fast or as slow, at the same pitch."""
    return librosa_loaded().effects.time_stretch(wave, rate=1.6 ** random.choice([-1, 1]))


DAMAGES: dict[str, Damage] = {
    "clean": lambda wave, random: wave,
    "silence": silence,
    "noise": noise,
    "clipping": clipping,
    "cut end": cut_end,
    "repeated words": repeated_words,
    "other voice": other_voice,
    "3 s pause": pause,
    "noise tail": noise_tail,
    "low-pass": low_pass,
    "speed change": speed,
    "wrong text": lambda wave, random: wave,  # a sound recording, of another text
}


@dataclass(frozen=True)
class Row:
    """Shares of damaged recordings with a fault, by what was asked, and the faults that were named."""

    damage: str
    shares: dict[str, float]
    named: dict[str, int]

    @property
    def caught(self) -> bool:
        return max(self.shares.values()) >= CAUGHT


class Bench:
    """The demo's recordings as a voice: one half measured, as training clips are, the other half damaged."""

    def __init__(self, folder: Path) -> None:
        clips = read_demo()
        self.folder = folder
        self.panel = Panel()
        self.own, self.damaged = clips[::2], clips[1::2]
        self.voice = measure_voice(self.own, "", self.panel, lambda done, total: None)
        self.paces = paces_of(self.own)
        self.texts = tuple(clip.text for clip in clips)

    def row(self, damage: str, count: int) -> Row:
        """`count` recordings, damaged so."""
        hits, named = Counter[str](), Counter[str]()
        chosen = (self.damaged * 3)[:count]
        for number, clip in enumerate(chosen):
            random = np.random.default_rng([number, list(DAMAGES).index(damage)])
            other = chosen[(number + 1) % len(chosen)]
            wave = DAMAGES[damage](read(other if damage == "wrong text" else clip), random)
            found = self.faults(wave.astype(np.float32), clip)
            for stage in STAGES:
                hits[stage] += bool(found[stage])
            named.update({name for names in found.values() for name in names})
        return Row(damage, {stage: hits[stage] / count for stage in STAGES}, dict(named.most_common()))

    def faults(self, wave: Wave, clip: ClipRecord) -> dict[str, list[str]]:
        """Names of the faults found at each stage, the earlier ones included."""
        file = self.folder / "damaged.wav"
        soundfile.write(file, np.clip(wave, -1.0, 1.0), RATE, subtype="PCM_16")
        sound = Sound.of(file)
        gate = faults_of(sound.wave, RATE, clip.text, False, self.paces[clip.language])
        scores = UtteranceScores(clip.id, 1, file.name, clip.text)
        take = Take(sound, clip.text, clip.language, clip.text, self.panel, self.voice, others=lambda: self.texts)
        beside = voice_faults(take, read_utterance(scores, take))
        with_own = replace(take, recording=Sound.of(clip.audio))
        held_out = voice_faults(with_own, read_utterance(scores, with_own))
        found = [[fault.name for fault in faults] for faults in (gate, beside, held_out)]
        return {
            STAGES[0]: found[0],
            STAGES[1]: [*found[0], *found[1]],
            STAGES[2]: [*found[0], *found[1], *found[2]],
        }


def read_demo() -> list[ClipRecord]:
    """All 65 recordings of the demo's voice."""
    clips = []
    for name in ("set_a", "set_b"):
        lines = (DEMO / name / "metadata.csv").read_text(encoding="utf-8").splitlines()
        for number, line in enumerate(lines[name == "set_b" :]):
            file, text, _ = line.split("|")
            audio = DEMO / name / (file if name == "set_b" else f"wavs/{file}.flac")
            clips.append(_clip(f"{name}_{number}", audio, text))
    return clips


def read(clip: ClipRecord) -> Wave:
    """(samples,) at 22 050 Hz."""
    wave: Wave = soundfile.read(clip.audio, dtype="float32")[0]
    return wave


def _clip(name: str, audio: Path, text: str) -> ClipRecord:
    seconds = soundfile.info(str(audio)).duration
    return ClipRecord(name, "demo", audio, text, "demo", "en", seconds, name, "train", 0)


def _rms(wave: Wave) -> float:
    return float(np.sqrt(np.mean(np.square(wave, dtype=np.float64))))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--count", type=int, default=24, help="recordings to damage, at most 96")
    parser.add_argument("--out", type=Path, help="write the table as JSON")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder))
        print(f"{'':16}" + "".join(f"{stage:>18}" for stage in STAGES) + "   named")
        rows = []
        for damage in DAMAGES:
            row = bench.row(damage, arguments.count)
            rows.append(row)
            shares = "".join(f"{share:18.0%}" for share in row.shares.values())
            print(f"{damage:16}{shares}   {', '.join(f'{k} {v}' for k, v in row.named.items())}", flush=True)
    caught = sum(row.caught for row in rows if row.damage != "clean")
    print(f"{caught} of {len(DAMAGES) - 1} damages are caught; not measured: {bench.panel.missing or 'nothing'}")
    if arguments.out:
        table = [{"damage": row.damage, "shares": row.shares, "named": row.named} for row in rows]
        result = {"count": arguments.count, "caught": caught, "missing": bench.panel.missing, "rows": table}
        arguments.out.write_text(json.dumps(result, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
