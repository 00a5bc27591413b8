"""The server: OpenAI's own client speaks with it, as does SillyTavern; strangers, nonsense and crowds do it no harm."""

from __future__ import annotations

import asyncio
import http.client
import io
import json
import socket
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import av
import numpy as np
import openai
import pytest
import soundfile
import uvicorn
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.speaking.tiny_model import tiny_model
from xtts_finetune.errors import UserError
from xtts_finetune.look.loopback import open_port
from xtts_finetune.speaking.serving.app import make_app
from xtts_finetune.speaking.serving.asking import settings_of
from xtts_finetune.speaking.serving.desk import Asked, Desk, Full
from xtts_finetune.speaking.serving.guard import Admitted
from xtts_finetune.speaking.serving.serve import Wanted, admitted_of
from xtts_finetune.speaking.speaking_models import SpeakingModel, in_voices
from xtts_finetune.spec.utterances import InferenceSpec

ANYBODY_HERE = Admitted()
TOKEN = "a-token-that-is-long-enough"
LONG = " ".join(f"This is sentence number {number} of a text that takes a while." for number in range(40))


@dataclass
class Server:
    port: int
    said: list[str] = field(default_factory=list)

    def ask(
        self, method: str, path: str, body: bytes | str | None = None, **headers: str
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=60)
        if body is not None:
            headers.setdefault("Content-Type", "application/json")
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        connection.request(method, path, body, named)
        answer = connection.getresponse()
        told = {name.lower(): value for name, value in answer.getheaders()}
        read = answer.read()
        connection.close()
        return answer.status, told, read

    def saying(self, words: str, before: int = 0) -> str:
        """The line with these words that the terminal shows, as soon as it does, after the first `before`."""
        for _ in range(600):
            if found := [line for line in self.said[before:] if words in line]:
                return found[0]
            time.sleep(0.05)
        raise AssertionError(f"'{words}' was never said: {self.said}")

    def client(self, key: str = "none") -> openai.OpenAI:
        return openai.OpenAI(base_url=f"http://127.0.0.1:{self.port}/v1", api_key=key, max_retries=0)


@contextmanager
def serving(model: SpeakingModel, admitted: Admitted = ANYBODY_HERE, waiting: int = 64) -> Iterator[Server]:
    listener = open_port(0, "--port")
    server = Server(int(listener.getsockname()[1]))
    desk = Desk(in_voices(model, model.load("cpu")), waiting, server.said.append)
    config = uvicorn.Config(make_app(model, desk, admitted), log_level="critical", lifespan="off")
    running = uvicorn.Server(config)
    thread = threading.Thread(target=lambda: running.run(sockets=[listener]))
    thread.start()
    try:
        yield server
    finally:
        running.should_exit = True
        thread.join()


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> SpeakingModel:
    return tiny_model(tmp_path_factory.mktemp("base"))


@pytest.fixture(scope="module")
def server(model: SpeakingModel) -> Iterator[Server]:
    with serving(model) as server:
        yield server


def decoded(sound: bytes) -> tuple[np.ndarray, int]:
    """(samples,) by FFmpeg, and their rate."""
    with av.open(io.BytesIO(sound)) as file:
        parts = [frame.to_ndarray() for frame in file.decode(audio=0)]
        rate = file.streams.audio[0].rate
    return np.concatenate(parts, axis=1)[0], rate


def spoken(server: Server, **asked: Any) -> bytes:
    with server.client().audio.speech.with_streaming_response.create(
        **{"model": "anna", "voice": "anna", "input": "Good morning.", "response_format": "wav", **asked}
    ) as answer:
        return b"".join(answer.iter_bytes())


@pytest.mark.parametrize("kind", ["mp3", "opus", "aac", "flac", "wav"])
def test_openais_client_hears_every_format(server: Server, kind: str) -> None:
    wav, _ = soundfile.read(io.BytesIO(spoken(server)))
    samples, rate = decoded(spoken(server, response_format=kind))
    assert rate in (24_000, 48_000)
    assert len(samples) / rate == pytest.approx(len(wav) / 24_000, abs=0.12)


def test_pcm_is_the_wav_without_its_head(server: Server) -> None:
    assert spoken(server)[44:] == spoken(server, response_format="pcm")


