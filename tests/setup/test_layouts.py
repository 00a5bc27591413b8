"""Every layout and encoding that people have is read right without a flag: clips, texts, speakers and language.

`python -m tests.setup.test_layouts` prints the table in Markdown.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

import pytest

from testbed.layouts import LAYOUTS, Clip, Made
from tests.data.data_samples import CountingEncoder, LetterTokenizer, run_folder, silent_progress
from xtts_finetune.cli.verbs.beginning.init import init
from xtts_finetune.data.prepare import prepare
from xtts_finetune.data.readers import RawClip, read_dataset
from xtts_finetune.pipeline.plan.plan import make_plan
from xtts_finetune.records.clips import read_clips
from xtts_finetune.setup.data_sets import FoundSet, find_data
from xtts_finetune.setup.set_languages import main_language
from xtts_finetune.spec.declaration import load_declaration
from xtts_finetune.xtts.base import BaseFiles


def as_read(folder: Path, found: list[FoundSet], language: str) -> set[Clip]:
    """The clips as preparing reads them from what was declared."""
    clips = set()
    for each in found:
        for clip in read_dataset(each.spec, language):
            if isinstance(clip, RawClip):
                speaker = "" if clip.speaker == each.spec.name else clip.speaker
                sound = clip.audio.relative_to(folder).as_posix()
                clips.add(Clip(sound, clip.text, speaker, each.spec.held_out))
    return clips


def made_in(folder: Path, name: str) -> Made:
    if "Parquet" in name:
        pytest.importorskip("pyarrow")
    folder.mkdir()
    return LAYOUTS[name](folder)


@pytest.mark.parametrize("name", LAYOUTS)
def test_a_layout_is_read_right_without_a_flag(tmp_path: Path, name: str) -> None:
    made = made_in(tmp_path / "voice", name)
    found = find_data([tmp_path / "voice"])
    assert main_language(found) == made.language
    assert as_read(tmp_path / "voice", found, made.language) == set(made.clips)
    assert sum(len(each.clips) for each in found) == len(made.clips)


PREPARED = (
    "Coqui's demo: train, eval and lang.txt, quotes as csv writes them",
    "semicolons and a Hungarian header",
    "Hugging Face's Parquet, train and validation",
    "MLS, train, dev and test",
)


@pytest.mark.parametrize("name", PREPARED)
def test_preparing_reads_what_init_declared(
    tmp_path: Path, tiny_base: BaseFiles, name: str, capsys: pytest.CaptureFixture[str]
) -> None:
    made = made_in(tmp_path / "voice", name)
    init(tmp_path / "anna", data=[tmp_path / "voice"], base=str(tiny_base.folder), yes=True, gpu_memory=8.0)
    declaration = load_declaration(tmp_path / "anna" / "pipeline.yaml")
    make_plan(declaration)
    run = run_folder(declaration)
    prepare(declaration, LetterTokenizer(), CountingEncoder(), run, silent_progress)
    held_out = {clip.sound for clip in made.clips if clip.held_out}
    clips = {clip.audio.relative_to(tmp_path / "voice").as_posix(): clip for clip in read_clips(run.clips)}
    assert {sound: clip.text for sound, clip in clips.items()} == {clip.sound: clip.text for clip in made.clips}
    if held_out:
        assert {sound for sound, clip in clips.items() if clip.split == "eval"} == held_out
    assert {clip.language for clip in clips.values()} == {made.language}
    make_plan(load_declaration(tmp_path / "anna" / "pipeline.yaml"))
    assert name[:3] != "MLS" or "not taken: " in capsys.readouterr().out


def table() -> str:
    """What was made and what was read of it, a line per layout."""
    lines = [
        "| layout | clips | read | texts right | speakers right | held out | language | declared |",
        "|---|" + "---|" * 7,
    ]
    for name, maker in LAYOUTS.items():
        with tempfile.TemporaryDirectory() as place:
            folder = Path(place).resolve() / "voice"
            folder.mkdir()
            made = maker(folder)
            try:
                found = find_data([folder])
            except Exception as error:
                lines.append(f"| {name} | {len(made.clips)} | {str(error)[:200]!r} |")
                continue
            read = {clip.sound: clip for clip in as_read(folder, found, made.language)}
            texts = sum(clip.sound in read and read[clip.sound].text == clip.text for clip in made.clips)
            speakers = sum(clip.sound in read and read[clip.sound].speaker == clip.speaker for clip in made.clips)
            held = sum(clip.sound in read and read[clip.sound].held_out == clip.held_out for clip in made.clips)
            language = main_language(found)
            right = "" if language == made.language else f" (is {made.language})"
            spec = found[0].spec
            more = f" {','.join(spec.columns)}" if spec.columns else ""
            declared = f"{spec.format}{more}" + (f", {spec.encoding}" if spec.encoding else "")
            cells = [
                name.replace("|", "\\|"),
                len(made.clips),
                len(read),
                texts,
                speakers,
                held,
                f"{language}{right}",
                declared,
            ]
            lines.append("| " + " | ".join(map(str, cells)) + " |")
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
