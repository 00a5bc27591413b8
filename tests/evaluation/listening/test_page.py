"""The page as bytes: it names nobody, loads nothing, and no text in it becomes markup."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import pytest

from tests.evaluation.listening.spoken_run import add_spoken, spoken_run
from xtts_finetune.errors import UserError
from xtts_finetune.evaluation.listening.make import Wanted, make_test
from xtts_finetune.evaluation.listening.material import check_named, choose_lines, gather_material
from xtts_finetune.look.templating import look
from xtts_finetune.records.heard.listening_files import ListeningTest, read_test

NAMES = ("base", "phase1", "phase2")


def lay_down(folder: Path, name: str = "test-1", seed: int = 7) -> ListeningTest:
    declaration, run = spoken_run(folder, 4, 0.05, NAMES)
    add_spoken(run, "phase2", ["<script>alert('x')</script>", "</script><img src=x>", "{{ 7 * 7 }}", "&amp;"])
    for candidate in ("base", "phase1"):
        add_spoken(run, candidate, ["<script>alert('x')</script>", "</script><img src=x>", "{{ 7 * 7 }}", "&amp;"])
    material = gather_material(declaration, run, NAMES)
    make_test(
        run.listening_test(name),
        Wanted(name, tuple(combinations(NAMES, 2)), "full", seed),
        material,
        material.lines,
        "hu",
    )
    return read_test(run.listening_test(name))


@pytest.fixture(scope="module")
def test(tmp_path_factory: pytest.TempPathFactory) -> ListeningTest:
    return lay_down(tmp_path_factory.mktemp("a folder of secrets"))


def data_of(test: ListeningTest) -> dict[str, Any]:
    page = test.folder.page.read_text(encoding="utf-8")
    (found,) = re.findall(r'<script type="application/json" id="data">(.*?)</script>', page, flags=re.DOTALL)
    return dict(json.loads(found))


def test_it_names_nobody(test: ListeningTest) -> None:
    """Neither candidates nor their files, folders, weights or seeds, in the page or in its sounds."""
    page = test.folder.page.read_bytes()
    data = data_of(test)
    for packed in data["sounds"].values():
        page = page.replace(packed.encode(), b"")
    sounds = b"".join(base64.b64decode(sound) for sound in data["sounds"].values())
    words = [*NAMES[1:], *test.candidates.values(), "secret", ".wav", "s01", "host", "run/"]
    for word in words:
        assert word.encode() not in page, word
        assert word.encode() not in sounds, word
    # 'base' is part of ordinary words of the page, such as base64; never one by itself.
    assert set(re.findall(rb"[\w-]*base[\w-]*", page.replace(b"base64,", b""))) <= {b"base-uri"}
    files = json.loads(test.folder.key.read_text(encoding="utf-8"))["sounds"].values()
    assert len(files) == len(data["sounds"])
    assert "seed" not in set(data) and b"seed" not in page


def test_protocol_tells_nothing_of_which_is_which(test: ListeningTest) -> None:
    text = test.folder.protocol.read_text(encoding="utf-8")
    assert not any(name in text for name in (*NAMES[1:], '"base"', *test.candidates.values()))
    protocol = json.loads(text)
    assert (protocol["looks"], protocol["alpha"], protocol["sentences"]) == ([8, 20, 40], 0.0221, 4)
    assert "two thirds of the checks" in protocol["checks"]["rule"]


def test_trials_of_the_page_are_those_of_the_key(test: ListeningTest) -> None:
    data = data_of(test)
    sounds = json.loads(test.folder.key.read_text(encoding="utf-8"))["sounds"]
    assert [t["trial"] for t in data["trials"]] == list(test.counted)
    for trial in [*data["practice"], *data["trials"]]:
        key = test.trials[trial["trial"]]
        for side, label in (("a", key.a), ("b", key.b)):
            sound = sounds[trial[side]]
            assert label == ("anchor" if sound["damage"] else sound["source"])
            flac = base64.b64decode(data["sounds"][trial[side]])
            assert hashlib.sha256(flac).hexdigest() == sound["sha256"]
    # The labelled reference is another recording than the hidden ones.
    hidden = {t["a"] for t in data["practice"]} | {t["b"] for t in data["practice"]}
    assert data["reference"] not in hidden


def test_texts_never_become_markup(test: ListeningTest) -> None:
    page = test.folder.page.read_text(encoding="utf-8")
    assert page.count("<script") == page.count("</script>") == 2
    assert "<img" not in page and "49" not in data_of(test)["trials"][0]["text"]
    assert {t["text"] for t in data_of(test)["trials"]} >= {"<script>alert('x')</script>", "{{ 7 * 7 }}"}


def test_its_policy_allows_its_own_script_alone(test: ListeningTest) -> None:
    page = test.folder.page.read_text(encoding="utf-8")
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
    assert "default-src 'none'" in policy and "connect-src 'none'" in policy and "unsafe" not in policy
    script, style = (
        page.rpartition("<script>")[2].partition("</script>")[0],
        re.findall("<style>(.*?)</style>", page, flags=re.DOTALL)[0],
    )
    for text in (script, style):
        assert base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() in policy
    assert style.startswith(look())
    outside = re.findall(r"""(?:src|href)=["'](?!data:|#)""", page)
    assert outside == [] and "http://" not in page and "https://" not in page


