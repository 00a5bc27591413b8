"""What frames of MPEG sound tell: of an MP3 whether it is one and how long it says it is, and whether one is whole."""

from __future__ import annotations

from pathlib import Path

# kbit/s of layer III by the number in the frame's header: MPEG 1, then MPEG 2 and 2.5.
BIT_RATES = (
    (0, 32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (0, 8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
)
# Where in the first frame its count of all frames lies, behind the mark.
COUNTS = {b"Xing": 8, b"Info": 8, b"VBRI": 14}
COUNTED, ALL_FIELDS = 0x01, 0x0F


def begins_a_frame(head: bytes) -> bool:
    """Whether these bytes begin as a frame does."""
    return len(head) > 2 and head[0] == 0xFF and head[1] & 0xE0 == 0xE0


def looks_like_mp3(path: Path) -> bool:
    """Whether a file begins as an MP3 does. Raises OSError."""
    with path.open("rb") as file:
        head = file.read(3)
    return head == b"ID3" or begins_a_frame(head)


def seconds_told(path: Path, rate: int) -> float | None:
    """What the first frame of an MP3 of `rate` Hz tells of the length of the whole, None where it tells nothing."""
    with path.open("rb") as file:
        head = file.read(10)
        tag = 0
        if head[:3] == b"ID3" and len(head) == 10:
            a, b, c, d = head[6:]
            tag = 10 + (a << 21 | b << 14 | c << 7 | d)
        file.seek(tag)
        frame = file.read(400)
    if not begins_a_frame(frame):
        return None
    for mark, behind in COUNTS.items():
        place = frame.find(mark)
        told = frame[place + behind : place + behind + 4]
        if place < 0 or len(told) < 4 or (behind == 8 and not frame[place + 7] & COUNTED):
            continue
        samples = int.from_bytes(told, "big") * (1152 if _is_first_version(frame) else 576)
        return max(0, samples - _added(frame[place:])) / rate
    return None


def _added(mark: bytes) -> int:
    """Samples that the encoder added at both ends, as it says behind its mark (LAME's tag)."""
    if len(mark) < 144 or mark[7] != ALL_FIELDS or not mark[120:124].isalnum():
        return 0
    both = int.from_bytes(mark[141:144], "big")
    return (both >> 12) + (both & 0xFFF)


def frame_is_cut(frame: bytes, rate: int) -> bool:
    """Whether a frame of layer III, or of AAC, at `rate` Hz has fewer bytes than its header tells."""
    if len(frame) > 6 and frame[0] == 0xFF and frame[1] & 0xF6 == 0xF0:
        return len(frame) < (frame[3] & 3) << 11 | frame[4] << 3 | frame[5] >> 5
    if not begins_a_frame(frame) or frame[1] & 0x06 != 0x02 or not 0 < frame[2] >> 4 < 15:
        return False
    first = _is_first_version(frame)
    bits = 1000 * BIT_RATES[0 if first else 1][frame[2] >> 4]
    return len(frame) < (144 if first else 72) * bits // rate + (frame[2] >> 1 & 1)


def _is_first_version(frame: bytes) -> bool:
    return frame[1] & 0x18 == 0x18