def test_the_sound_is_what_the_model_says_to_each_sentence(server: Server, model: SpeakingModel) -> None:
    speaker = model.load("cpu")
    first = "This is the first of two sentences, which is said at once."
    text = f"{first} This is the second of two sentences, which is said at once."
    whole = speaker.speak(first, "en", settings_of(model.judged, {}), 5).seconds
    found = len(spoken(server, input=text, response_format="pcm", extra_body={"seed": 5})) / 48_000
    assert whole < found
    assert found == pytest.approx(2 * whole, rel=0.7)
    assert spoken(server, input=text, extra_body={"seed": 5}) != spoken(server, input=text, extra_body={"seed": 6})


def test_voices_differ_and_openais_names_are_the_models_own(server: Server) -> None:
    own = spoken(server)
    assert spoken(server, voice="alloy", model="tts-1") == own
    assert spoken(server, voice={"id": "anna"}) == own
    assert spoken(server, voice="anna-question") != own


def test_speed_one_is_the_models_own(server: Server, model: SpeakingModel) -> None:
    assert settings_of({**model.judged, "speed": 0.9}, {"speed": 1.0}).speed == 0.9
    assert len(spoken(server, speed=2.0)) < 0.7 * len(spoken(server))


def test_models_and_voices_are_listed(server: Server) -> None:
    assert [each.id for each in server.client().models.list()] == ["anna"]
    assert server.client().models.retrieve("anna").id == "anna"
    status, _, voices = server.ask("GET", "/v1/audio/voices")
    assert status == 200 and [each["id"] for each in json.loads(voices)["voices"]] == ["anna", "anna-question"]


@pytest.mark.parametrize(
    ("asked", "param", "told"),
    [
        ({"voice": "bob"}, "voice", "there is no voice 'bob'; this model has anna, anna-question"),
        ({"input": "..."}, "input", "there is nothing to say"),
        ({"input": "x" * 5000}, "input", "at most 4096 characters"),
        ({"input": "日本"}, "input", "cannot be spoken"),
        ({"response_format": "ogg"}, "response_format", "'mp3', 'opus'"),
        ({"speed": 9}, "speed", "less than or equal to 4"),
        ({"extra_body": {"language": "tlh"}}, "language", "not a language of XTTS"),
        ({"extra_body": {"seed": -1}}, "seed", "greater than or equal to 0"),
        ({"extra_body": {"temperature": 0}}, "temperature", "greater than 0"),
    ],
)  # fmt: skip
def test_what_cannot_be_spoken_is_said_to_the_client(
    server: Server, asked: dict[str, Any], param: str, told: str
) -> None:
    with pytest.raises(openai.BadRequestError, match=told) as raised:
        spoken(server, **asked)
    assert raised.value.param == param


def test_another_model_is_not_found(server: Server) -> None:
    with pytest.raises(openai.NotFoundError, match="this server speaks with 'anna'"):
        spoken(server, model="gpt-5")


def test_a_language_is_taken_as_programs_write_it(server: Server) -> None:
    assert spoken(server, extra_body={"language": "en-US"}) == spoken(server)


# What SillyTavern sends, as its provider XTTSv2 has it (release 1.13).
SLIDERS = {"temperature": "0.75", "speed": "1", "length_penalty": "1", "repetition_penalty": "5", "top_p": "0.85",
           "top_k": "50", "enable_text_splitting": True, "stream_chunk_size": "100"}  # fmt: skip


def test_sillytavern_finds_voices_sets_sliders_and_hears(server: Server) -> None:
    page = "http://127.0.0.1:8000"
    status, told, body = server.ask("GET", "/speakers", Origin=page)
    assert status == 200 and told["access-control-allow-origin"] == page
    assert [set(each) for each in json.loads(body)] == 2 * [{"name", "voice_id", "preview_url"}]
    assert server.ask("POST", "/set_tts_settings", json.dumps(SLIDERS), Origin=page)[0] == 200
    asked = json.dumps({"text": "Good morning.", "speaker_wav": "anna-question", "language": "en"})
    status, told, whole = server.ask("POST", "/tts_to_audio/", asked, Origin=page)
    assert status == 200 and told["content-type"] == "audio/wav"
    assert soundfile.info(io.BytesIO(whole)).frames * 2 + 44 == len(whole)
    streamed = server.ask("GET", "/tts_stream/?text=Good+morning.&speaker_wav=anna-question&language=en")[2]
    assert streamed[44:] == whole[44:] == spoken(server, voice="anna-question", response_format="pcm")
    preview = json.loads(body)[0]["preview_url"].partition(str(server.port))[2]
    assert soundfile.info(io.BytesIO(server.ask("GET", preview)[2])).frames > 0


