"""How well a run's candidates speak: words by Whisper, the voice by a speaker encoder, with the recordings beside them.

    python -m benchmarks.demo_speech run/demo                       a table, and run/demo/speech.json
    python -m benchmarks.demo_speech run/demo --whisper FOLDER      read by another Whisper

Beside the recordings stands what the base's codec leaves of them, and what its preview makes of the GPT's latents for
them: no candidate can do better. Word errors are over ordinary sentences alone. English only.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import soxr
import torch

from benchmarks.ears import LikeTheVoice, Said, Words, at_16_khz, ge2e
from xtts_finetune.data.hearing.recogniser import RATE, Wave
from xtts_finetune.numbers.fixed import SAMPLE_RATE
from xtts_finetune.records.heard.scores import read_scores
from xtts_finetune.records.run_folder import RunFolder
from xtts_finetune.xtts.base import BaseFiles, find_base
from xtts_finetune.xtts.encoder import AudioEncoder, load_dvae, load_mel_stats
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.speech.vocoder import CodesPreview, Generated, make_vocoder
from xtts_finetune.xtts.speech.voice import as_xtts_wants, conditioning_latents
from xtts_finetune.xtts.tokenizer import Tokenizer

RECORDINGS = 40


@dataclass(frozen=True)
class Measures:
    """`word_errors` over ordinary sentences, `failing` of so many `spoken`; None where nothing was checked."""

    sentences: int
    word_errors: float
    likeness: float
    failing: int | None = None
    spoken: int | None = None
    mel_ce: float | None = None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("run", type=Path, help="folder of a run, such as run/demo")
    parser.add_argument("--base", default="samples/demo/base")
    parser.add_argument("--whisper", help="a model's name or folder")
    given = parser.parse_args()
    torch.set_num_threads(1)
    run = RunFolder(given.run)
    clips = [json.loads(line) for line in run.clips.read_text(encoding="utf-8").splitlines()]
    recordings = [Said.of_file(clip["text"], run.root / clip["audio"]) for clip in clips]
    words, voice = Words(given.whisper), LikeTheVoice(ge2e(), recordings)
    some = sorted(recordings, key=lambda each: not each.ordinary)[:RECORDINGS]

    def measure(said: Sequence[Said], **more: float | int | None) -> Measures:
        ordinary = [each for each in said if each.ordinary]
        return Measures(len(ordinary), words.error_rate(ordinary), voice.mean(said), **more)  # type: ignore[arg-type]

    reborn = Reborn(find_base(given.base), some[:3])
    table = {
        "recordings": measure(some),
        "codec": measure([reborn.by_codes(each) for each in some]),
        "latents": measure([reborn.by_latents(each) for each in some]),
    }
    decision = json.loads(run.decision.read_text(encoding="utf-8")) if run.decision.is_file() else {}
    mel_ces = {each["name"]: each["mel_ce"] for each in decision.get("candidates", ())}
    for path in sorted(run.root.glob("*/utterances/utterances.json")):
        name, scores = path.parent.parent.name, read_scores(run.candidate(path.parent.parent.name).scores_json)
        failing = (scores.gate_failures, scores.spoken) if scores else (None, None)
        table[name] = measure(said_by(path), failing=failing[0], spoken=failing[1], mel_ce=mel_ces.get(name))
    print(f"read by {words.model.name}\n" + in_words(table))
    kept = {"whisper": words.model.name, **{name: asdict(each) for name, each in table.items()}}
    (run.root / "speech.json").write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")


def said_by(record: Path) -> list[Said]:
    """The samples of an utterances.json."""
    listed = json.loads(record.read_text(encoding="utf-8"))["utterances"]
    return [Said.of_file(each["text"], record.parent / each["file"]) for each in listed]


class Reborn:
    """Recordings as codes and back, and as the base's GPT hears those codes."""

    def __init__(self, base: BaseFiles, references: Sequence[Said]) -> None:
        self.model = load_model(base)
        self.model.eval()
        self._encoder, self._tokenizer = AudioEncoder(base), Tokenizer(base.vocab)
        self._decoder = CodesPreview(load_dvae(base.dvae), load_mel_stats(base.mel_stats))
        prepared = as_xtts_wants([_at(each, SAMPLE_RATE) for each in references], self.model)
        self._voice = conditioning_latents(self.model, prepared)
        self._preview = make_vocoder("preview", base, self.model, prepared)

    def by_codes(self, said: Said) -> Said:
        return self._as_said(said, self._decoder.wave(Generated(self._codes(said), latents=torch.Tensor)))

    def by_latents(self, said: Said) -> Said:
        codes = self._codes(said)
        return self._as_said(said, self._preview.wave(Generated(codes, lambda: self.latents(said.text, codes))))

    @torch.inference_mode()
    def latents(self, text: str, codes: torch.Tensor) -> torch.Tensor:
        """(1, codes, model width) of the base's GPT for what was said."""
        gpt = self.model.gpt
        tokens = torch.tensor(self._tokenizer.encode(text, "en"), dtype=torch.int32)[None]
        ended = torch.cat([codes, torch.tensor([gpt.stop_audio_token])])[None]
        lengths = torch.tensor([tokens.shape[1]]), torch.tensor([ended.shape[1] * gpt.code_stride_len])
        found: torch.Tensor = gpt(
            tokens, lengths[0], ended, lengths[1], cond_latents=self._voice, return_attentions=False, return_latent=True
        )
        return found

    def _codes(self, said: Said) -> torch.Tensor:
        return torch.from_numpy(self._encoder.codes(_at(said, SAMPLE_RATE)).astype("int64"))

    @staticmethod
    def _as_said(said: Said, wave: Wave) -> Said:
        return Said(said.text, at_16_khz(wave, SAMPLE_RATE))


def _at(said: Said, rate: int) -> Wave:
    return np.asarray(soxr.resample(said.wave, RATE, rate), dtype=np.float32)


def in_words(table: dict[str, Measures]) -> str:
    lines = [f"{'':12}{'sentences':>10}{'word errors':>13}{'likeness':>10}{'failing':>10}{'mel CE':>9}"]
    for name, each in table.items():
        failing = "-" if each.failing is None else f"{each.failing} of {each.spoken}"
        mel_ce = "-" if each.mel_ce is None else f"{each.mel_ce:.3f}"
        row = f"{each.sentences:10}{each.word_errors:13.1%}{each.likeness:10.3f}{failing:>10}{mel_ce:>9}"
        lines.append(f"{name:12}{row}")
    return "\n".join(lines)


if __name__ == "__main__":
    main()
