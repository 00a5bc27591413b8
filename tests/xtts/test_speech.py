"""Text to speech on a tiny base with random weights: what must hold whatever the model has learnt."""

from __future__ import annotations

import numpy as np
import pytest
import torch

from testbed.random_base import BaseSize, make_random_base
from xtts_finetune.errors import UserError
from xtts_finetune.spec.pipeline import Vocoder as VocoderName
from xtts_finetune.spec.utterances import InferenceSpec
from xtts_finetune.xtts.base import BaseFiles
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.speech.speech import Line, Speaker

SETTINGS = InferenceSpec()
SIZE = BaseSize(max_audio_tokens=15, max_text_tokens=60, with_hifigan=True)
MOST_CODES = 12  # Coqui's GPT generates three fewer than its audio tokens


def voice(seed: int = 1, seconds: float = 2.0) -> np.ndarray:
    return np.random.default_rng(seed).uniform(-0.3, 0.3, int(22_050 * seconds)).astype(np.float32)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> BaseFiles:
    return make_random_base(tmp_path_factory.mktemp("base"), SIZE)


@pytest.fixture(scope="module")
def speaker(base: BaseFiles) -> Speaker:
    return Speaker.with_references(base, load_model(base), "preview", [voice()])


@pytest.fixture(scope="module")
def greedy(base: BaseFiles) -> Speaker:
    return Speaker.with_references(base, load_model(base), "preview", [voice()], sampling=False)


def test_a_seed_gives_the_same_speech_whatever_was_said_before(speaker: Speaker) -> None:
    first = speaker.speak("Hello there.", "en", SETTINGS, seed=1)
    other = speaker.speak("Hello there.", "en", SETTINGS, seed=2)
    torch.rand(5)
    again = speaker.speak("Hello there.", "en", SETTINGS, seed=1)
    assert np.array_equal(first.wave, again.wave)
    assert not np.array_equal(first.wave, other.wave)


def test_speaking_leaves_the_random_state_alone(speaker: Speaker) -> None:
    before = torch.get_rng_state()
    speaker.speak("Hello.", "en", SETTINGS, seed=1)
    assert torch.equal(before, torch.get_rng_state())


def test_a_text_that_cannot_be_read_is_named_before_anything_is_spoken(speaker: Speaker) -> None:
    lines = [Line("Hello there.", "en", 1), Line("Dne 8. a tak", "cs", 1)]
    with pytest.raises(UserError, match=r"'Dne 8\. a tak' cannot be spoken: .*\"8\.\" in Czech"):
        next(iter(speaker.speak_many(lines, SETTINGS)))


def test_greedy_speech_does_not_depend_on_the_seed(greedy: Speaker) -> None:
    waves = [greedy.speak("Hello there.", "en", SETTINGS, seed).wave for seed in (1, 2)]
    assert np.array_equal(*waves)


def test_one_word_is_spoken_within_the_limit(speaker: Speaker) -> None:
    speech = speaker.speak("Yes", "en", SETTINGS, seed=3)
    assert speech.pieces == ("Yes",)
    assert speech.sample_rate == 22_050
    assert 0 < speech.codes <= MOST_CODES
    assert speech.reached_limit == (speech.codes == MOST_CODES)
    assert speech.seconds == len(speech.wave) / 22_050
    assert np.isfinite(speech.wave).all() and np.abs(speech.wave).max() <= 1


def test_a_model_that_never_ends_is_cut_off_and_that_is_told(base: BaseFiles) -> None:
    model = load_model(base)
    with torch.no_grad():
        model.gpt.mel_head.bias[model.gpt.stop_audio_token] = -1e4
    speech = Speaker.with_references(base, model, "preview", [voice()]).speak("Hello.", "en", SETTINGS, seed=1)
    assert speech.reached_limit
    assert speech.codes == MOST_CODES


def test_a_model_that_ends_at_once_gives_silence(base: BaseFiles) -> None:
    model = load_model(base)
    with torch.no_grad():
        model.gpt.mel_head.bias[model.gpt.stop_audio_token] = 1e4
    speech = Speaker.with_references(base, model, "preview", [voice()]).speak("Hello.", "en", SETTINGS, seed=1)
    assert (speech.codes, speech.reached_limit) == (0, False)
    assert len(speech.wave) > 0 and not speech.wave.any()


def test_a_text_over_the_tokens_of_the_base_is_spoken_in_pieces(speaker: Speaker) -> None:
    text = "This sentence has more letters than this tiny base has room for, so it is cut in two or more."
    speech = speaker.speak(text, "en", SETTINGS, seed=1)
    assert len(speech.pieces) > 1
    assert " ".join(speech.pieces) == text
    # Each piece alone with the same place in the utterance sounds the same: pieces are simply joined.
    first = speaker.speak(speech.pieces[0], "en", SETTINGS, seed=1)
    assert np.array_equal(first.wave, speech.wave[: len(first.wave)])
    assert len(speech.wave) > len(first.wave)


def test_a_long_text_is_cut_at_coquis_characters_for_the_language(tiny_base: BaseFiles) -> None:
    speaker = Speaker.with_references(tiny_base, load_model(tiny_base), "preview", [voice()])
    text = "A whole sentence of words. " * 20
    pieces = speaker.split(text, "hu")
    assert [len(piece) <= 224 and piece.endswith(".") for piece in pieces] == [True] * 3
    assert len(speaker.split(text, "en")) == 3


