"""A shipped model has the voices and moods that are declared, and speaks with each."""

from __future__ import annotations

import csv
import io
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
import soundfile
import torch

from tests.shipping.shippable import declared, make_shippable, plan_of
from xtts_finetune.errors import UserError
from xtts_finetune.records.candidates.shipped import read_shipped
from xtts_finetune.shipping.job import ship
from xtts_finetune.shipping.plan import already_shipped
from xtts_finetune.speaking.assembling import Form
from xtts_finetune.speaking.say import Wanted as Said
from xtts_finetune.speaking.say import say_now
from xtts_finetune.speaking.script import Script, ScriptLine
from xtts_finetune.speaking.speak import Wanted, speak_script
from xtts_finetune.speaking.speaking_models import SpeakingModel, candidate_model, shipped_model

MOODS = 'ship.voices={"Anna-kérdés": ["felvétel 2.wav"]}'.replace("kérdés", "kerdes")
NAMES = ("Anna", "Anna-kerdes")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shippable(tmp_path_factory.mktemp("moods") / "Kvíz műsor")


@pytest.fixture(scope="module")
def shipped(project: Path) -> Path:
    plan = plan_of(project, MOODS)
    ship(plan, "cpu", lambda *_: None)
    return plan.folder


def models(project: Path, shipped: Path) -> list[SpeakingModel]:
    return [shipped_model(shipped), candidate_model(declared(project, MOODS), "phase1", lambda *words: " ".join(words))]


def test_stock_finds_all_voices_by_their_names(project: Path, shipped: Path) -> None:
    assert read_shipped(shipped).voices == NAMES
    assert "voices Anna and Anna-kerdes" in read_shipped(shipped).verified[1]
    speakers = torch.load(shipped / "speakers_xtts.pth", weights_only=True)
    assert tuple(speakers) == NAMES
    own, mood = (speakers[name]["gpt_cond_latent"] for name in NAMES)
    assert own.shape == mood.shape and not torch.equal(own, mood)
    assert (shipped / "reference_Anna-kerdes.wav").is_file()
    assert already_shipped(plan_of(project, MOODS)) is not None
    assert already_shipped(plan_of(project)) is None, "a voice less is another model"


def test_each_line_is_spoken_in_its_voice(project: Path, shipped: Path, tmp_path: Path) -> None:
    texts = [ScriptLine("Igen.", "row 2"), ScriptLine("Igen.", "row 3", voice="Anna-kerdes")]
    texts.append(ScriptLine("Igen.", "row 4", voice="Anna"))
    for number, model in enumerate(models(project, shipped)):
        assert model.voices == NAMES
        folder = tmp_path / str(number)
        speak_script(model, Script.of(texts), Wanted(folder, "three", Form(), tries=0), lambda line: None)
        own, mood, named = (soundfile.read(str(folder / f"00{n}.wav"))[0] for n in (1, 2, 3))
        assert np.array_equal(own, named) and not np.array_equal(own, mood)
        assert len(list((folder / "takes").glob("*.flac"))) == 2
        rows = csv.DictReader(io.StringIO((folder / "lines.csv").read_text("utf-8")))
        assert [row["voice"] for row in rows] == ["", "Anna-kerdes", "Anna"]


def test_say_takes_a_voice(shipped: Path, tmp_path: Path) -> None:
    model, sounds = shipped_model(shipped), []
    for voice in (None, *NAMES):
        file = tmp_path / f"{voice}.wav"
        say_now(model, Said("Igen.", out=file, voice=voice), lambda line: None)
        sounds.append(file.read_bytes())
    assert sounds[0] == sounds[1] != sounds[2]
    with pytest.raises(UserError, match="there is no voice 'Bea'; this model has Anna, Anna-kerdes"):
        say_now(model, Said("Igen.", voice="Bea"), lambda line: None)


@pytest.mark.parametrize(
    ("voices", "said"),
    [
        ('{"anna": ["felvétel.wav"]}', "'anna' is the name of the model's own voice"),
        ('{"mood": ["nowhere.wav"]}', "ship: voices: mood: .*nowhere.wav"),
    ],
)
def test_what_cannot_be_a_voice_is_said_before_anything_is_written(
    project: Path, tmp_path: Path, voices: str, said: str
) -> None:
    own = Path(shutil.copytree(project, tmp_path / "own", copy_function=os.link))
    with pytest.raises(UserError, match=said):
        plan_of(own, f"ship.voices={voices}")
