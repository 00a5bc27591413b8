"""Utterances so far, and that nothing else of a run's folder is served as one."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest

from tests.monitor.made import MadeRun
from xtts_finetune.monitor.run import RunWatch
from xtts_finetune.monitor.sounds import sound_file
from xtts_finetune.records.heard.sample_faults import SampleFault


def test_final_utterances_those_that_are_being_spoken_and_those_of_the_middle(tmp_path: Path) -> None:
    made = MadeRun(tmp_path / "run")
    watch = RunWatch(made.run.root)
    folder = made.folder.utterances
    (folder / "step_50").mkdir(parents=True)
    (folder / "step_100").mkdir()
    for step in (50, 100):
        (folder / f"step_{step}" / "short.wav").write_bytes(b"RIFF")
        (folder / f"step_{step}" / "faults.json").write_text(
            '{"short": ["silent", "cut end: -5.1 dB beside the speech, limit -12"], "gone": []}', encoding="utf-8"
        )
    (sound,) = watch.look().candidates[0].sounds
    assert (sound.file, sound.step, sound.faults) == (
        "phase1/utterances/step_100/short.wav",
        100,
        (SampleFault("silent"), SampleFault("sounds cut off", "measured −5.1 dB compared with the speech, limit −12")),
    )
    made.speak("phase1", ["One.", "Two."])
    record = json.loads(made.folder.utterances_json.read_text(encoding="utf-8"))
    made.folder.utterances_json.unlink()
    with (folder / "spoken.jsonl").open("w", encoding="utf-8") as file:
        file.write(json.dumps(record["utterances"][0]) + "\n" + '{"id": "torn')
    assert [one.text for one in watch.look().candidates[0].sounds] == ["One."]
    made.speak("phase1", ["One.", "Two."])
    assert [one.text for one in watch.look().candidates[0].sounds] == ["One.", "Two."]


@pytest.mark.parametrize(
    "name",
    [
        "data.json",
        "phase1/metrics.jsonl",
        "phase1/best_model.pth",
        "phase1/utterances/utterances.json",
        "phase1/utterances/missing.wav",
        "phase1/utterances/../secret.wav",
        "../outside/utterances/s0_s1.wav",
        "../../utterances/x.wav",
        "phase1/utterances/step_1/../x.wav",
        "phase1/utterances/other/x.wav",
        "phase1/utterances/link.wav",
        "/etc/utterances/x.wav",
        "phase1\\utterances\\s0_s1.wav",
        "C:/utterances/x.wav",
        "",
    ],
)
def test_nothing_but_sound_is_served(tmp_path: Path, name: str) -> None:
    made = MadeRun(tmp_path / "run")
    made.speak("phase1", ["One."])
    (tmp_path / "outside" / "utterances").mkdir(parents=True)
    secret = tmp_path / "outside" / "utterances" / "s0_s1.wav"
    secret.write_bytes(b"RIFF")
    (made.folder.path / "secret.wav").write_bytes(b"RIFF")
    (made.folder.utterances / "other").mkdir()
    (made.folder.utterances / "other" / "x.wav").write_bytes(b"RIFF")
    if hasattr(os, "symlink") and os.name != "nt":
        (made.folder.utterances / "link.wav").symlink_to(secret)
    assert sound_file(made.run.root, "phase1/utterances/s0_s1.wav") is not None
    assert sound_file(made.run.root, name) is None
