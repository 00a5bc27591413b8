"""Shipping for real, on a tiny base: what stock code makes of the folder, and what happens when it is not right."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import torch

from tests.shipping.shippable import declared, make_shippable, plan_of, run_of, save_phase
from xtts_finetune.errors import UserError, WorkFailed
from xtts_finetune.evaluation.utterances import read_references, speak_candidate
from xtts_finetune.records.candidates.shipped import Shipped, is_whole, read_shipped
from xtts_finetune.records.clips import ClipRecord, write_clips
from xtts_finetune.shipping.job import mend, put_in_place, ship
from xtts_finetune.shipping.plan import already_shipped, shipped_folder
from xtts_finetune.speaking.say import Wanted, in_turns, say_now
from xtts_finetune.speaking.speaking_models import candidate_model, shipped_model, what_was_shipped
from xtts_finetune.xtts.model import load_model
from xtts_finetune.xtts.speech import packing
from xtts_finetune.xtts.speech.verification import load_stock, speak_greedily, voice_in
from xtts_finetune.xtts.speech.voice import voice_of


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_shippable(tmp_path_factory.mktemp("ship") / "Kvíz műsor")


@pytest.fixture(scope="module")
def shipped(project: Path) -> Path:
    """The folder of phase1, shipped once; read it, do not write to it."""
    plan = plan_of(project)
    ship(plan, "cpu", lambda *_: None)
    return plan.folder


@pytest.fixture
def own(project: Path, tmp_path: Path) -> Path:
    """The project with what it has shipped under other names of the same files: to ship in, not to write into."""
    return Path(shutil.copytree(project, tmp_path / "own", copy_function=os.link))


def no_progress(*_: object) -> None:
    """For `ship`."""


def test_the_folder_holds_what_use_needs_and_nothing_of_training(shipped: Path) -> None:
    assert sorted(file.name for file in shipped.iterdir()) == [
        "LICENSE.txt",
        "MODEL_CARD.md",
        "config.json",
        "model.pth",
        "reference.wav",
        "shipped.json",
        "speakers_xtts.pth",
        "vocab.json",
    ]
    content = torch.load(shipped / "model.pth", weights_only=True)
    assert list(content) == ["model"]
    assert {name.split(".")[0] for name in content["model"]} == {"gpt", "hifigan_decoder", "mel_stats"}
    assert [path.name for path in shipped.parent.iterdir()] == ["Anna"]


def test_half_precision_is_half_the_size(project: Path, shipped: Path) -> None:
    model = load_model(plan_of(project).spoken.base, plan_of(project).spoken.checkpoint)
    whole = sum(weight.numel() * 4 for weight in model.state_dict().values())
    assert read_shipped(shipped).precision == "half"
    assert whole * 0.5 < (shipped / "model.pth").stat().st_size < whole * 0.53


def test_stock_says_with_it_what_the_candidate_says(project: Path, shipped: Path) -> None:
    """Spoken here once more, by the code of Coqui's documentation, independently of what was verified."""
    plan = plan_of(project)
    candidate = load_model(plan.spoken.base, plan.spoken.checkpoint)
    candidate.eval()
    voice = voice_of(candidate, read_references(plan.spoken.references))
    stock = load_stock(shipped)
    settings = plan.declaration.utterances.inference
    for sentence in ("Jó napot!", "Melyik évben?"):
        own = speak_greedily(candidate, voice, sentence, "hu", settings)
        other = speak_greedily(stock, voice_in(stock, "Anna"), sentence, "hu", settings)
        assert torch.equal(own.codes, other.codes)
        assert np.allclose(own.wave, other.wave, atol=1e-3 * float(np.abs(own.wave).max()))
    assert not torch.equal(stock.gpt.mel_head.weight, load_model(plan.spoken.base).gpt.mel_head.weight), (
        "this is the base's, not the phase's"
    )


def test_stocks_own_api_loads_the_folder_and_knows_the_voice(shipped: Path) -> None:
    from TTS.api import TTS

    tts = TTS(model_path=str(shipped), config_path=str(shipped / "config.json"), progress_bar=False)
    assert tts.speakers == ["Anna"]
    assert len(tts.tts("Igen.", speaker="Anna", language="hu", split_sentences=False)) > 0
    config = tts.synthesizer.tts_config
    assert (config.repetition_penalty, config.temperature) == (5.0, 0.75)


