"""Many pieces at once give the codes that Coqui's `GPT.generate` gives for each of them alone."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import soundfile
import torch

from testbed.random_base import BaseSize, make_random_base
from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.speech import generation
from xtts_finetune.xtts.speech.generation import MOST_ROWS, Choice, Piece, Said, generate, rows_at_once

DEMO_SENTENCES = (
    "Hello.",
    "Good morning, teacher.",
    "The old sailor carried a little box over the bridge, and the young woman waited by the window.",
    "Where is the blue door?",
    "There are 7 horses and 12 birds in the garden.",
    '"Please open the window," said my mother.',
    "The farmer sold two black horses on Monday.",
    "My sister found a letter under the tree.",
)
DEMO_SETTINGS = InferenceSpec(temperature=0.6, top_k=30, top_p=0.8, repetition_penalty=1.3)
SETTINGS = (InferenceSpec(), DEMO_SETTINGS, InferenceSpec(repetition_penalty=1.0, top_k=1026, top_p=1.0))


class Voice:
    """A model in its state for inference, and what it begins every utterance with."""

    def __init__(self, base: BaseFiles, wave: torch.Tensor) -> None:
        self.model = load_model(base)
        self.model.eval()
        with torch.inference_mode():
            self.conditioning = self.model.get_gpt_cond_latents(wave[None], 22_050, length=6, chunk_length=3)

    def pieces(self, texts: Sequence[str]) -> list[Piece]:
        encode = self.model.tokenizer.encode
        return [
            Piece(torch.tensor(encode(text.lower(), lang="en"), dtype=torch.int32), seed)
            for seed, text in enumerate(texts, 100)
        ]

    def ours(self, pieces: Sequence[Piece], settings: InferenceSpec, sampling: bool) -> dict[int, Said]:
        said = generate(self.model.gpt, self.conditioning, pieces, Choice(settings, sampling))
        return {one.place: one for one in said}

    @torch.inference_mode()
    def coquis(self, piece: Piece, settings: InferenceSpec, sampling: bool) -> torch.Tensor:
        """As `Xtts.inference` calls it, with torch's own random numbers."""
        drawn = settings.model_dump(exclude={"speed", "repetition_penalty"}) if sampling else {}
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(piece.seed)
            codes: torch.Tensor = self.model.gpt.generate(
                cond_latents=self.conditioning,
                text_inputs=piece.tokens[None],
                do_sample=sampling,
                num_beams=1,
                num_return_sequences=1,
                output_attentions=False,
                repetition_penalty=settings.repetition_penalty,
                **drawn,
            )
        return codes[0]


def lively_voice(folder: Path) -> Voice:
    """Random weights, scaled up until text and voice matter: some pieces end soon, some late and some never."""
    noise = torch.rand(44_100, generator=torch.Generator().manual_seed(1)) - 0.5
    voice = Voice(make_random_base(folder, BaseSize(max_audio_tokens=40)), noise)
    with torch.no_grad():
        for block in voice.model.gpt.gpt.h:
            block.attn.c_attn.weight *= 20
            block.attn.c_proj.weight *= 20
        voice.model.gpt.mel_head.weight *= 5
        voice.model.gpt.mel_head.bias[voice.model.gpt.stop_audio_token] = 4.0
    return voice


