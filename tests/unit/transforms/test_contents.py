"""Hash and sample of a file."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

import pytest

from cliptrace.transforms.contents import content_sample, content_sha256
from tests.unit.transforms import memory_files


def sample(path: Path) -> str:
    return content_sample(str(path), path.stat().st_size)


def test_the_hash_is_that_of_the_bytes_wherever_they_are(tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"abc" * 1_000_000)
    memory_files.FILES["mem://b/a"] = b"abc" * 1_000_000
    expected = hashlib.sha256(b"abc" * 1_000_000).hexdigest()
    assert content_sha256(str(tmp_path / "a")) == content_sha256("mem://b/a") == expected
    assert sample(tmp_path / "a") == content_sample("mem://b/a", 3_000_000)


@pytest.mark.parametrize("size", [1, 300_000])
def test_of_a_small_file_every_byte_is_in_the_sample(tmp_path: Path, size: int) -> None:
    path = tmp_path / "a"
    path.write_bytes(bytes(size))
    before = sample(path)
    path.write_bytes(bytes(size - 1) + b"x")
    assert sample(path) != before


def test_of_a_large_file_its_beginning_end_and_size_are(tmp_path: Path) -> None:
    path, size = tmp_path / "a", 10_000_000
    samples = set()
    for content in (bytes(size), bytes(size + 1), b"x" + bytes(size - 1), bytes(size - 1) + b"x"):
        path.write_bytes(content)
        samples.add(sample(path))
    assert len(samples) == 4


def test_what_is_no_regular_file_is_not_opened(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    with pytest.raises(OSError, match="not a regular file"):
        content_sha256(str(tmp_path / "fifo"))
