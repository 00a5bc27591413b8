"""Fetching a base from a hub on this machine: interrupted, lied to, refused."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.setup.hub_server import LICENCE, Hub, made_files, release_of, serving
from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.setup import hub as hub_client
from xtts_finetune.setup.fetch import fetch, look_around, place_for, take
from xtts_finetune.xtts.base import FETCHED_PARTS, find_base
from xtts_finetune.xtts.releases import RELEASES, XTTS_V2, PublishedFile, Release

FILES = made_files()
RELEASE = release_of(FILES)
ROOT = Path(__file__).parents[2]


class Quiet:
    """A screen that keeps what was said."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def say(self, text: str) -> None:
        self.said.append(text)

    def progress(self, published: PublishedFile, there: int) -> None:
        pass


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    import huggingface_hub.constants

    with serving(FILES) as hub:
        monkeypatch.setattr(huggingface_hub.constants, "ENDPOINT", hub.address)
        monkeypatch.setattr(
            huggingface_hub.constants,
            "HUGGINGFACE_CO_URL_TEMPLATE",
            hub.address + "/{repo_id}/resolve/{revision}/{filename}",
        )
        monkeypatch.setattr(hub_client, "PAUSES", (0.0, 0.0))
        yield hub


def fetch_into(folder: Path, accepted: bool = True) -> list[str]:
    screen = Quiet()
    fetch(RELEASE, look_around(RELEASE, folder, screen), lambda release, text: accepted, screen)
    return screen.said


def holds_all(folder: Path) -> bool:
    whole = all((folder / name).read_bytes() == content for name, content in FILES.items())
    return whole and not (folder / FETCHED_PARTS).exists()


def test_all_files_arrive_with_the_licence(hub: Hub, tmp_path: Path) -> None:
    fetch_into(tmp_path / "my bases" / "xtts_v2")
    assert holds_all(tmp_path / "my bases" / "xtts_v2")
    assert (tmp_path / "my bases" / "xtts_v2" / "LICENSE.txt").read_bytes() == LICENCE
    asked = len(hub.asked)
    fetch_into(tmp_path / "my bases" / "xtts_v2")
    assert len(hub.asked) == asked, "what is whole is not asked for again"


def test_without_the_licence_nothing_is_fetched(hub: Hub, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="not accepted; nothing was fetched"):
        fetch_into(tmp_path / "base", accepted=False)
    assert hub.asked == ["LICENSE.txt "]
    assert not (tmp_path / "base").exists()


def test_the_licence_is_shown_before_it_is_asked_about(hub: Hub, tmp_path: Path) -> None:
    shown = []
    with pytest.raises(UserError):
        place = look_around(RELEASE, tmp_path / "base", Quiet())
        fetch(RELEASE, place, lambda release, text: bool(shown.append(text)), Quiet())
    assert shown == [LICENCE.decode()]


def test_broken_connections_go_on_where_they_broke(hub: Hub, tmp_path: Path) -> None:
    chance = random.Random(5)
    breaks = sorted(chance.randrange(1, 2_500_000) for _ in range(5))
    hub.breaks_at = {"dvae.pth": [123_457], "model.pth": list(breaks)}
    fetch_into(tmp_path / "base")
    assert holds_all(tmp_path / "base")
    assert hub.gets("model.pth") == ["", *(f"bytes={byte}-" for byte in breaks)]
    assert hub.gets("dvae.pth") == ["", "bytes=123457-"]


def test_a_connection_that_stays_broken_ends_with_what_to_do(hub: Hub, tmp_path: Path) -> None:
    hub.breaks_at = {"dvae.pth": [200_000] * 10}
    with pytest.raises(WorkFailed, match=r"what arrived is kept: type the same command again"):
        fetch_into(tmp_path / "base")
    assert (tmp_path / "base" / FETCHED_PARTS / "dvae.pth.part").stat().st_size == 200_000
    hub.breaks_at = {}
    said = fetch_into(tmp_path / "base", accepted=False)  # was accepted the first time
    assert "dvae.pth: continuing after 200,000 of 400,000 bytes" in said
    assert holds_all(tmp_path / "base")


def size(part: Path) -> int:
    return part.stat().st_size if part.is_file() else 0