def test_temperature_counts(speaker: Speaker) -> None:
    cold = InferenceSpec(temperature=0.01, repetition_penalty=1.0)
    assert not np.array_equal(
        speaker.speak("Hello.", "en", cold, 1).wave, speaker.speak("Hello.", "en", SETTINGS, 1).wave
    )


@pytest.mark.parametrize("setting", [{"top_k": 1}, {"top_p": 1e-6}])
def test_choosing_from_one_code_is_greedy(speaker: Speaker, greedy: Speaker, setting: dict[str, float]) -> None:
    settings = InferenceSpec.model_validate(setting)
    chosen = speaker.speak("Hello.", "en", settings, 1).wave
    assert np.array_equal(chosen, greedy.speak("Hello.", "en", SETTINGS, 1).wave)


@pytest.mark.parametrize(("vocoder", "sampling"), [("preview", False), ("preview", True), ("hifigan", False)])
def test_many_lines_sound_as_each_does_alone(base: BaseFiles, vocoder: VocoderName, sampling: bool) -> None:
    speaker = Speaker.with_references(base, load_model(base), vocoder, [voice()], sampling)
    long = "This sentence has more letters than this tiny base has room for, so it is cut in two or more."
    lines = [Line("Yes.", "en", 1), Line(long, "en", 2), Line("Hello there.", "hu", 3), Line("Yes.", "en", 4)]
    together = dict(speaker.speak_many(lines, SETTINGS))
    assert sorted(together) == [0, 1, 2, 3]
    for place, line in enumerate(lines):
        alone = speaker.speak(line.text, line.language, SETTINGS, line.seed)
        assert np.array_equal(together[place].wave, alone.wave)
        assert (together[place].pieces, together[place].codes) == (alone.pieces, alone.codes)
        assert together[place].reached_limit == alone.reached_limit
    assert len(together[1].pieces) > 1


def test_nothing_is_spoken_if_one_line_has_no_words(speaker: Speaker) -> None:
    with pytest.raises(UserError, match="nothing to say"):
        next(speaker.speak_many([Line("Yes.", "en", 1), Line(" ", "en", 1)], SETTINGS))


def test_what_stops_the_steps_stops_the_speaking(speaker: Speaker) -> None:
    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        next(speaker.speak_many([Line("Yes.", "en", 1)], SETTINGS, stop))


def test_a_fault_of_the_vocoder_is_not_swallowed(base: BaseFiles) -> None:
    class Broken:
        sample_rate = 22_050
        threads = 2

        def wave(self, generated: object, speed: float = 1.0) -> np.ndarray:
            raise RuntimeError("no sound")

    speaker = Speaker.with_references(base, load_model(base), Broken(), [voice()])
    with pytest.raises(RuntimeError, match="no sound"):
        speaker.speak("Yes.", "en", SETTINGS, 1)


@pytest.fixture(scope="module")
def hifigan(base: BaseFiles) -> Speaker:
    return Speaker.with_references(base, load_model(base), "hifigan", [voice()], sampling=False)


def test_the_voice_comes_from_the_reference(base: BaseFiles, hifigan: Speaker) -> None:
    tone = 0.3 * np.sin(np.arange(22_050) * 0.05).astype(np.float32)
    other = Speaker.with_references(base, load_model(base), "hifigan", [voice(), tone], sampling=False)
    waves = [speaker.speak("Hello.", "en", SETTINGS, 1).wave for speaker in (hifigan, other)]
    assert len(waves[0]) == len(waves[1])
    assert np.abs(waves[0] - waves[1]).max() > 1e-5


def test_hifigan_speaks_at_24_khz(hifigan: Speaker) -> None:
    speech = hifigan.speak("Hello there.", "en", SETTINGS, 1)
    assert speech.sample_rate == hifigan.sample_rate == 24_000
    with_stop = speech.codes + (not speech.reached_limit)
    assert len(speech.wave) == pytest.approx(with_stop * 1024 * 24_000 / 22_050, abs=2 * 256)


def test_hifigan_gives_what_coquis_inference_gives(base: BaseFiles, hifigan: Speaker) -> None:
    model = load_model(base)
    model.eval()
    audio = torch.from_numpy(voice())[None]
    conditioning = model.get_gpt_cond_latents(audio, 22_050, length=12, chunk_length=4)
    embedding = model.get_speaker_embedding(audio, 22_050)
    expected = model.inference(
        "Hello there.", "en", conditioning, embedding, do_sample=False, repetition_penalty=5.0, speed=1.25
    )["wav"]
    got = hifigan.speak("Hello there.", "en", InferenceSpec(speed=1.25), seed=1)
    assert np.allclose(got.wave, expected, atol=1e-6)


@pytest.mark.parametrize(("references", "message"), [([], "no reference"), ([voice(seconds=0.2)], "too short")])
def test_a_voice_needs_a_reference(base: BaseFiles, references: list[np.ndarray], message: str) -> None:
    with pytest.raises(UserError, match=message):
        Speaker.with_references(base, load_model(base), "preview", references)


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("vocoder", ["preview", "hifigan"])
def test_a_gpu_speaks_the_same_for_a_seed_too(base: BaseFiles, vocoder: VocoderName) -> None:
    speaker = Speaker.with_references(base, load_model(base, None, "cuda"), vocoder, [voice()])
    waves = [speaker.speak("Hello there.", "en", SETTINGS, 1).wave for _ in range(2)]
    assert np.allclose(*waves, atol=1e-4)
    assert np.isfinite(waves[0]).all()