def test_sliders_that_were_moved_count_and_others_leave_the_models_own(server: Server, model: SpeakingModel) -> None:
    try:
        server.ask("POST", "/set_tts_settings", json.dumps({**SLIDERS, "temperature": "0.3"}))
        assert json.loads(server.ask("GET", "/get_tts_settings")[2]) == {**model.judged, "temperature": 0.3}
        status, _, told = server.ask("POST", "/set_tts_settings", json.dumps({**SLIDERS, "top_p": "7"}))
        assert status == 400 and b"top_p" in told
    finally:
        server.ask("POST", "/set_tts_settings", json.dumps(SLIDERS))


def test_sound_begins_before_the_text_is_spoken(server: Server) -> None:
    with server.client().audio.speech.with_streaming_response.create(
        model="anna", voice="anna", input=LONG[:2000], response_format="pcm"
    ) as answer:
        assert sum(map(len, answer.iter_bytes())) > 0
    said = server.saying("2000 characters")
    *_, took, first = (float(word) for word in said.split() if word.replace(".", "").isdigit())
    assert first < took / 3


def test_a_client_that_leaves_stops_the_work(server: Server) -> None:
    heard = len(server.said)
    connection = socket.create_connection(("127.0.0.1", server.port))
    body = json.dumps({"input": LONG[:4000], "response_format": "pcm"}).encode()
    head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
    connection.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
    connection.recv(100)
    connection.close()
    assert server.saying("whoever asked has left; the rest is not spoken", heard)
    assert spoken(server)


def test_a_crowd_gets_its_sound_or_is_told_to_come_again(model: SpeakingModel) -> None:
    with serving(model, waiting=4) as server:
        own = spoken(server)

        def ask(_: int) -> int:
            try:
                assert spoken(server) == own
            except openai.RateLimitError as refused:
                assert refused.code == "queue_full" and refused.response.headers["retry-after"]
                return 429
            return 200

        with ThreadPoolExecutor(50) as crowd:
            found = list(crowd.map(ask, range(50)))
        assert set(found) == {200, 429}
        assert spoken(server) == own


def test_whoever_left_while_waiting_keeps_no_place_in_the_line() -> None:
    speaking, go_on = threading.Event(), threading.Event()

    def speaker(voice: str | None) -> Any:
        speaking.set()
        assert go_on.wait(30)
        raise UserError("nothing is spoken here")

    async def ask() -> None:
        desk = Desk(speaker, most_waiting=2)
        asked = Asked("Good morning.", "en", None, InferenceSpec(), 1, "pcm")
        desk.take(asked)
        assert await asyncio.to_thread(speaking.wait, 30)
        waiting = [desk.take(asked) for _ in range(2)]
        with pytest.raises(Full):
            desk.take(asked)
        waiting[0].leave()
        desk.take(asked)
        go_on.set()

    asyncio.run(ask())


MALFORMED = st.one_of(
    st.binary(max_size=200),
    st.text(max_size=100).map(lambda text: json.dumps(text).encode()),
    st.dictionaries(
        st.sampled_from(["input", "voice", "model", "speed", "response_format", "seed", "language", "text"]),
        st.recursive(
            st.none() | st.booleans() | st.floats() | st.integers() | st.text(max_size=5),
            lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
            max_leaves=5,
        ).filter(lambda value: not isinstance(value, str) or len(value) < 3),
        max_size=6,
    ).map(lambda asked: json.dumps({**asked, "response_format": "midi"}).encode()),
    st.sampled_from([b"[" * 50_000, b'{"input": ' + b"9" * 6000 + b"}", b'{"input": "\\ud800x"}', b"\xff\xfe{", b""]),
)  # fmt: skip


@given(
    body=MALFORMED,
    path=st.sampled_from(["/v1/audio/speech", "/tts_to_audio/", "/set_tts_settings", "/v1/models", "/x"]),
)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_nonsense_is_refused_and_nothing_else_happens(
    server: Server, capfd: pytest.CaptureFixture[str], body: bytes, path: str
) -> None:
    status, _, told = server.ask("POST", path, body)
    if not (path == "/set_tts_settings" and status == 200):
        assert 400 <= status < 500, (body, told)
        assert json.loads(told)["error"]["message"]
    assert "Traceback" not in "".join(capfd.readouterr())