def test_killed_at_five_random_bytes_and_gone_on(hub: Hub, tmp_path: Path) -> None:
    folder = tmp_path / "base"
    part = folder / FETCHED_PARTS / "model.pth.part"
    environment = {**os.environ, "HF_ENDPOINT": hub.address, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(Path(__file__).with_name("fetch_it.py")), str(folder)]
    hub.pause = 0.02
    chance = random.Random(11)
    for byte in sorted(chance.randrange(100_000, 2_200_000) for _ in range(5)):
        process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        there = size(part)
        while process.poll() is None and size(part) < max(byte, there + 1):
            time.sleep(0.005)
        process.kill()
        process.wait()
        assert part.is_file() and not (folder / "model.pth").exists()
    hub.pause = 0.0
    fetch_into(folder)
    assert holds_all(folder)
    starts = [int(asked.removeprefix("bytes=").removesuffix("-") or 0) for asked in hub.gets("model.pth")]
    assert len(starts) == 6 and starts == sorted(starts) and starts[1] > 0
    assert len(hub.gets("dvae.pth")) == 1, "what was whole is not fetched again"


def test_a_wrong_checksum_is_refused(hub: Hub, tmp_path: Path) -> None:
    right = hub.files["dvae.pth"]
    hub.files["dvae.pth"] = right[:-1] + bytes([right[-1] ^ 1])
    hub.stated["dvae.pth"] = RELEASE.file("dvae.pth").sha256
    with pytest.raises(WorkFailed, match=r"dvae\.pth arrived with another checksum"):
        fetch_into(tmp_path / "base")
    assert not (tmp_path / "base" / "dvae.pth").exists()
    hub.files["dvae.pth"] = right
    fetch_into(tmp_path / "base")
    assert holds_all(tmp_path / "base")


def test_another_file_on_the_hub_is_not_fetched_at_all(hub: Hub, tmp_path: Path) -> None:
    hub.files["model.pth"] = b"x" * 2_500_000
    with pytest.raises(WorkFailed, match=r"model\.pth: the hub has another file than xtts_v2 2\.0\.3"):
        fetch_into(tmp_path / "base")
    assert hub.gets("model.pth") == []


def test_a_server_without_ranges_sends_the_file_anew(hub: Hub, tmp_path: Path) -> None:
    hub.ranges = False
    hub.breaks_at = {"dvae.pth": [123_457]}
    fetch_into(tmp_path / "base")
    assert holds_all(tmp_path / "base")


def test_a_hub_that_is_away_is_said_in_one_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import huggingface_hub.constants

    monkeypatch.setattr(hub_client, "PAUSES", (0.0,))
    template = "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(huggingface_hub.constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    with pytest.raises(WorkFailed, match=r"LICENSE\.txt: .*is this computer connected\?"):
        fetch_into(tmp_path / "base")
    assert not (tmp_path / "base").exists()


def test_a_file_of_another_version_is_never_touched(hub: Hub, tmp_path: Path) -> None:
    (tmp_path / "model.pth").write_bytes(b"my own")
    with pytest.raises(UserError, match=r"model\.pth is not the file of xtts_v2 2\.0\.3.*Nothing was changed"):
        fetch_into(tmp_path)
    assert (tmp_path / "model.pth").read_bytes() == b"my own" and hub.asked == []


def test_only_what_is_missing_is_fetched(hub: Hub, tmp_path: Path) -> None:
    """Coqui's own downloader leaves out what training needs, and writes paths into config.json."""
    for name in ("model.pth", "vocab.json"):
        (tmp_path / name).write_bytes(FILES[name])
    (tmp_path / "config.json").write_text('{"model_args": {"gpt_layers": 30}}', encoding="utf-8")
    fetch_into(tmp_path)
    assert sorted(line.split()[0] for line in hub.asked) == ["LICENSE.txt", "dvae.pth", "mel_stats.pth"]
    assert "gpt_layers" in (tmp_path / "config.json").read_text(encoding="utf-8")