def test_the_record_tells_every_file_and_no_path(project: Path, shipped: Path) -> None:
    record = read_shipped(shipped)
    assert is_whole(shipped, record)
    for name, file in record.files.items():
        content = (shipped / name).read_bytes()
        assert (len(content), hashlib.sha256(content).hexdigest()) == (file["bytes"], file["sha256"])
    assert len(record.files) == 7
    for name in ("shipped.json", "MODEL_CARD.md", "config.json"):
        text = (shipped / name).read_text(encoding="utf-8")
        assert str(project) not in text and str(Path.home()) not in text and "felvétel" not in text


def test_the_card_says_what_it_is(shipped: Path) -> None:
    card = (shipped / "MODEL_CARD.md").read_text(encoding="utf-8")
    for said in (
        "language: hu",
        "A voice for XTTS in Hungarian, fine-tuned from base",
        'speaker="Anna", language="hu"',
        "2 of 2 sentences have the candidate's codes",
        r"| phase1 | Learn \*the\* voice \| &lt;b&gt; | all | 1.5e-06 | 200 | 3 | 3.0",
        "Nobody has listened in a blind test",
        "see LICENSE.txt in this folder",
        "**By numbers alone, nobody has listened yet: ship phase1 (its samples have not been checked).**",
        'the voice "Anna", from 2 recordings |',
    ):
        assert said in card
    assert "{{" not in card and "None" not in card


def test_what_is_shipped_already_is_known(own: Path, shipped: Path) -> None:
    assert already_shipped(plan_of(own)) is not None
    for other in ("ship.precision=full", "utterances.inference.temperature=0.5", "ship.name=Other"):
        assert already_shipped(plan_of(own, other)) is None
    assert already_shipped(plan_of(own, candidate="base")) is None
    (run_of(own).shipped / "Anna" / "reference.wav").unlink()
    assert already_shipped(plan_of(own)) is None


def tie(project: Path) -> None:
    """Give another code the score of the likeliest at the beginning of the first sentence, but for 1e-6 of it."""
    plan = plan_of(project)
    settings, first = plan.declaration.utterances.inference, plan.sentences[0]
    model = load_model(plan.spoken.base, plan.spoken.checkpoint)
    weights = {name: weight.clone() for name, weight in model.state_dict().items()}
    model.eval()
    voice = voice_of(model, read_references(plan.spoken.references))

    def first_code() -> int:
        return int(speak_greedily(model, voice, first.text, first.language, settings).codes[0])

    likeliest, other = first_code(), 2  # rounded to the same score, the one that comes first is taken
    assert likeliest > other
    for factor in (1 - 1e-6, 1 + 1e-6):  # the score may be below 0
        for part, times in (("weight", factor), ("bias", 1.0)):
            rows = model.gpt.mel_head.state_dict()[part]
            rows[other] = rows[likeliest] * times
            weights[f"gpt.mel_head.{part}"] = rows.clone()
        if first_code() == likeliest:
            break
    save_phase(project, weights)


def test_where_half_precision_says_something_else_it_ships_in_full_or_in_half_where_that_is_declared(own: Path) -> None:
    tie(own)
    record = ship(plan_of(own), "cpu", no_progress)
    assert record.precision == "full"
    assert "in half precision 'word' parts at code 1 of" in record.why_precision
    assert "100.0% as likely" in record.why_precision
    assert (
        torch.load(run_of(own).shipped / "Anna" / "model.pth", weights_only=True)["model"]["gpt.mel_head.weight"].dtype
        == torch.float32
    )
    assert "full precision: in half precision" in (run_of(own).shipped / "Anna" / "MODEL_CARD.md").read_text("utf-8")

    record = ship(plan_of(own, "ship.precision=half"), "cpu", no_progress)
    assert record.precision == "half"
    assert "parts at code 1 of" in record.why_precision
    assert "0 of 2 sentences have the candidate's codes" in record.verified[-1]