def test_a_body_without_an_end_is_not_read(server: Server) -> None:
    assert server.ask("POST", "/v1/audio/speech", b" " * 200_000)[0] == 413


@pytest.mark.parametrize("host", ["evil.example", "evil.example:80", "127.0.0.1.evil.example", "", "[", "10.0.0.7"])
def test_another_name_for_this_server_is_refused(server: Server, host: str) -> None:
    assert server.ask("GET", "/v1/models", Host=host)[0] == 421


@pytest.mark.parametrize(
    "origin", ["http://evil.example", "null", "http://[", "file://", "http://localhost.evil.example"]
)
def test_pages_from_elsewhere_may_not_ask(server: Server, origin: str) -> None:
    status, told, _ = server.ask("POST", "/v1/audio/speech", "{}", Origin=origin)
    assert status == 403 and "access-control-allow-origin" not in told


def test_a_page_that_may_ask_is_told_so_beforehand(model: SpeakingModel) -> None:
    with serving(model, Admitted(TOKEN, origins=("https://talk.example",))) as server:
        status, told, _ = server.ask(
            "OPTIONS", "/v1/audio/speech", Origin="https://talk.example",
            Access_Control_Request_Method="POST", Access_Control_Request_Headers="authorization, x-stainless-os",
        )  # fmt: skip
        assert status == 204 and told["access-control-allow-headers"] == "authorization, x-stainless-os"


def test_other_computers_must_bring_the_token(model: SpeakingModel) -> None:
    with serving(model, Admitted(TOKEN, elsewhere=True)) as server:
        for key in ("", "wrong", TOKEN + "x", "ü"):
            status, _, told = server.ask(
                "GET", "/v1/models", Host="192.168.1.5:8020", Authorization=f"Bearer {key}".encode().decode("latin-1")
            )
            assert status == 401 and b"token" in told
        assert server.ask("POST", "/tts_to_audio/", "{}")[0] == 401
        with pytest.raises(openai.AuthenticationError):
            server.client("wrong").models.list()
        assert [each.id for each in server.client(TOKEN).models.list()] == ["anna"]
        assert server.ask("GET", "/", Host="evil.example")[0] == 421
        page = server.ask("GET", "/", Host=f"{socket.gethostname()}:8020")
        assert page[0] == 200 and TOKEN.encode() not in page[2]


@pytest.mark.parametrize(
    ("wanted", "told"),
    [
        (Wanted(host="0.0.0.0"), "--host 0.0.0.0 lets other computers ask"),
        (Wanted(host="192.168.1.5"), "have them bring a token"),
        (Wanted(token="short"), "fewer than 16 characters"),
        (Wanted(token="x" * 20 + " y"), "no blanks"),
        (Wanted(token="é" * 20), "plain letters"),
        (Wanted(origins=("talk.example",)), "not the origin of a page"),
    ],
)
def test_a_door_that_is_open_to_all_is_not_opened(wanted: Wanted, told: str) -> None:
    with pytest.raises(UserError, match=told):
        admitted_of(wanted)


def test_an_error_of_the_model_is_one_answer_and_the_next_is_spoken(
    model: SpeakingModel, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    with serving(model) as server:
        own, speak = spoken(server), Desk._speak

        def broken(self: Desk, order: Any) -> None:
            monkeypatch.setattr(Desk, "_speak", speak)
            raise RuntimeError("out of memory")

        monkeypatch.setattr(Desk, "_speak", broken)
        with pytest.raises(openai.InternalServerError, match="terminal of the server says why"):
            spoken(server)
        assert "out of memory" in server.said[-1]
        assert spoken(server) == own
    assert "Traceback" not in "".join(capfd.readouterr())


def test_the_page_and_the_description_say_what_there_is(server: Server) -> None:
    status, _, page = server.ask("GET", "/")
    described = json.loads(server.ask("GET", "/openapi.json")[2])
    assert status == 200
    assert {"/v1/audio/speech", "/v1/models", "/tts_to_audio/", "/speakers"} <= set(described["paths"])
    for path in described["paths"]:
        assert path.encode() in page
