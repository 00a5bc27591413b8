"""A shipped folder made ready for a program has what that program's own code asks for."""

from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from xtts_finetune.shipping.consumers import CONSUMERS, Given, hand_over, handed_over_before

SHIPPED = (
    *("config.json", "model.pth", "vocab.json", "speakers_xtts.pth", "reference.wav", "shipped.json", "MODEL_CARD.md"),
    *("LICENSE.txt", "preview/preview.pth", "reference_anna-question.wav"),
)


@pytest.fixture
def given(tmp_path: Path) -> Given:
    for name in SHIPPED:
        file = tmp_path / "shipped" / "anna" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(f"shipped {name}", encoding="utf-8")
    base = tmp_path / "base"
    base.mkdir()
    for name in ("dvae.pth", "mel_stats.pth", "model.pth"):
        (base / name).write_text(f"base {name}", encoding="utf-8")
    return Given(tmp_path / "shipped" / "anna", "anna", base, ("anna", "anna-question"))


def files(folder: Path) -> dict[str, str]:
    return {
        path.relative_to(folder).as_posix(): path.read_text(encoding="utf-8", errors="replace")
        for path in sorted(folder.rglob("*"))
        if path.is_file()
    }


@pytest.mark.parametrize("consumer", CONSUMERS)
def test_each_accepts_its_folder_twice(given: Given, consumer: str) -> None:
    to = given.folder.with_name("anna-for")
    for _ in range(2):
        folder = hand_over(given, consumer, to)
        assert CONSUMERS[consumer].missing(folder, "anna") == []
    made = CONSUMERS[consumer].make is not None
    assert handed_over_before(to) == ([consumer] if made else [])
    assert not [path for path in (to.iterdir() if to.is_dir() else []) if path.name.startswith(".")]


def test_alltalk_gets_the_six_files_that_its_scan_wants_of_every_folder(given: Given) -> None:
    found = files(hand_over(given, "alltalk", given.folder.parent / "for"))
    # Its scan: all(subfolder.joinpath(file).exists() for file in required_files), of each folder in models/xtts.
    required = ("config.json", "model.pth", "mel_stats.pth", "speakers_xtts.pth", "vocab.json", "dvae.pth")
    assert all(f"models/xtts/anna/{name}" in found for name in required)
    assert found["models/xtts/anna/model.pth"] == "shipped model.pth"
    assert found["models/xtts/anna/dvae.pth"] == "base dvae.pth"
    assert found["voices/anna.wav"] == "shipped reference.wav"
    assert found["voices/anna-question.wav"] == "shipped reference_anna-question.wav"
    assert len(found) == 8


def test_ebook2audiobook_gets_a_flat_zip_with_its_reference(given: Given) -> None:
    folder = hand_over(given, "ebook2audiobook", given.folder.parent / "for")
    with zipfile.ZipFile(folder / "anna.zip") as archive:
        assert set(archive.namelist()) == {"config.json", "model.pth", "vocab.json", "ref.wav", "speakers_xtts.pth"}
        assert archive.read("ref.wav") == b"shipped reference.wav" and archive.testzip() is None


def test_the_api_server_gets_a_model_and_a_speaker(given: Given) -> None:
    found = files(hand_over(given, "xtts-api-server", given.folder.parent / "for"))
    assert set(found) == {
        *(f"models/anna/{name}" for name in ("config.json", "model.pth", "vocab.json", "speakers_xtts.pth")),
        *("speakers/anna.wav", "speakers/anna-question.wav"),
    }


def test_the_hub_gets_the_card_as_its_readme(given: Given) -> None:
    found = files(hand_over(given, "huggingface", given.folder.parent / "for"))
    assert found["README.md"] == "shipped MODEL_CARD.md" and "MODEL_CARD.md" not in found
    assert "LICENSE.txt" in found and "preview/preview.pth" in found


@pytest.mark.parametrize("consumer", [name for name, each in CONSUMERS.items() if each.make is not None])
def test_what_it_lacks_is_named(given: Given, consumer: str) -> None:
    folder = hand_over(given, consumer, given.folder.parent / "for")
    lost = CONSUMERS[consumer].wants[-1].format(name="anna")
    (folder / lost).unlink()
    assert CONSUMERS[consumer].missing(folder, "anna") == [lost]