def test_a_full_disk_is_said_before_the_first_byte(hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from xtts_finetune.setup import fetch as module

    monkeypatch.setattr(module, "SPARE_BYTES", 1 << 60)
    with pytest.raises(UserError, match="make room, or name another folder with --to"):
        fetch_into(tmp_path / "base")
    assert hub.asked == []


def take_from(source: Path, folder: Path) -> None:
    take(RELEASE, source, look_around(RELEASE, folder, Quiet()), Quiet())


def test_files_that_are_here_are_copied(tmp_path: Path) -> None:
    source = tmp_path / "régi gép"
    source.mkdir()
    for name, content in FILES.items():
        (source / name).write_bytes(content)
    take_from(source, tmp_path / "base")
    assert holds_all(tmp_path / "base")


@pytest.mark.parametrize(("spoil", "said"), [("missing", r"lacks dvae\.pth"), ("other", r"dvae\.pth is not the")])
def test_a_wrong_folder_is_refused_whole(tmp_path: Path, spoil: str, said: str) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name, content in FILES.items():
        (source / name).write_bytes(content)
    if spoil == "missing":
        (source / "dvae.pth").unlink()
    else:
        (source / "dvae.pth").write_bytes(b"x" * len(FILES["dvae.pth"]))
    with pytest.raises(UserError, match=said):
        take_from(source, tmp_path / "base")
    assert not (tmp_path / "base").exists()


def test_a_fetched_base_is_found_by_its_name_and_half_of_one_is_told(
    hub: Hub, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("XTTS_FINETUNE_BASES", raising=False)
    monkeypatch.setenv("TTS_HOME", str(tmp_path / "home"))
    folder = place_for(RELEASE)
    assert folder.is_relative_to(tmp_path / "home")
    with pytest.raises(UserError, match=r"not on this machine[\s\S]*Get it with: xtts-finetune fetch xtts_v2"):
        find_base("xtts_v2")
    hub.breaks_at = {"dvae.pth": [200_000] * 10}
    with pytest.raises(WorkFailed):
        fetch_into(folder)
    with pytest.raises(UserError, match=r"is not whole yet: .*Continue .* with: xtts-finetune fetch xtts_v2"):
        find_base("xtts_v2")
    hub.breaks_at = {}
    fetch_into(place_for(RELEASE))
    assert find_base("xtts_v2").folder == folder
    (folder / "dvae.pth").unlink()
    with pytest.raises(UserError, match=r"lacks dvae\.pth.*Get the rest with: xtts-finetune fetch"):
        find_base("xtts_v2")
    monkeypatch.setenv("XTTS_FINETUNE_BASES", str(tmp_path / "mine"))
    assert place_for(RELEASE) == folder, "what is there in part is completed where it is"


def run_command(*words: str, folder: Path, hub: Hub) -> subprocess.CompletedProcess[str]:
    """`xtts-finetune fetch` with nobody at the keyboard."""
    environment = {**os.environ, "HF_ENDPOINT": hub.address, "XTTS_FINETUNE_BASES": str(folder)}
    command = [sys.executable, "-m", "xtts_finetune.cli.main", "fetch", *words]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


@pytest.mark.parametrize(
    ("words", "code", "said"),
    [
        ([], 2, "say that you accept it with --accept-licence; nothing was fetched"),
        (["xtts-v2"], 2, "no base 'xtts-v2' is known; did you mean 'xtts_v2'?"),
        (["--from", "nowhere"], 2, "--from: there is no folder"),
        (["--to", "README.md", "--accept-licence"], 2, "is a file, not a folder"),
    ],
)
def test_what_the_command_refuses_is_one_message(
    hub: Hub, tmp_path: Path, words: list[str], code: int, said: str
) -> None:
    done = run_command(*words, folder=tmp_path / "bases", hub=hub)
    assert (done.returncode, done.stdout) == (code, "")
    assert said in done.stderr and "Traceback" not in done.stderr
    assert hub.asked == [] and not (tmp_path / "bases").exists()


def test_the_command_shows_the_terms_and_refuses_files_that_are_not_the_release(hub: Hub, tmp_path: Path) -> None:
    """The command knows the real release alone, so the made hub's files are others."""
    done = run_command("--accept-licence", folder=tmp_path, hub=hub)
    assert done.returncode == 1
    assert "non-commercial use only: of the model, of what it speaks" in done.stdout
    assert "config.json: the hub has another file than xtts_v2 2.0.3" in done.stderr
    assert hub.asked == ["LICENSE.txt "]


@pytest.mark.parametrize("answer", [True, False])
def test_somebody_at_the_keyboard_reads_the_licence_and_is_asked(
    answer: bool, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    import typer

    from xtts_finetune.cli.verbs.beginning.fetch import FetchScreen

    asked = []

    def confirm(question: str, default: bool) -> bool:
        asked.append((question, default, capsys.readouterr().out))
        return answer

    monkeypatch.setattr(typer, "confirm", confirm)
    with FetchScreen() as screen:
        assert screen.accept(False)(RELEASE, LICENCE.decode()) is answer
    ((question, default, shown),) = asked
    assert question == "Do you accept this licence?" and default is False
    assert LICENCE.decode() in shown and RELEASE.licence_page in shown


@pytest.mark.parametrize("release", RELEASES, ids=lambda release: release.name)
def test_what_is_known_of_a_release_has_its_form(release: Release) -> None:
    from xtts_finetune.xtts.base import FILE_NAMES, KNOWN_BASES

    assert release.name in KNOWN_BASES
    assert sorted(file.name for file in release.files) == sorted(FILE_NAMES)
    for hexadecimal, length in [(release.revision, 40), *((file.sha256, 64) for file in release.files)]:
        assert len(hexadecimal) == length and set(hexadecimal) <= set("0123456789abcdef")
    assert XTTS_V2.size == pytest.approx(2.08e9, rel=0.01)