def before_and_after(own: Path, wrong: str, *overrides: str) -> None:
    """Shipping fails with `wrong`, and what was shipped before is as it was."""
    folder = run_of(own).shipped
    before = {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()}
    with pytest.raises(WorkFailed, match=wrong):
        ship(plan_of(own, *overrides), "cpu", no_progress)
    assert {file: file.read_bytes() for file in folder.rglob("*") if file.is_file()} == before
    assert before, "there was nothing to keep"


def test_what_is_not_written_as_it_is_does_not_ship(own: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = packing.write_model

    def with_one_bit_wrong(path: Path, weights: dict[str, Any]) -> None:
        other = dict(weights)
        other["gpt.ln_f.weight" if "gpt.ln_f.weight" in other else "gpt.final_norm.weight"] = (
            weights["gpt.final_norm.weight"] + 1e-6
        )
        write(path, other)

    monkeypatch.setattr(packing, "write_model", with_one_bit_wrong)
    before_and_after(own, "1 weights were not read as they were written, the first is gpt.final_norm.weight")


def test_what_lacks_a_key_does_not_ship(own: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = packing.write_model

    def without_one(path: Path, weights: dict[str, Any]) -> None:
        write(path, {name: weight for name, weight in weights.items() if name != "gpt.mel_head.bias"})

    monkeypatch.setattr(packing, "write_model", without_one)
    before_and_after(own, "stock XTTS does not load what was written")


def test_what_speaks_otherwise_does_not_ship(own: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pack = packing.packed_weights

    def coarse(weights: dict[str, Any], precision: Any) -> dict[str, Any]:
        packed = pack(weights, precision)
        packed["gpt.mel_head.bias"] = packed["gpt.mel_head.bias"].roll(1) * 100
        return packed

    monkeypatch.setattr(packing, "packed_weights", coarse)
    before_and_after(own, "does not speak as phase1 does: in full precision 'word' parts at code", "ship.name=Anna")
    before_and_after(own, "try --precision auto", "ship.precision=half")


def test_another_voice_does_not_ship(own: Path, shipped: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = packing.write_voices
    monkeypatch.setattr(packing, "write_voices", lambda path, voices: write(path, {"Other": voices["Anna"]}))
    before_and_after(own, "the voice 'Anna' in speakers_xtts.pth was not read as it was written")


def test_a_replacement_that_was_killed_in_the_middle_is_undone(tmp_path: Path) -> None:
    folder, older = tmp_path / "Anna", tmp_path / ".Anna.old"
    older.mkdir()
    (older / "model.pth").write_text("the only one")
    mend(folder)
    assert (folder / "model.pth").read_text() == "the only one"
    new = tmp_path / ".Anna.new"
    new.mkdir()
    (new / "model.pth").write_text("the new one")
    put_in_place(new, folder)
    assert (folder / "model.pth").read_text() == "the new one"
    assert [path.name for path in tmp_path.iterdir()] == ["Anna"]


def test_the_base_ships_too(own: Path) -> None:
    record = ship(plan_of(own, "ship.name=plain", candidate="base"), "cpu", no_progress)
    card = (run_of(own).shipped / "plain" / "MODEL_CARD.md").read_text(encoding="utf-8")
    assert (record.candidate, record.name) == ("base", "plain")
    assert "None: this is the base, with the voice's conditioning" in card


def said_with(folder: Path, text: str, lines: list[str] | None = None, **more: Any) -> Path | None:
    """Say `text` with a shipped model."""
    return say_now(shipped_model(folder), Wanted(text, device="cpu", **more), (lines or []).append)


def test_say_writes_what_it_says(shipped: Path, tmp_path: Path) -> None:
    lines = [""]
    text = "Jó napot kívánok mindenkinek, aki itt van velünk. Igen. Melyik évben nyílt meg az első földalatti?"
    file = tmp_path / "szó.wav"
    assert said_with(shipped, text, lines, out=file) == file
    wave, rate = soundfile.read(file)
    assert rate == 24_000 and len(wave) > 0.3 * rate and np.abs(wave).max() > 0
    assert any("s of speech in" in line for line in lines)
    again = tmp_path / "again.wav"
    said_with(shipped, text, out=again)
    assert again.read_bytes() == file.read_bytes()
    said_with(shipped, text, out=again, seed=2)
    assert again.read_bytes() != file.read_bytes()
    said_with(shipped, text, out=tmp_path / "slow.mp3", settings={"speed": "0.5"})
    assert soundfile.info(tmp_path / "slow.mp3").duration == pytest.approx(2 * len(wave) / rate, abs=0.3)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"text": "  "}, "there is nothing to say: the text is empty"),
        ({"text": "… — 🙂"}, "there is nothing to say: there is no letter or digit in the text"),
        ({"language": "xx"}, "--language: 'xx' is not a language of XTTS"),
        ({"out": Path()}, "is a folder"),
        ({"out": Path("nowhere/x.wav")}, "is not there; make it first"),
        ({"out": Path("x.aac")}, "no '.aac' file can be written"),
        (
            {"settings": {"top_p": "2"}},
            "--top-p 2: top_p: expected a number above 0 and of at most 1 but got 2",
        ),
    ],
)
def test_say_refuses_what_is_wrong_before_it_loads_anything(shipped: Path, change: dict[str, Any], said: str) -> None:
    lines: list[str] = []
    with pytest.raises(UserError, match=said):
        say_now(shipped_model(shipped), Wanted(**{"text": "Igen.", **change}), lines.append)
    assert lines == []


