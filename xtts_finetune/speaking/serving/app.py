"""The server's calls: OpenAI's, those that SillyTavern makes to an XTTS server, and a page."""

from __future__ import annotations

import time
from typing import Annotated, Any
from urllib.parse import urlencode

from fastapi import FastAPI, Query
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response

from xtts_finetune.look.templating import html_page
from xtts_finetune.speaking.serving.answers import answer
from xtts_finetune.speaking.serving.asking import (
    MOST_CHARACTERS,
    NamedVoice,
    Refused,
    SpeechRequest,
    TavernSettings,
    TavernSpeech,
    asked_of,
    check_model,
    settings_of,
)
from xtts_finetune.speaking.serving.desk import Desk
from xtts_finetune.speaking.serving.guard import Admitted, Guard, error
from xtts_finetune.speaking.speaking_models import SpeakingModel
from xtts_finetune.spec.languages import LANGUAGES
from xtts_finetune.spec.utterances import InferenceSpec

FIRST_WORDS = "Good morning."
COUNTED = "1, 2, 3, 4, 5."
"""Numbers are written out in every language: a preview in the model's own, without a sentence in it."""
SOUND: dict[int | str, dict[str, Any]] = {
    200: {"content": {"audio/*": {}}, "description": "The sound, while it is spoken."}
}


def make_app(model: SpeakingModel, desk: Desk, admitted: Admitted) -> FastAPI:
    """The application; `desk` speaks with `model`, which is loaded."""
    name, begun = model.voices[0], int(time.time())
    app = FastAPI(title=f"{name}, by xtts-finetune", docs_url=None, redoc_url=None,
                  middleware=[Middleware(Guard, admitted=admitted)])  # fmt: skip
    _refusals(app)
    _openai(app, model, desk, {"id": name, "object": "model", "created": begun, "owned_by": "xtts-finetune"})
    _tavern(app, model, desk)
    page = _page(app, model, bool(admitted.token))

    @app.get("/", include_in_schema=False)
    @app.get("/docs", include_in_schema=False)
    def show() -> Response:
        return HTMLResponse(page)

    return app


def _openai(app: FastAPI, model: SpeakingModel, desk: Desk, listed: dict[str, Any]) -> None:
    @app.post("/v1/audio/speech", response_class=Response, responses=SOUND, tags=["OpenAI"])
    async def speech(asked: SpeechRequest, request: Request) -> Response:
        """Speak a text; the sound comes while it is spoken."""
        check_model(listed["id"], asked.model)
        settings = settings_of(
            model.judged,
            asked.model_dump(include={"temperature", "top_k", "top_p", "repetition_penalty", "speed"}),
        )
        voice = asked.voice.id if isinstance(asked.voice, NamedVoice) else asked.voice
        wanted = asked_of(model, asked.input, voice, asked.language, settings, asked.seed, asked.response_format)
        return await answer(desk, wanted, request)

    @app.get("/v1/models", tags=["OpenAI"])
    def models() -> dict[str, Any]:
        """The model that speaks."""
        return {"object": "list", "data": [listed]}

    @app.get("/v1/models/{name}", tags=["OpenAI"])
    def one_model(name: str) -> dict[str, Any]:
        """The same, by its name."""
        check_model(listed["id"], name)
        return listed

    @app.get("/v1/audio/voices", tags=["OpenAI"])
    def voices() -> dict[str, Any]:
        """The model's voices, as Open WebUI and others ask for them."""
        return {"voices": [{"id": voice, "name": voice} for voice in model.voices]}