@pytest.fixture(scope="module")
def random_voice(tmp_path_factory: pytest.TempPathFactory) -> Voice:
    return lively_voice(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def demo_voice(demo_folder: Path) -> Voice:
    base = BaseFiles(demo_folder / "base")
    if base.missing():
        pytest.skip("the demo's base is not there")
    wave, _ = soundfile.read(str(demo_folder / "data/set_a/wavs/demo_a_003.flac"), dtype="float32")
    return Voice(base, torch.from_numpy(wave))


@pytest.mark.parametrize("sampling", [False, True], ids=["greedy", "drawn"])
def test_all_sentences_of_the_demo_at_once_are_coquis(demo_voice: Voice, sampling: bool) -> None:
    pieces = demo_voice.pieces(DEMO_SENTENCES)
    said = demo_voice.ours(pieces, DEMO_SETTINGS, sampling)
    assert sorted(said) == list(range(len(pieces)))
    for place, piece in enumerate(pieces):
        assert torch.equal(said[place].codes, demo_voice.coquis(piece, DEMO_SETTINGS, sampling))
        assert said[place].ended == (1025 in said[place].codes)
    assert len({len(one.codes) for one in said.values()}) > 3  # they did leave one after the other


@pytest.mark.parametrize("settings", SETTINGS)
@pytest.mark.parametrize("sampling", [False, True], ids=["greedy", "drawn"])
def test_random_weights_say_what_coquis_say(random_voice: Voice, settings: InferenceSpec, sampling: bool) -> None:
    texts = ["A", "A longer one.", "And by far the longest one of them all.", "A", "Two.", "One."]
    pieces = random_voice.pieces(texts)
    said = random_voice.ours(pieces, settings, sampling)
    for place, piece in enumerate(pieces):
        assert torch.equal(said[place].codes, random_voice.coquis(piece, settings, sampling))
    lengths = {len(one.codes) for one in said.values()}
    assert len(lengths) > 2 and max(lengths) > 10


def test_code_1_pays_the_penalty_from_the_beginning_as_coquis_does(random_voice: Voice) -> None:
    bias = random_voice.model.gpt.mel_head.bias
    (piece,) = random_voice.pieces(["Hello."])
    before = bias[1].item()
    try:
        with torch.no_grad():
            bias[1] = 12.0  # above all others, but not when divided by 5
        coquis = random_voice.coquis(piece, SETTINGS[0], sampling=False)
        assert torch.equal(random_voice.ours([piece], SETTINGS[0], sampling=False)[0].codes, coquis)
        assert coquis[0] != 1
        assert random_voice.ours([piece], SETTINGS[2], sampling=False)[0].codes[0] == 1
    finally:
        with torch.no_grad():
            bias[1] = before


def test_what_is_said_depends_on_the_text(random_voice: Voice) -> None:
    """Otherwise the tests above would not notice if the texts of a batch were mixed up."""
    pieces = [Piece(piece.tokens, 1) for piece in random_voice.pieces(["One.", "Two.", "Three of them."])]
    said = random_voice.ours(pieces, DEMO_SETTINGS, sampling=False)
    assert len({tuple(one.codes.tolist()) for one in said.values()}) == 3


def test_a_seed_counts_and_the_neighbours_do_not(random_voice: Voice) -> None:
    (tokens,) = {piece.tokens for piece in random_voice.pieces(["Hello there."])}
    alone = random_voice.ours([Piece(tokens, 7)], SETTINGS[0], sampling=True)[0]
    beside = random_voice.ours([Piece(tokens, seed) for seed in (8, 7, 9)], SETTINGS[0], sampling=True)
    assert torch.equal(beside[1].codes, alone.codes)
    assert not torch.equal(beside[0].codes, alone.codes)


def test_what_does_not_fit_at_once_is_said_in_batches_of_equal_size(
    random_voice: Voice, monkeypatch: pytest.MonkeyPatch
) -> None:
    pieces = random_voice.pieces(["A", "Bb.", "Ccc.", "Dddd.", "Eeeee.", "Ffffff.", "Ggggggg."])
    expected = random_voice.ours(pieces, DEMO_SETTINGS, sampling=True)
    sizes: list[int] = []
    whole = generation._generate_batch

    def counted(gpt: Any, conditioning: Any, pieces: Any, places: Any, *others: Any) -> Any:
        sizes.append(len(places))
        return whole(gpt, conditioning, pieces, places, *others)

    monkeypatch.setattr(generation, "rows_at_once", lambda *_: 3)
    monkeypatch.setattr(generation, "_generate_batch", counted)
    said = random_voice.ours(pieces, DEMO_SETTINGS, sampling=True)
    assert sizes == [2, 2, 3]
    assert all(torch.equal(said[place].codes, expected[place].codes) for place in range(len(pieces)))


def test_nothing_is_said_to_nothing(random_voice: Voice) -> None:
    assert random_voice.ours([], SETTINGS[0], sampling=True) == {}


def test_who_stops_it_does_not_wait(random_voice: Voice) -> None:
    steps: list[int] = []

    def stop_at_the_third() -> None:
        steps.append(1)
        if len(steps) == 3:
            raise InterruptedError

    pieces = random_voice.pieces(["Hello there.", "A"])
    choice = Choice(SETTINGS[0], sampling=False)
    with pytest.raises(InterruptedError):
        list(generate(random_voice.model.gpt, random_voice.conditioning, pieces, choice, stop_at_the_third))
    assert len(steps) == 3


@pytest.mark.parametrize(
    ("layers", "width", "positions", "rows"),
    [
        (6, 192, 500, MOST_ROWS),  # the demo: more would fit
        (30, 1024, 800, 10),  # XTTS v2
        (300, 10_240, 10_000, 1),  # even one is too large: tried all the same
    ],
)
def test_the_cpu_takes_as_many_as_2_gib_hold(layers: int, width: int, positions: int, rows: int) -> None:
    gpt = SimpleNamespace(layers=layers, model_dim=width)
    assert rows_at_once(gpt, positions, torch.device("cpu")) == rows


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_says_the_same_at_once_and_alone(tmp_path: Path) -> None:
    voice = lively_voice(tmp_path)
    voice.model.cuda()
    voice.conditioning = voice.conditioning.cuda()
    pieces = [Piece(piece.tokens.cuda(), piece.seed) for piece in voice.pieces(DEMO_SENTENCES)]
    for sampling in (False, True):
        said = voice.ours(pieces, DEMO_SETTINGS, sampling)
        alone = [voice.ours([piece], DEMO_SETTINGS, sampling)[0].codes for piece in pieces]
        equal = [torch.equal(said[place].codes, codes) for place, codes in enumerate(alone)]
        # Products round by the size of the batch: of so many, one may part where two codes were equally likely.
        assert sum(equal) >= len(equal) - 1