def test_say_refuses_a_text_that_the_model_cannot_say(shipped: Path) -> None:
    with pytest.raises(UserError, match=r"knows none of the letters .* \(你好\); check that the language is right"):
        said_with(shipped, "你好!")


def test_say_refuses_a_model_that_is_not_there_or_was_copied_in_part(shipped: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no shipped model is here"):
        shipped_model(tmp_path)
    copy = Path(shutil.copytree(shipped, tmp_path / "copy"))
    with (copy / "model.pth").open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(UserError, match="missing or cut short"):
        shipped_model(copy)


def command(*words: str) -> str:
    return " ".join(words)


def test_a_candidate_says_a_sentence_as_its_sample(own: Path, tmp_path: Path) -> None:
    """In the voice and with the vocoder and the settings of its samples; these were spoken together, hence rounding."""
    lines: list[str] = []
    for candidate in ("base", "phase1"):
        speak_candidate(declared(own), run_of(own), candidate, "cpu", no_progress)
        model = candidate_model(declared(own), candidate, command)
        file = tmp_path / f"{candidate}.wav"
        say_now(model, Wanted("Igen.", out=file, device="cpu"), lines.append)
        sample, _ = soundfile.read(run_of(own).candidate(candidate).utterances / "word_s1.wav", dtype="int16")
        said, _ = soundfile.read(file, dtype="int16")
        assert len(said) == len(sample) and np.abs(said.astype(int) - sample).max() <= 3
    assert lines[0] == "loading base, the voice of 2 recordings"
    assert (tmp_path / "base.wav").read_bytes() != (tmp_path / "phase1.wav").read_bytes()


def test_a_phase_that_has_not_finished_speaks_with_its_best_model_so_far(own: Path) -> None:
    folder = run_of(own).candidate("phase1")
    assert candidate_model(declared(own), "phase1", command).name.startswith("phase1, the voice")
    folder.model_info.unlink()
    folder.best_model_of(150).write_bytes(b"an older one")
    os.link(folder.best_model, folder.best_model_of(200))
    name = candidate_model(declared(own), "phase1", command).name
    assert name.startswith("phase1 (unfinished: its best model so far, of step 200), the voice of")


def test_what_cannot_speak_yet_is_said_with_what_makes_it(own: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="unknown candidate 'phase'; did you mean 'phase1'"):
        candidate_model(declared(own), "phase", command)
    shutil.rmtree(run_of(own).root)
    with pytest.raises(UserError, match=r"phase1 is not trained yet, .*; run this first:\n  run_pipeline phase1$"):
        candidate_model(declared(own), "phase1", command)
    with pytest.raises(UserError, match=r"(?s)nothing is shipped yet.*xtts-finetune ship\n.*say --candidate base"):
        what_was_shipped(declared(own), command)


@pytest.mark.parametrize("what", ["say", "ship", "utterances"])
def test_a_silent_reference_is_refused_wherever_the_voice_is_wanted(own: Path, what: str) -> None:
    file = own / "felvétel.wav"
    file.unlink()  # it is another name of a file that other tests read
    soundfile.write(str(file), np.zeros(22_050), 22_050)
    with pytest.raises(UserError, match=r"felvétel\.wav: it is silent"):
        if what == "say":
            candidate_model(declared(own), "phase1", command)
        elif what == "ship":
            plan_of(own)
        else:
            speak_candidate(declared(own), run_of(own), "phase1", "cpu", no_progress)


@pytest.mark.parametrize(
    ("text", "turns"),
    [
        ("Hello.", ["Hello."]),
        ("Yes. No. Well, that is longer than those two were.", ["Yes. No. Well, that is longer than those two were."]),
        (
            "This sentence is long enough to be said alone. And so is this one, which follows it at once. Bye.",
            ["This sentence is long enough to be said alone.", "And so is this one, which follows it at once. Bye."],
        ),
    ],
)  # fmt: skip
def test_short_sentences_are_said_with_their_neighbours(text: str, turns: list[str]) -> None:
    assert in_turns(text) == turns


def test_a_record_of_another_version_is_refused(shipped: Path, tmp_path: Path) -> None:
    text = (shipped / "shipped.json").read_text(encoding="utf-8")
    for damaged in (text.replace('"version": 1', '"version": 9'), text[:100], "[]", '{"version": 1}'):
        (tmp_path / "shipped.json").write_text(damaged, encoding="utf-8")
        with pytest.raises(UserError, match="damaged"):
            read_shipped(tmp_path)
    assert isinstance(read_shipped(shipped), Shipped)
    assert declared(shipped.parents[3]).pipeline.ship.precision == "auto"


def test_of_several_speakers_the_card_says_whose_voice_it_is(own: Path) -> None:
    audio = own / "felvétel.wav"
    texts = enumerate([("Kiss | Anna", 3.0), ("Kiss | Anna", 3.0), ("<ben>", 60.0), ("<ben>", 60.0)])
    write_clips(
        run_of(own).clips,
        [
            ClipRecord(str(n), "voice", audio, "Igen.", name, "hu", length, str(n), "train", 5)
            for n, (name, length) in texts
        ],
    )
    file = own / "eval" / "utterances.yaml"
    text = file.read_text(encoding="utf-8")
    file.unlink()
    file.write_text(text.replace("files: [../felvétel.wav, ../felvétel 2.wav]", "speaker: Kiss | Anna"), "utf-8")
    record = ship(plan_of(own), "cpu", no_progress)
    card = (run_of(own).shipped / "Anna" / "MODEL_CARD.md").read_text(encoding="utf-8")
    said = r"from 2 recordings of Kiss \| Anna; the data has other voices too: &lt;ben&gt; (2.0 min) |"
    assert said in card
    assert already_shipped(plan_of(own)) is not None and record.name == "Anna"


def test_the_card_lists_the_phases_that_the_model_comes_from(shipped: Path) -> None:
    training = (shipped / "MODEL_CARD.md").read_text(encoding="utf-8").partition("## Training")[2].partition("## ")[0]
    rows = [line.split("|")[1].strip() for line in training.splitlines() if line.startswith("| ")]
    assert rows == ["phase", "phase1"]


def test_a_shipped_model_that_is_older_than_the_candidate_says_so(own: Path) -> None:
    ship(plan_of(own), "cpu", no_progress)
    folder = shipped_folder(declared(own))
    assert what_was_shipped(declared(own), command).older == ""
    record = folder / "shipped.json"
    shipped = json.loads(record.read_text(encoding="utf-8"))
    record.unlink()  # it may be another name of a file that other tests read
    record.write_text(json.dumps({**shipped, "model_sha": "an older one"}), encoding="utf-8")
    older = what_was_shipped(declared(own), command).older
    assert older.startswith(f"this is an older {shipped['candidate']}: ") and older.endswith("\n  xtts-finetune ship")
