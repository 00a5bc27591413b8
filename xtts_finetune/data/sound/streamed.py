"""Any audio or video file that FFmpeg reads, as mono sound in blocks: memory does not grow with its length."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import soxr

from xtts_finetune.data.sound.channels import Mono, Samples, channel_to_take, to_mono
from xtts_finetune.data.sound.mpeg_frames import begins_a_frame, frame_is_cut, seconds_told
from xtts_finetune.data.sound.unbroken import HEADER_TOLERANCE, AudioError, breaks_off, lost_end

if TYPE_CHECKING:
    from av.container import InputContainer
    from av.packet import Packet

# How much of a file tells which channel to take.
SECONDS_COMPARED = 30.0
# A picture's own length may be missing from what a video says of itself.
VIDEO_TOLERANCE = 2.0
# Share of a file that may be undecodable; silence stands for it, so that what follows stays in its place.
DAMAGE_TOLERATED = 0.01

# These tell their whole length themselves; that of others is FFmpeg's guess, from the bit rate.
STATED = {"wav", "w64", "aiff", "au", "caf", "flac", "mov,mp4,m4a,3gp,3g2,mj2", "matroska,webm", "asf"}
# By how many seconds a count of packets is longer than the sound: what an encoder adds at both ends.
ENCODER_PADDING = 0.25
# The longest packet of a format whose packets do not tell their length (WMA).
UNTOLD_PACKET = 0.5
# A cover, which FFmpeg calls a video (AV_DISPOSITION_ATTACHED_PIC).
PICTURE = 0x400
NO_SOUND = "holds no sound"
LOSSLESS = ("pcm_", "flac", "alac", "tta", "ape")


@dataclass
class Stream:
    """An open file: sampling rate and channels of its first audio stream.

    seconds_promised  its length as the file tells it, None where it tells nothing
    lossless          decoding it gives the same samples everywhere
    """

    path: Path
    rate: int
    channels: int
    seconds_promised: float | None
    lossless: bool
    container: InputContainer = field(repr=False)
    _damaged: float = field(default=0.0, repr=False)
    _decoded: float = field(default=0.0, repr=False)
    _end: float = field(default=0.0, repr=False)
    _failed: bool = field(default=False, repr=False)
    _cut: bool = field(default=False, repr=False)

    def blocks(self, seconds: float = 10.0, rate: int | None = None, from_second: float = 0.0) -> Iterator[Mono]:
        """The sound as float32 (samples,) in blocks of `seconds`, the last one shorter; once for an open stream.

        `rate` resamples. The samples are the same whatever the blocks are; what comes before `from_second` is
        decoded and thrown away. Raises AudioError where the file breaks off, once all that is there was given,
        and where more than a hundredth of it cannot be decoded.
        """
        wanted = rate or self.rate
        size, skip = max(1, round(seconds * wanted)), round(from_second * wanted)
        held: list[Mono] = []
        count = 0
        for part in _resampled(self._mono(), wanted):
            if skip >= len(part):
                skip -= len(part)
                continue
            held.append(part[skip:])
            count += len(part) - skip
            skip = 0
            while count >= size:
                whole = np.concatenate(held)
                yield whole[:size]
                held, count = [whole[size:]], count - size
        if count:
            yield np.concatenate(held)
        self._check_end()
        if not self._decoded:
            raise AudioError(NO_SOUND)

    def count(self) -> float:
        """Seconds of the packets of the sound, none of which is decoded; once for an open stream.

        What encoders add at both ends counts. Raises AudioError where the file breaks off.
        """
        counted = sum(_seconds(packet) for packet in self._packets())
        self._check_end(0.0 if counted else UNTOLD_PACKET)
        if not self._end:
            raise AudioError(NO_SOUND)
        return counted or self.seconds_promised or self._end

    def _mono(self) -> Iterator[tuple[Mono, int]]:
        """Mono samples with their rate. The first half minute is held back until it tells which channel to take."""
        first: list[tuple[Samples, int]] = []
        channel, decided, seconds = None, False, 0.0
        for samples, rate in self._frames():
            if decided or (samples.shape[1] < 2 and not first):
                yield to_mono(samples, channel), rate
                continue
            first.append((samples, rate))
            seconds += len(samples) / rate
            if seconds >= SECONDS_COMPARED:
                channel, decided = _channel_of(first), True
                yield from ((to_mono(held, channel), rate) for held, rate in first)
                first = []
        channel = _channel_of(first)
        yield from ((to_mono(held, channel), rate) for held, rate in first)

    def _frames(self) -> Iterator[tuple[Samples, int]]:
        """Every decoded frame as float32 (samples, channels) with its rate."""
        import av  # noqa: PLC0415  heavy

        for packet in self._packets():
            try:
                frames = packet.decode()
                self._failed = self._failed and not packet.size  # the last packet of all is empty
            except av.error.EOFError:
                return
            except av.error.FFmpegError:
                if self._framed and not begins_a_frame(bytes(packet)):
                    continue  # a tag, or what an editor left there
                self._failed, lost = True, _seconds(packet)
                self._damaged += lost
                yield np.zeros((round(lost * self.rate), 1), np.float32), self.rate
                continue
            for frame in frames:
                if isinstance(frame, av.AudioFrame):
                    samples = _as_floats(frame)
                    self._decoded += len(samples) / frame.sample_rate
                    yield samples, int(frame.sample_rate)

    def _packets(self) -> Iterator[Packet[Any]]:
        """The packets of the sound, while all packets tell how far the file reaches."""
        import av  # noqa: PLC0415  heavy

        own = self.container.streams.audio[0].index
        try:
            for packet in self.container.demux():
                if packet.pts is not None and packet.time_base:
                    self._end = max(self._end, float(packet.pts * packet.time_base) + _seconds(packet))
                if packet.stream_index == own:
                    if self._framed and packet.size:
                        self._cut = frame_is_cut(bytes(packet), self.rate)
                    yield packet
        except av.error.FFmpegError:
            self._failed = True

    @property
    def _framed(self) -> bool:
        return self.container.format.name in ("mp3", "aac")

    def _check_end(self, more: float = 0.0) -> None:
        """Raise AudioError if the file holds less than it promises, or ends in the middle of a packet."""
        there, promised = max(self._decoded + self._damaged, self._end), self.seconds_promised
        video = any(not stream.disposition & PICTURE for stream in self.container.streams.video)
        if promised is not None and promised - there > more + (VIDEO_TOLERANCE if video else HEADER_TOLERANCE):
            raise AudioError(breaks_off(there, promised))
        why = lost_end(self.path)
        if why or self._failed or self._cut:
            raise AudioError(breaks_off(there, why=why))
        lost = self._damaged
        if self.lossless and self._decoded and not video:  # a decoder skips what is no frame of FLAC without a word
            lost = max(lost, self._end - self._decoded)
        if lost > max(HEADER_TOLERANCE, DAMAGE_TOLERATED * self._decoded):
            raise AudioError(f"is damaged: {lost:.2f} s of it cannot be decoded; copy or download it again")


@contextmanager
def open_stream(path: Path) -> Iterator[Stream]:
    """The first audio stream of a file, for use in one thread. Raises AudioError, with what to do."""
    import av  # noqa: PLC0415  heavy

    av.logging.set_level(None)
    av.logging.set_libav_level(av.logging.PANIC)
    try:
        # Absolute, as FFmpeg takes 'rec12:30.mp3' for a protocol; a playlist must not make it fetch anything.
        options = {"protocol_whitelist": "file"}
        container = av.open(str(path.absolute()), metadata_errors="replace", options=options)
    except FileNotFoundError:
        raise AudioError(f"there is no {path}") from None
    except (av.error.FFmpegError, OSError, ValueError) as error:
        raise AudioError(_not_opened(path, error)) from None
    with container:
        if not container.streams.audio:
            raise AudioError("has no sound track")
        stream = container.streams.audio[0]
        codec = stream.codec_context.name
        if not stream.codec_context.sample_rate or not stream.codec_context.channels:
            raise AudioError(f"has sound that cannot be decoded ({codec}); convert it to WAV")
        told = float(container.duration / av.time_base) if container.duration else None
        promised = told if container.format.name in STATED else None
        if container.format.name == "mp3":  # FFmpeg guesses where it doubts the count
            promised = seconds_told(path, stream.sample_rate)
        yield Stream(
            path, int(stream.sample_rate), int(stream.channels), promised, codec.startswith(LOSSLESS), container
        )


def _seconds(packet: Packet[Any]) -> float:
    return float(packet.duration * packet.time_base) if packet.duration and packet.time_base else 0.0


def _not_opened(path: Path, error: Exception) -> str:
    import av  # noqa: PLC0415  heavy

    if why := lost_end(path) if path.is_file() else None:
        return breaks_off(why=why)
    if isinstance(error, av.error.InvalidDataError | EOFError):
        return "is not a sound or video that FFmpeg can read; convert it to WAV"
    return f"cannot be opened: {getattr(error, 'strerror', None) or error}"


def _channel_of(parts: list[tuple[Samples, int]]) -> int | None:
    """The channel to take for all of these parts."""
    most = max((samples.shape[1] for samples, _ in parts), default=1)
    whole = [samples for samples, _ in parts if samples.shape[1] == most]
    return channel_to_take(np.concatenate(whole)) if whole else None


def _as_floats(frame: Any) -> Samples:
    """A frame as float32 (samples, channels), scaled as soundfile scales: integers by their full scale."""
    array = frame.to_ndarray()
    if not frame.format.is_planar:
        array = array.reshape(frame.samples, -1).T
    if array.dtype == np.uint8:
        array = (array.astype(np.float32) - 128.0) / 128.0
    elif array.dtype.kind == "i":
        array = array / np.float64(-float(np.iinfo(array.dtype).min))
    return np.ascontiguousarray(array.T, dtype=np.float32)


def _resampled(parts: Iterator[tuple[Mono, int]], wanted: int) -> Iterator[Mono]:
    """The parts at the rate that is wanted; the rate may change from one part to the next (joined files)."""
    resampler, rate = None, wanted
    for part, own in parts:
        if own != rate:
            if resampler is not None:
                yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
            rate = own
            resampler = None if own == wanted else soxr.ResampleStream(own, wanted, 1, "float32", "VHQ")
        yield part if resampler is None else resampler.resample_chunk(part)
    if resampler is not None:
        yield resampler.resample_chunk(np.zeros(0, np.float32), last=True)
