"""What may be asked of the server, and what it refuses: OpenAI's call, and those of an XTTS server."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from xtts_finetune.speaking.sayable import no_such_voice, no_words, unspeakable
from xtts_finetune.speaking.serving.desk import Asked
from xtts_finetune.speaking.serving.encoding import Format
from xtts_finetune.speaking.speaking_models import SpeakingModel
from xtts_finetune.spec.languages import as_xtts_names_it, language_problem
from xtts_finetune.spec.utterances import InferenceSpec, RepetitionPenalty, Temperature, TopK, TopP

MOST_CHARACTERS = 4096
"""Of a text, as in OpenAI's call; `speak` is for whole books."""
OPENAI_VOICES = ("alloy", "ash", "ballad", "cedar", "coral", "echo", "fable", "marin", "nova", "onyx", "sage",
                 "shimmer", "verse")  # fmt: skip
"""What programs ask for that were made for OpenAI's own voices: they get the model's own one."""
OPENAI_MODELS = ("tts-1", "tts-1-hd", "gpt-4o-mini-tts")

Text = Annotated[str, Field(min_length=1, max_length=MOST_CHARACTERS, description="What to say.")]
Seed = Annotated[int, Field(ge=0, lt=2**32, description="Another number, another take.")]


class Refused(Exception):
    """What is not done, and why; `param` is the value that is at fault."""

    def __init__(self, status: int, message: str, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.message, self.param, self.code = status, message, param, code


class NamedVoice(BaseModel):
    """A voice as OpenAI's call may name one too."""

    id: str


class SpeechRequest(BaseModel):
    """OpenAI's `POST /v1/audio/speech`; the last six are this server's own. What else is sent is passed over."""

    input: Text
    model: str = Field("", description="The model's name, or one of OpenAI's; there is only this one.")
    voice: str | NamedVoice | None = Field(None, description="One of the model's voices; one of OpenAI's is its own.")
    response_format: Format = "mp3"
    speed: Annotated[float, Field(ge=0.25, le=4, allow_inf_nan=False)] = 1.0
    stream_format: Literal["audio"] = "audio"
    language: str | None = Field(None, description="Of the text, such as en or hu; left out, the model's.")
    seed: Seed = 1
    temperature: Temperature | None = None
    top_k: TopK | None = None
    top_p: TopP | None = None
    repetition_penalty: RepetitionPenalty | None = None


class TavernSpeech(BaseModel):
    """`POST /tts_to_audio` of an XTTS server: the voice is called `speaker_wav`."""

    text: Text
    speaker_wav: str | None = None
    language: str | None = None


class TavernSettings(BaseModel):
    """`POST /set_tts_settings` of an XTTS server; what else is sent is passed over."""

    temperature: Temperature = 0.75
    top_k: TopK = 50
    top_p: TopP = 0.85
    repetition_penalty: RepetitionPenalty = 5.0
    speed: Annotated[float, Field(ge=0.25, le=4, allow_inf_nan=False)] = 1.0

    def moved(self) -> dict[str, Any]:
        """Those that were moved: SillyTavern sends all of them at its start, as they are without anybody's wish."""
        return {name: value for name, value in self if value != type(self).model_fields[name].default}


def settings_of(judged: Mapping[str, Any], changed: Mapping[str, Any]) -> InferenceSpec:
    """The model's settings with `changed` ones; a speed of 1 is the model's own."""
    given = {name: value for name, value in changed.items() if value is not None}
    own = InferenceSpec.model_validate(dict(judged))
    speed = min(max(own.speed * float(given.pop("speed", 1.0)), 0.21), 4.99)
    return own.model_copy(update={**given, "speed": speed})


def asked_of(
    model: SpeakingModel,
    text: str,
    voice: str | None,
    language: str | None,
    settings: InferenceSpec,
    seed: int,
    format: Format,
    whole: bool = False,
) -> Asked:
    """What the model is to speak. Raises Refused for what it cannot, as far as that is told beforehand."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise Refused(400, "the text has half a character in it (a lone surrogate)", "input") from None
    if problem := no_words(text):
        raise Refused(400, problem, "input")
    if voice is not None and voice not in model.voices and voice.casefold() in OPENAI_VOICES:
        voice = None
    if problem := no_such_voice(model, voice):
        raise Refused(400, problem, "voice")
    spoken = model.language if language is None else as_xtts_names_it(language)
    if problem := language_problem(spoken):
        raise Refused(400, problem, "language")
    if problem := unspeakable(model, text, spoken):
        raise Refused(400, f"the text cannot be spoken{problem}", "input")
    return Asked(text, spoken, None if voice == model.voices[0] else voice, settings, seed, format, whole)


def check_model(name: str, asked: str) -> None:
    """Raise Refused for a model that this server does not have."""
    if asked and asked != name and asked not in OPENAI_MODELS:
        raise Refused(404, f"there is no model '{asked[:60]}'; this server speaks with '{name}'", "model",
                      "model_not_found")  # fmt: skip
