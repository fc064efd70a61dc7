"""Size and time of many files: how many requests that takes, and what they are."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cliptrace.schemas.records import VideoSource
from cliptrace.transforms.fingerprints import MISSING, changed_s, fingerprints
from tests.unit.transforms import memory_files
from tests.unit.transforms.memory_files import MemoryFileSystem


@pytest.fixture
def requests(monkeypatch: pytest.MonkeyPatch) -> Iterator[Counter[str]]:
    """Counts listings and single looks at mem://."""
    counted: Counter[str] = Counter()

    def count(name: str) -> None:
        real = getattr(MemoryFileSystem, name)

        def counting(self: MemoryFileSystem, path: str) -> Any:
            counted[name] += 1
            return real(self, path)

        monkeypatch.setattr(MemoryFileSystem, name, counting)

    count("_list")
    count("metadata")
    memory_files.FILES.clear()
    yield counted
    memory_files.FILES.clear()


def test_local_files(tmp_path: Path) -> None:
    (tmp_path / "a [1].mp4").write_bytes(b"abc")
    os.utime(tmp_path / "a [1].mp4", ns=(0, 1_700_000_000_123_456_789))
    found = fingerprints([f"{tmp_path}/a [1].mp4", f"{tmp_path}/none.mp4", "nul\0.mp4"] * 2)
    assert found == {
        f"{tmp_path}/a [1].mp4": "3-1700000000123456789",
        f"{tmp_path}/none.mp4": MISSING,
        "nul\0.mp4": MISSING,
    }


def test_a_remote_folder_is_listed_once_for_all_its_files(requests: Counter[str]) -> None:
    uris = [f"mem://b/v/{number}.mp4" for number in range(100)]
    memory_files.FILES.update(dict.fromkeys(uris[:98], b"abc"))
    found = fingerprints(uris)
    assert [found[uri] for uri in uris] == ["3-1.0"] * 98 + [MISSING] * 2
    assert requests == {"_list": 1, "metadata": 2}  # of what the listing does not have


def test_single_files_are_looked_at(requests: Counter[str]) -> None:
    uris = [f"mem://b/{number}/a.mp4" for number in range(40)]
    memory_files.FILES.update(dict.fromkeys(uris, b"ab"))
    assert fingerprints(uris) == dict.fromkeys(uris, "2-1.0")
    assert requests == {"metadata": 40}


def test_a_folder_of_other_files_is_not_listed_to_its_end(requests: Counter[str]) -> None:
    wanted = [f"mem://b/v/z{number}.mp4" for number in range(20)]
    memory_files.FILES.update({f"mem://b/v/{number:05}.txt": b"" for number in range(2000)})
    memory_files.FILES.update(dict.fromkeys(wanted, b"ab"))
    assert fingerprints(wanted) == dict.fromkeys(wanted, "2-1.0")
    assert requests == {"_list": 1, "metadata": 20}


def test_a_folder_that_is_called_like_a_pattern(requests: Counter[str]) -> None:
    uris = [f"mem://b/v[1]/{number}.mp4" for number in range(20)]
    memory_files.FILES.update(dict.fromkeys(uris, b"ab"))
    assert fingerprints(uris) == dict.fromkeys(uris, "2-1.0")
    assert requests == {"metadata": 20}


def test_a_filesystem_that_is_not_installed_has_no_file() -> None:
    uris = [f"nope://b/{number}.mp4" for number in range(20)]
    assert fingerprints(uris) == dict.fromkeys(uris, MISSING)


def test_when_a_file_was_changed() -> None:
    assert changed_s(VideoSource("v", "/v", "3-1700000000500000000")) == 1700000000.5
    assert changed_s(VideoSource("v", "gs://b/v", "3-1700000000.5")) == 1700000000.5
    assert changed_s(VideoSource("v", "/v", MISSING)) is None
