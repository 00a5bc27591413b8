"""Ogg files that are the same whenever they are written: libsndfile gives each a random serial number.

A page has its serial number at byte 14 and a checksum at byte 22 (RFC 3533): CRC-32 with each byte's bits the other
way round than zlib has them, beginning at 0.
"""

from __future__ import annotations

import zlib
from pathlib import Path

SERIAL = b"xtts"
MAGIC, HEADER, SERIAL_AT, CHECKSUM_AT, SEGMENTS_AT = b"OggS", 27, 14, 22, 26
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


def fix_serial(path: Path) -> None:
    """Give an Ogg file of one stream the same serial number as every other. Raises OSError."""
    with path.open("r+b") as file:
        while header := file.read(HEADER):
            start = file.tell() - HEADER
            if len(header) < HEADER or header[:4] != MAGIC:
                raise OSError(f"{path.name} is no whole Ogg file")
            sizes = file.read(header[SEGMENTS_AT])
            body = file.read(sum(sizes))
            changed = header[:SERIAL_AT] + SERIAL + header[SERIAL_AT + 4 : CHECKSUM_AT] + bytes(4)
            page = changed + header[CHECKSUM_AT + 4 :] + sizes + body
            file.seek(start)
            file.write(page[:CHECKSUM_AT] + checksum(page) + page[CHECKSUM_AT + 4 :])


def checksum(page: bytes) -> bytes:
    """(4,) bytes, of a page whose own four are zero."""
    found = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{found:032b}"[::-1], 2).to_bytes(4, "little")
