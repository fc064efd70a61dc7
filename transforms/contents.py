"""What is in a file: its hash, and a sample of it that costs as little of a large file as of a small one."""

from __future__ import annotations

import hashlib
import stat
from pathlib import Path
from typing import Any

from cliptrace.transforms.fingerprints import is_remote
from cliptrace.transforms.store import files

_BLOCKS, _BLOCK_BYTES = 8, 64 << 10


def content_sha256(uri: str) -> str:
    """SHA-256 of the file's bytes, in hexadecimal. OSError or ValueError where they cannot be read."""
    with _opened(uri) as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def content_sample(uri: str, size_bytes: int) -> str:
    """A digest of the size and of blocks spread over the file; of all of it where it is small. As ``content_sha256``.

    Who writes to a file may leave it as it is: only where the time of the last change is the same, too, does it tell
    that the content is.
    """
    digest = hashlib.sha256(str(size_bytes).encode())
    whole = size_bytes <= _BLOCKS * _BLOCK_BYTES
    last = size_bytes - _BLOCK_BYTES
    with _opened(uri) as file:
        for start in [0] if whole else [last * block // (_BLOCKS - 1) for block in range(_BLOCKS)]:
            file.seek(start)
            digest.update(file.read(size_bytes if whole else _BLOCK_BYTES))
    return digest.hexdigest()[:32]


def _opened(uri: str) -> Any:
    """What is no regular file is not opened: a device may have no end, and a FIFO waits."""
    if is_remote(uri):
        return files.open_bytes(uri)
    if not stat.S_ISREG(Path(uri).stat().st_mode):
        raise OSError("not a regular file")
    return Path(uri).open("rb")