def _tavern(app: FastAPI, model: SpeakingModel, desk: Desk) -> None:
    settings = settings_of(model.judged, {})

    def wanted(text: str, speaker_wav: str | None, language: str | None, whole: bool) -> Any:
        voice = (speaker_wav or "").removesuffix(".wav") or None
        return asked_of(model, text, voice, language, settings, seed=1, format="wav", whole=whole)

    @app.post("/tts_to_audio", include_in_schema=False)
    @app.post("/tts_to_audio/", response_class=Response, responses=SOUND, tags=["XTTS server"])
    async def tts_to_audio(asked: TavernSpeech, request: Request) -> Response:
        """Speak a text into a WAV file."""
        return await answer(desk, wanted(asked.text, asked.speaker_wav, asked.language, True), request)

    @app.get("/tts_stream/", include_in_schema=False)
    @app.get("/tts_stream", response_class=Response, responses=SOUND, tags=["XTTS server"])
    async def tts_stream(
        text: Annotated[str, Query(min_length=1, max_length=MOST_CHARACTERS)],
        request: Request,
        speaker_wav: str | None = None,
        language: str | None = None,
    ) -> Response:
        """Speak a text; the sound comes as WAV while it is spoken."""
        return await answer(desk, wanted(text, speaker_wav, language, False), request)

    @app.get("/speakers", tags=["XTTS server"])
    def speakers(request: Request) -> list[dict[str, str]]:
        """The model's voices, each with something to hear."""
        heard = f"{request.base_url}tts_stream?"
        return [
            {
                "name": voice,
                "voice_id": voice,
                "preview_url": heard + urlencode({"text": COUNTED, "speaker_wav": voice, "language": model.language}),
            }
            for voice in model.voices
        ]

    @app.get("/speakers_list", tags=["XTTS server"])
    def speakers_list() -> list[str]:
        """The names of the voices."""
        return list(model.voices)

    @app.get("/languages", tags=["XTTS server"])
    def languages() -> dict[str, Any]:
        """The languages of XTTS; the model was trained in one of them."""
        return {"languages": {name: code for code, name in LANGUAGES.items()}}

    @app.post("/set_tts_settings", tags=["XTTS server"])
    def set_tts_settings(asked: TavernSettings) -> dict[str, str]:
        """Settings for the two calls above; what is as SillyTavern has it at first stays as the model was judged."""
        nonlocal settings
        settings = settings_of(model.judged, asked.moved())
        return {"message": "Settings successfully applied"}

    @app.get("/get_tts_settings", tags=["XTTS server"])
    def get_tts_settings() -> InferenceSpec:
        """The settings that these two calls speak with."""
        return settings


def _refusals(app: FastAPI) -> None:
    """Every refusal looks as OpenAI's clients read it."""

    def refused(_: Request, problem: Any) -> Response:
        again = {"Retry-After": "2"} if problem.status == 429 else None
        told = error(problem.message, problem.status, problem.param, problem.code)
        return JSONResponse(told, problem.status, again)

    def invalid(_: Request, problem: Any) -> Response:
        found = problem.errors()[0]
        place = ".".join(str(part) for part in found["loc"] if part not in ("body", "query"))
        told = found["msg"] if found["type"] != "json_invalid" else f"the body is no JSON ({found['ctx']['error']})"
        return JSONResponse(error(f"{place}: {told}" if place else str(told), 400, place or None), 400)

    def other(_: Request, problem: Any) -> Response:
        return JSONResponse(error(str(problem.detail), problem.status_code), problem.status_code, problem.headers)

    app.add_exception_handler(Refused, refused)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, other)


def _page(app: FastAPI, model: SpeakingModel, locked: bool) -> str:
    """What people see: a text to be spoken, and how programs ask."""
    calls = [
        {"method": method.upper(), "path": path, "says": call["description"], "kind": call["tags"][0]}
        for path, methods in app.openapi()["paths"].items()
        for method, call in methods.items()
    ]
    return html_page(
        "serve.html.j2",
        styles=("serve.css",),
        scripts=("serve.js",),
        data={"locked": locked},
        served=True,
        name=model.voices[0],
        voices=model.voices,
        calls=calls,
        locked=locked,
        words=FIRST_WORDS,
        most=MOST_CHARACTERS,
    )
