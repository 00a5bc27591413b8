"""The demo's base hears its reference: nothing overflows on the way, and another voice is spoken with another one."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
import soxr
import torch

from xtts_finetune.evaluation.instruments.panel import NotMeasured
from xtts_finetune.evaluation.instruments.similarity import SpeakerEncoder
from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.speech.speech import Line, Speaker

RATE = 22_050
LARGEST = 1e3
SENTENCES = ("The farmer sold two black horses on Monday.", "The captain walked down the road in the morning.")
Wave = np.ndarray


@pytest.fixture(scope="module")
def base(demo_folder: Path) -> BaseFiles:
    return BaseFiles(demo_folder / "base")


@pytest.fixture(scope="module")
def references(demo_folder: Path) -> dict[str, Wave]:
    """The demo's voice, and the same a third higher: somebody else."""
    files = sorted((demo_folder / "data/set_a/wavs").glob("*.flac"))[:3]
    own = np.concatenate([soundfile.read(file, dtype="float32")[0] for file in files])
    return {"own": own, "higher": soxr.resample(own, RATE * 1.3, RATE).astype(np.float32)}


def test_no_value_overflows_where_the_reference_is_heard(base: BaseFiles, references: dict[str, Wave]) -> None:
    model = load_model(base)
    model.eval()
    largest: dict[str, float] = {}

    def note(name: str) -> object:
        def hook(module: torch.nn.Module, inputs: object, output: object) -> None:
            if isinstance(output, torch.Tensor):
                assert bool(torch.isfinite(output).all()), name
                largest[name] = max(largest.get(name, 0.0), float(output.abs().max()))

        return hook

    for part in ("conditioning_encoder", "conditioning_perceiver"):
        for name, module in getattr(model.gpt, part).named_modules():
            module.register_forward_hook(note(f"{part}.{name}"))
    for wave in references.values():
        found = model.get_gpt_cond_latents(torch.from_numpy(wave)[None], RATE, length=6, chunk_length=3)
        assert float(found.std()) > 0.01
    assert max(largest.values()) < LARGEST, sorted(largest.items(), key=lambda item: -item[1])[:3]


def test_another_reference_is_another_voice(base: BaseFiles, references: dict[str, Wave]) -> None:
    try:
        encoder = SpeakerEncoder()
    except NotMeasured as error:
        pytest.skip(str(error))
    embedded = {name: encoder.embed(wave, RATE) for name, wave in references.items()}
    settings = InferenceSpec.model_validate({"temperature": 0.6, "top_k": 30, "top_p": 0.8, "repetition_penalty": 1.3})
    likeness: dict[tuple[str, str], float] = {}
    for spoken_in, wave in references.items():
        speaker = Speaker.with_references(base, load_model(base), "preview", [wave])
        said = [speech for _, speech in speaker.speak_many([Line(text, "en", 1) for text in SENTENCES], settings)]
        sound = encoder.embed(np.concatenate([speech.wave for speech in said]), said[0].sample_rate)
        assert sound is not None
        for name, voice in embedded.items():
            assert voice is not None
            likeness[spoken_in, name] = float(sound @ voice)
    assert likeness["own", "own"] > likeness["higher", "own"], likeness
    assert likeness["higher", "higher"] > likeness["own", "higher"], likeness