def test_the_same_seed_gives_the_same_page(tmp_path: Path) -> None:
    one, two, other = (lay_down(tmp_path / name, seed=seed) for name, seed in (("a", 7), ("b", 7), ("c", 8)))
    assert one.folder.page.read_bytes() == two.folder.page.read_bytes()
    assert one.folder.key.read_bytes() == two.folder.key.read_bytes()
    assert one.id != other.id


def test_a_folder_that_was_not_laid_down_whole_is_made_anew(tmp_path: Path) -> None:
    declaration, run = spoken_run(tmp_path, 3, 0.05)
    folder = run.listening_test("test-1")
    folder.path.mkdir(parents=True)
    folder.key.write_text("{", encoding="utf-8")
    assert run.listening_tests() == []
    material = gather_material(declaration, run, ("base", "phase1"))
    make_test(folder, Wanted("test-1", (("base", "phase1"),), "short", 7), material, material.lines, "hu")
    assert [test.path for test in run.listening_tests()] == [folder.path]


def test_only_sentences_that_all_have_said_word_for_word_are_heard(tmp_path: Path) -> None:
    declaration, run = spoken_run(tmp_path, 3, 0.05)
    add_spoken(run, "phase1", ["A 1. mondat: „Igen?” & <nem>", "Another text"], 0.05)
    material = gather_material(declaration, run, ("base", "phase1"))
    assert [line.id for line in material.lines] == ["s01"]
    assert len(material.recordings) == 4
    add_spoken(run, "phase1", ["Quite another"], 0.05)
    with pytest.raises(UserError, match="base, phase1 have no sentence in common"):
        gather_material(declaration, run, ("base", "phase1"))


def test_the_first_declared_seed_is_heard(tmp_path: Path) -> None:
    declaration, run = spoken_run(tmp_path, 2, 0.05)
    for candidate in ("base", "phase1"):
        file = run.candidate(candidate).utterances_json
        record = json.loads(file.read_text(encoding="utf-8"))
        record["utterances"] += [{**entry, "seed": 9} for entry in record["utterances"]]
        file.write_text(json.dumps(record), encoding="utf-8")
    for seeds, heard in (((9, 1), 9), ((1, 9), 1), ((5,), 1)):
        utterances = declaration.utterances.model_copy(update={"seeds": seeds})
        assert gather_material(replace(declaration, utterances=utterances), run, ("base", "phase1")).seed == heard


def test_sentences_are_chosen_by_the_seed_and_none_twice(tmp_path: Path) -> None:
    declaration, run = spoken_run(tmp_path, 12, 0.05)
    lines = gather_material(declaration, run, ("base", "phase1")).lines
    first = choose_lines(lines, 8, 1)
    assert first == choose_lines(lines, 8, 1) != choose_lines(lines, 8, 2)
    second = choose_lines(lines, 28, 2, [line.id for line in first])
    assert len(second) == 4 and not {line.id for line in first} & {line.id for line in second}


@pytest.mark.parametrize(
    ("named", "chosen"),
    [
        (("mean", "phase1"), "phase1 mean"),
        (("base", "phase1", "phase2", "mean"), "base phase1 phase2 mean"),
    ],
)
def test_those_named_are_heard_in_the_declared_order(named: tuple[str, ...], chosen: str) -> None:
    declared = ("base", "phase1", "phase2", "mean")
    assert check_named(declared, declared, named) == tuple(chosen.split())


@pytest.mark.parametrize(
    ("named", "said"),
    [
        (("phase7",), "unknown candidate 'phase7'; there are base, phase1"),
        (("base", "phase2"), "phase2 has not spoken yet: xtts-finetune samples phase2"),
        (("base", "base"), "base alone is named"),
        (("base", "phase1", *"mnop"), "6 candidates are too many"),
    ],
)
def test_who_cannot_be_heard(named: tuple[str, ...], said: str) -> None:
    with pytest.raises(UserError, match=said):
        check_named(("base", "phase1", "phase2", *"mnop"), ("base", "phase1", *"mnop"), named)
