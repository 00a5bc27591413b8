"""Sound files of every kind are read as long as they are, and what has lost its end is refused."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray

from testbed.encoded import cut, encode, mp3, speechlike, wav_that_tells, without_last_page
from tests.data.data_samples import CountingEncoder, LetterTokenizer, declare, run_folder, silent_progress
from xtts_finetune.data.first_look import first_look
from xtts_finetune.data.prepare import prepare
from xtts_finetune.data.sound.audio import AudioError, load_audio, read_audio, seconds_of
from xtts_finetune.data.sound.streamed import open_stream
from xtts_finetune.data.sound_rules import SoundRules
from xtts_finetune.data.text.trainable import Unusable
from xtts_finetune.evaluation.instruments.instrument import Sound
from xtts_finetune.numbers.fixed import SAMPLE_RATE
from xtts_finetune.pipeline.reports.players import player
from xtts_finetune.records.clips import DropReason, read_clips, read_dropped
from xtts_finetune.spec.pipeline import ClipLimits
from xtts_finetune.xtts.base import BaseFiles

RATE, SECONDS = 24_000, 3.0
KINDS = {
    "a.wav": "pcm_s16le",
    "deep.wav": "pcm_s24le",
    "float.wav": "pcm_f32le",
    "a.flac": "flac",
    "a.mp3": "libmp3lame",
    "a.m4a": "aac",
    "apple.m4a": "alac",
    "a.aac": "aac",
    "a.opus": "libopus",
    "flac.oga": "flac",
    "a.mka": "libopus",
    "a.webm": "libopus",
    "a.wma": "wmav2",
    "a.aiff": "pcm_s16be",
    "a.au": "pcm_s16be",
    "a.caf": "pcm_s16be",
    "a.w64": "pcm_s16le",
    "a.amr": "libopencore_amrnb",
    "a.mp4": "aac",
    "a.mkv": "aac",
    "a.mov": "aac",
    "a.avi": "libmp3lame",
}
VIDEOS = (".mp4", ".mkv", ".mov", ".avi")
# Speech is alike where its loudness rises and falls at the same times.
ALIKE = 0.9


@pytest.fixture(scope="module")
def kinds(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kinds")
    for name, codec in KINDS.items():
        rate = 8_000 if name.endswith(".amr") else 44_100 if name.endswith(".wma") else RATE
        options = {"b": "64000"} if codec == "wmav2" else {}
        encode(folder / name, speechlike(SECONDS, rate), rate, codec, options, video=name.endswith(VIDEOS))
    soundfile.write(folder / "a.ogg", speechlike(SECONDS, RATE), RATE)
    return folder


def loudness(wave: NDArray[np.float32]) -> NDArray[np.float64]:
    frames = wave[: len(wave) // 441 * 441].reshape(-1, 441)
    powers: NDArray[np.float64] = np.mean(np.square(frames, dtype=np.float64), axis=1)
    return np.sqrt(powers)


@pytest.mark.parametrize("name", [*KINDS, "a.ogg"])
def test_a_sound_of_any_kind_is_read_whole_by_every_reader(kinds: Path, name: str) -> None:
    wave = read_audio(kinds / name)
    assert len(wave) / SAMPLE_RATE == pytest.approx(SECONDS, abs=0.1)
    assert seconds_of(kinds / name) == pytest.approx(len(wave) / SAMPLE_RATE, abs=0.1)
    with open_stream(kinds / name) as stream:
        streamed = np.concatenate(list(stream.blocks(0.7, rate=SAMPLE_RATE)))
    ours, expected = loudness(wave), loudness(speechlike(SECONDS, SAMPLE_RATE))
    # Some encoders begin up to 60 ms late: three frames either way.
    best = max(np.corrcoef(ours[3 + by : 140 + by], expected[3:140])[0, 1] for by in range(-3, 4))
    assert best > ALIKE
    assert abs(len(streamed) - len(wave)) < 0.1 * SAMPLE_RATE


@pytest.mark.parametrize("name", [*(name for name in KINDS if name != "a.wma"), "a.ogg"])
def test_a_file_without_its_end_is_refused(kinds: Path, tmp_path: Path, name: str) -> None:
    broken = cut(tmp_path / name, kinds / name)
    with pytest.raises(AudioError, match=r"breaks off.*copy or download it again"):
        read_audio(broken)
    with pytest.raises(Unusable, match="breaks off") as refused:
        SoundRules(ClipLimits()).hear(broken)
    assert refused.value.reason is DropReason.UNREADABLE
    with pytest.raises(AudioError, match="breaks off"), open_stream(broken) as stream:
        list(stream.blocks())


@pytest.mark.parametrize("name", ["a.wav", "a.flac", "a.mp3", "a.m4a", "a.opus", "a.ogg", "a.mkv"])
def test_a_first_look_refuses_a_broken_file_as_preparing_does(kinds: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(Unusable, match="breaks off"):
        SoundRules(ClipLimits()).glance(cut(tmp_path / name, kinds / name))


@pytest.mark.parametrize("name", ["a.opus", "a.ogg"])
def test_an_ogg_without_its_last_page_is_refused(kinds: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(AudioError, match="breaks off: its last page is missing"):
        read_audio(without_last_page(tmp_path / name, kinds / name))


def test_what_is_there_of_a_broken_recording_is_given_before_it_is_refused(kinds: Path, tmp_path: Path) -> None:
    parts = []
    with pytest.raises(AudioError, match="breaks off"), open_stream(cut(tmp_path / "a.flac", kinds / "a.flac")) as file:
        for block in file.blocks(0.5):
            parts.append(block)
    assert 0.4 * SECONDS < sum(map(len, parts)) / RATE < SECONDS


def test_an_mp3_of_variable_rate_that_counts_nothing_is_read_whole(tmp_path: Path) -> None:
    for seed, seconds in enumerate((2.0, 3.7, 6.3)):
        file = mp3(tmp_path / f"{seed}.mp3", speechlike(seconds, 44_100, seed), 44_100, counted=False)
        assert len(read_audio(file)) / SAMPLE_RATE == pytest.approx(seconds, abs=0.1)
        assert seconds_of(file) == pytest.approx(seconds, abs=0.1)
        assert SoundRules(ClipLimits()).hear(file).samples / SAMPLE_RATE == pytest.approx(seconds, abs=0.1)


def test_an_mp3_that_counts_nothing_and_ends_within_a_frame_is_refused(tmp_path: Path) -> None:
    whole = mp3(tmp_path / "a.mp3", speechlike(2.0, 44_100), 44_100, counted=False, variable=False)
    frame = 144 * 64_000 / 44_100  # bytes
    content = whole.read_bytes()
    assert len(content) > 70 * frame
    (tmp_path / "b.mp3").write_bytes(content[: round(50.5 * frame)])
    for read in (read_audio, seconds_of):
        with pytest.raises(AudioError, match="breaks off after 1"):
            read(tmp_path / "b.mp3")


@pytest.mark.parametrize("counted", [True, False])
def test_joined_mp3s_are_read_to_the_end_of_the_last(tmp_path: Path, counted: bool) -> None:
    parts = [
        mp3(tmp_path / f"{rate}.mp3", speechlike(2.0, rate, seed), rate, counted=counted).read_bytes()
        for seed, rate in enumerate((44_100, 24_000, 44_100))
    ]
    (tmp_path / "joined.mp3").write_bytes(b"".join(parts))
    assert len(read_audio(tmp_path / "joined.mp3")) / SAMPLE_RATE == pytest.approx(6.0, abs=0.2)
    assert seconds_of(tmp_path / "joined.mp3") == pytest.approx(6.0, abs=0.3)


@pytest.mark.parametrize(
    "after",
    [b"TAG" + b"x" * 125, b"LYRICSBEGIN" + b"la la la\n" * 300 + b"002711LYRICS200", bytes(5000)],
    ids=["tag", "lyrics", "zeros"],
)
@pytest.mark.parametrize("counted", [True, False])
def test_what_stands_at_the_ends_of_an_mp3_is_no_sound_and_no_fault(
    tmp_path: Path, after: bytes, counted: bool
) -> None:
    plain = mp3(tmp_path / "a.mp3", speechlike(2.0, 44_100), 44_100, counted=counted).read_bytes()
    (tmp_path / "a.mp3").write_bytes(b"ID3\x03\0\0\0\0\x08\0" + bytes(1024) + plain + after)
    assert len(read_audio(tmp_path / "a.mp3")) / SAMPLE_RATE == pytest.approx(2.0, abs=0.1)
    assert seconds_of(tmp_path / "a.mp3") == pytest.approx(2.0, abs=0.1)


def test_a_name_with_a_colon_is_a_file_and_a_playlist_fetches_nothing(
    kinds: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(kinds)
    if os.name != "nt":
        (kinds / "rec12:30.m4a").write_bytes((kinds / "a.m4a").read_bytes())
        assert len(read_audio(Path("rec12:30.m4a"))) > SAMPLE_RATE
    tags = "#EXTM3U", "#EXT-X-TARGETDURATION:10", "#EXTINF:9,", "http://127.0.0.1:9/a.ts", "#EXT-X-ENDLIST"
    (tmp_path / "list.mp3").write_text("\n".join(tags), encoding="utf-8")
    with pytest.raises(AudioError, match="is not a sound"):
        read_audio(tmp_path / "list.mp3")


@pytest.mark.parametrize(("told", "riff"), [(0, 0), (0, None), (0xFFFF_FFFF, 0xFFFF_FFFF), (0x7FFF_F000, None)])
def test_a_wav_whose_recorder_never_told_its_length_is_read_to_its_end(
    kinds: Path, tmp_path: Path, told: int, riff: int | None
) -> None:
    file = wav_that_tells(tmp_path / "a.wav", kinds / "a.wav", told, riff)
    assert load_audio(file).sha256 == load_audio(kinds / "a.wav").sha256
    assert seconds_of(file) == pytest.approx(SECONDS, abs=0.01)


def test_a_wav_that_holds_much_more_than_it_tells_is_not_read_by_half(kinds: Path, tmp_path: Path) -> None:
    file = wav_that_tells(tmp_path / "a.wav", kinds / "a.wav", round(SECONDS * RATE))
    with pytest.raises(AudioError, match=r"header tells of .* more follow; open it in an audio editor"):
        read_audio(file)


@pytest.mark.parametrize("name", ["a.wav", "a.aiff", "a.flac", "a.m4a"])
def test_several_recordings_in_one_file_are_refused_where_only_the_first_can_be_read(
    kinds: Path, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(2 * (kinds / name).read_bytes())
    for read in (read_audio, seconds_of):
        with pytest.raises(AudioError, match=r"several recordings one after the other.*join them in an audio editor"):
            read(tmp_path / name)


@pytest.mark.parametrize("name", ["a.ogg", "a.opus", "a.aac"])
def test_several_recordings_in_one_file_are_read_where_all_can_be(kinds: Path, tmp_path: Path, name: str) -> None:
    (tmp_path / name).write_bytes(2 * (kinds / name).read_bytes())
    assert len(read_audio(tmp_path / name)) / SAMPLE_RATE == pytest.approx(2 * SECONDS, abs=0.15)
    assert seconds_of(tmp_path / name) == pytest.approx(2 * SECONDS, abs=0.15)


@pytest.mark.parametrize("after", [bytes(37), b"LIST\xff\xff\0\0INFO", b"TAG" + bytes(125)])
def test_what_follows_the_sound_of_a_wav_does_not_matter(kinds: Path, tmp_path: Path, after: bytes) -> None:
    (tmp_path / "a.wav").write_bytes((kinds / "a.wav").read_bytes() + after)
    assert load_audio(tmp_path / "a.wav").sha256 == load_audio(kinds / "a.wav").sha256


@pytest.mark.parametrize("ending", ["wav", "m4a"])
@pytest.mark.parametrize("share", [-1.0, -0.9])
def test_of_channels_that_cancel_each_other_the_louder_one_is_taken(tmp_path: Path, ending: str, share: float) -> None:
    voice = speechlike(SECONDS, RATE)
    codec = {"wav": "pcm_s16le", "m4a": "aac"}[ending]
    mono, both = tmp_path / f"mono.{ending}", tmp_path / f"both.{ending}"
    encode(mono, voice, RATE, codec)
    encode(both, np.stack([voice, share * voice]), RATE, codec)
    expected, found = read_audio(mono), read_audio(both)
    assert np.sqrt(np.mean(found**2)) == pytest.approx(np.sqrt(np.mean(expected**2)), rel=0.1)
    SoundRules(ClipLimits()).hear(both)


def test_a_stream_has_the_same_samples_whatever_its_blocks_and_wherever_it_begins(kinds: Path) -> None:
    def read(**how: float) -> NDArray[np.float32]:
        with open_stream(kinds / "a.m4a") as stream:
            return np.concatenate(list(stream.blocks(rate=16_000, **how)))

    whole = read()
    for seconds in (0.01, 0.3, 60.0):
        np.testing.assert_array_equal(read(seconds=seconds), whole)
    np.testing.assert_array_equal(read(from_second=1.25), whole[20_000:])


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.mp3", b"", "is not a sound or video"),
        ("a.wav", b"no sound at all" * 99, "is not a sound or video"),
        ("a.m4a", bytes(2000), "is not a sound or video"),
    ],
)
def test_what_is_no_sound_is_called_so_with_the_cure(tmp_path: Path, name: str, content: bytes, said: str) -> None:
    (tmp_path / name).write_bytes(content)
    for read in (read_audio, seconds_of):
        with pytest.raises(AudioError, match=f"{said}.*convert it to WAV"):
            read(tmp_path / name)


def test_a_video_without_sound_is_called_so(tmp_path: Path) -> None:
    import av

    with av.open(str(tmp_path / "a.mp4"), "w") as file:
        pictures = file.add_stream("mpeg4", rate=10)
        pictures.width = pictures.height = 64
        file.mux(pictures.encode(av.VideoFrame(64, 64, "yuv420p")))
        file.mux(pictures.encode(None))
    with pytest.raises(AudioError, match="has no sound track"):
        read_audio(tmp_path / "a.mp4")


def test_a_clip_of_any_kind_is_played_and_measured_as_it_is_trained_on(kinds: Path) -> None:
    sound = Sound.of(kinds / "a.m4a")
    played = player("a clip", kinds / "a.m4a")
    assert sound.sample_rate == RATE and sound.seconds == pytest.approx(SECONDS, abs=0.1)
    assert played.source is not None and played.seconds == pytest.approx(SECONDS, abs=0.1)


def test_a_first_look_and_preparing_agree_on_sounds_of_every_kind(
    kinds: Path, tmp_path: Path, tiny_base: BaseFiles
) -> None:
    good = ["a.wav", "a.m4a", "a.opus", "a.wma", "a.mp4", "a.webm", "a.amr", "a.ogg"]
    broken = ["deep.wav", "a.flac", "a.mp3", "a.caf", "a.mkv"]
    lines = []
    for number, name in enumerate([*good, *broken]):
        sound = tmp_path / "set" / "wavs" / f"clip {number}{Path(name).suffix}"
        sound.parent.mkdir(parents=True, exist_ok=True)
        cut(sound, kinds / name, 1.0 if name in good else 0.6)
        lines.append(f"clip {number}|This is the sentence of clip {number}.")
    (tmp_path / "set" / "metadata.csv").write_text("\n".join(lines), encoding="utf-8")
    spec = {"name": "set", "path": tmp_path / "set", "format": "ljspeech"}
    declaration = declare(tiny_base.folder, [spec], tmp_path / "run")
    run = run_folder(declaration)
    look = first_look(declaration.pipeline.datasets, "en", None)
    prepare(declaration, LetterTokenizer(), CountingEncoder(), run, silent_progress)
    kept = [f"clip {number}" for number in range(len(good))]
    assert [clip.id for clip in look.kept] == [clip.id for clip in read_clips(run.clips)] == kept
    left_out = [(clip.id, clip.reason, clip.detail) for clip in read_dropped(run.dropped)]
    assert [(clip.id, clip.reason, clip.detail) for clip in look.left_out] == left_out
    assert all(reason is DropReason.UNREADABLE and "breaks off" in detail for _, reason, detail in left_out)
    assert len(left_out) == len(broken)


def test_reading_a_broken_sound_prints_nothing(kinds: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    joined = tmp_path / "joined.mp3"
    joined.write_bytes(2 * (kinds / "a.mp3").read_bytes())
    for file in (joined, cut(tmp_path / "cut.mp3", kinds / "a.mp3"), cut(tmp_path / "cut.m4a", kinds / "a.m4a")):
        try:
            read_audio(file)
            seconds_of(file)
        except AudioError:
            pass
    assert capfd.readouterr() == ("", "")
