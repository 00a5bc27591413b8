"""A real `xtts-finetune serve` under a crowd and under nonsense.

    python -m benchmarks.server_under_load --model FOLDER [--clients 50] [--rounds 4] [--malformed 1000] [--out FILE]

`--model` is a shipped folder. Rounds of `--clients` at once ask for a sentence each: how many were spoken, how many
were told to come again (429), and what else happened; memory of the server's process after each round. Then half of the
clients of one round leave after the first bytes: how long until the server is free again. Then `--malformed` requests
that are none: the status of each, and whether the terminal shows a traceback. About a minute on two cores.
"""

from __future__ import annotations

import argparse
import http.client
import json
import random
import re
import socket
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

TEXT = "The garden is green today, and the door is open."
JSON = {"Content-Type": "application/json"}


@dataclass
class Server:
    process: psutil.Process
    port: int
    said: list[str] = field(default_factory=list)

    def ask(self, body: bytes, path: str = "/v1/audio/speech", method: str = "POST") -> int:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=600)
        try:
            connection.request(method, path, body, JSON)
            answer = connection.getresponse()
            answer.read()
            return answer.status
        finally:
            connection.close()

    def leave(self) -> None:
        """Ask for a long text, and be gone after the first bytes."""
        body = json.dumps({"input": " ".join([TEXT] * 60), "response_format": "pcm"}).encode()
        head = f"POST /v1/audio/speech HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n"
        with socket.create_connection(("127.0.0.1", self.port)) as connection:
            connection.sendall(f"{head}Content-Type: application/json\r\n\r\n".encode() + body)
            connection.recv(64)

    @property
    def megabytes(self) -> float:
        return float(self.process.memory_info().rss / 2**20)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--clients", type=int, default=50)
    parser.add_argument("--rounds", type=int, default=4)
    parser.add_argument("--malformed", type=int, default=1000)
    parser.add_argument("--out", type=Path)
    given = parser.parse_args()
    report: dict[str, Any] = {"rounds": []}
    asked = json.dumps({"input": TEXT, "response_format": "mp3"}).encode()
    with serving(given.model) as server:
        assert server.ask(asked) == 200
        print(f"before: {server.megabytes:.0f} MB")
        for number in range(given.rounds):
            with ThreadPoolExecutor(given.clients) as crowd:
                begun = time.perf_counter()
                found = Counter(crowd.map(lambda _: server.ask(asked), range(given.clients)))
            round_ = {"statuses": dict(found), "seconds": time.perf_counter() - begun, "megabytes": server.megabytes}
            report["rounds"].append(round_)
            print(f"round {number + 1}: {dict(found)} in {round_['seconds']:.1f} s, {round_['megabytes']:.0f} MB")
        for _ in range(5):
            server.leave()
        begun = time.perf_counter()
        status = server.ask(asked)
        report["after_5_left"] = {"status": status, "seconds": time.perf_counter() - begun}
        print(f"after 5 clients left: {status} in {report['after_5_left']['seconds']:.2f} s")
        report["malformed"] = dict(Counter(server.ask(*each) for each in malformed(given.malformed)))
        print(f"{given.malformed} malformed requests: {report['malformed']}")
        assert server.ask(asked) == 200
        report["tracebacks"] = sum("Traceback" in line for line in server.said)
        report["megabytes"] = server.megabytes
    print(f"tracebacks: {report['tracebacks']}; {report['megabytes']:.0f} MB at the end")
    if given.out:
        given.out.write_text(json.dumps(report, indent=2) + "\n", encoding="utf-8")


@contextmanager
def serving(model: Path) -> Iterator[Server]:
    words = [sys.executable, "-m", "xtts_finetune.cli.main", "serve", "--model", str(model), "--port", "0"]
    with subprocess.Popen(words, stderr=subprocess.PIPE, encoding="utf-8") as process:
        assert process.stderr is not None
        said: list[str] = []
        for line in process.stderr:
            said.append(line)
            if "Ctrl-C" in line:
                break
        found = re.search(r"http://127\.0\.0\.1:(\d+)/v1", "".join(said))
        if found is None:
            raise SystemExit("".join(said))
        server = Server(psutil.Process(process.pid), int(found[1]), said)
        stderr = process.stderr
        threading.Thread(target=lambda: said.extend(stderr), daemon=True).start()
        try:
            yield server
        finally:
            process.terminate()


def malformed(count: int) -> Iterator[tuple[bytes, str, str]]:
    """Bodies, paths and methods that no client of OpenAI's would send; none of them can be spoken."""
    chance = random.Random(1)
    values: list[Any] = [None, True, -1, 1e308, "", [], {}, [[]], {"id": 3}, "x" * 5000, "\u0000", "..."]
    for _ in range(count):
        kind = chance.randrange(5)
        path = chance.choice(["/v1/audio/speech", "/tts_to_audio/", "/v1/models/none", "/%2e%2e/etc/passwd", "/x"])
        if kind == 0:
            yield chance.randbytes(chance.randrange(300)), path, "POST"
        elif kind == 1:
            keys = chance.sample(["input", "voice", "speed", "seed", "language", "text", "model"], 4)
            yield json.dumps({key: chance.choice(values) for key in keys}).encode(), path, "POST"
        elif kind == 2:
            wrong = {"input": TEXT, "text": "", chance.choice(["voice", "model", "language"]): chance.choice("xyz")}
            yield json.dumps(wrong).encode(), "/v1/audio/speech", "POST"
        elif kind == 3:
            yield b"[" * chance.randrange(1, 50_000), path, "POST"
        else:
            yield (
                b"{}",
                path,
                chance.choice(["PUT", "DELETE", "PATCH", "GET"] if path != "/v1/models/none" else ["PUT"]),
            )


if __name__ == "__main__":
    main()
