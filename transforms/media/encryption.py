"""Whether a file's pictures are encrypted: ffmpeg would decode them to noise, or to nothing, and not say why."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import IO

_SAMPLE_ENTRIES = frozenset({b"encv", b"drmi"})
"""Of encrypted video: Common Encryption (ISO/IEC 23001-7), and FairPlay."""
_FIRST_BOXES = frozenset({b"ftyp", b"styp", b"moov", b"mdat", b"free", b"skip", b"wide"})
_CONTAINER_BOXES = frozenset({b"moov", b"trak", b"mdia", b"minf", b"stbl"})
_MOST_BOXES, _LARGEST = 100_000, 1 << 48
_ASF = bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c")
_ASF_ENCRYPTION = re.compile(
    b"|".join(
        re.escape(bytes.fromhex(guid))
        for guid in ("fbb3112223bdd211b4b700a0c955fc6e", "14e68a292226174cb935dae07ee9289c")
    )
)
"""The objects Content Encryption and Extended Content Encryption of a header."""
_HEAD_BYTES = 1 << 18
_TS_PACKETS = (188, 192, 204)
_SYNC, _SCRAMBLED = 0x47, 0xC0
_FEWEST = 8
"""Packets by which a transport stream is known."""


def is_encrypted(path: str) -> bool:
    """Of an mp4, an ASF or a transport stream; what ffprobe tells itself, as of Matroska, is not looked for here."""
    with Path(path).open("rb") as file:
        head = file.read(_HEAD_BYTES)
        if head[4:8] in _FIRST_BOXES:
            file.seek(0)
            return any(entry in _SAMPLE_ENTRIES for entry in _sample_entries(file))
    return bool(_ASF_ENCRYPTION.search(head)) if head.startswith(_ASF) else _is_scrambled(head)


def _sample_entries(file: IO[bytes]) -> Iterator[bytes]:
    """Types of the first sample entry of each track (ISO/IEC 14496-12)."""
    for _ in range(_MOST_BOXES):
        header = file.read(8)
        if len(header) < 8:
            return
        size, kind, begun = int.from_bytes(header[:4], "big"), header[4:], 8
        if size == 1:
            size, begun = int.from_bytes(file.read(8), "big"), 16
        if kind in _CONTAINER_BOXES:
            continue  # what follows is inside of it
        if kind == b"stsd":
            head = file.read(16)  # version, flags, how many, and the first one's size and type
            yield head[12:]
            begun += len(head)
        if not begun <= size < _LARGEST:  # up to the end of the file, or nonsense
            return
        file.seek(size - begun, 1)


def _is_scrambled(head: bytes) -> bool:
    """Whether most packets of a transport stream are (ISO/IEC 13818-1)."""
    for size in _TS_PACKETS:
        first = head.find(_SYNC, 0, size)
        packets = range(first, len(head) - 3, size) if first >= 0 else range(0)
        if len(packets) >= _FEWEST and all(head[at] == _SYNC for at in packets):
            return 2 * sum(bool(head[at + 3] & _SCRAMBLED) for at in packets) > len(packets)
    return False
