"""One spelling of a path, for names that people and disks write."""

from __future__ import annotations

import unicodedata
from pathlib import Path

import pytest

from cliptrace.transforms.paths import canonical, composed, is_below, on_disk
from cliptrace.transforms.sources import list_sources
from cliptrace.transforms.store.catalogue import Names

NFC, NFD = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))


def test_canonical(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert canonical("./a/../b.mp4") == f"{tmp_path}/b.mp4"
    assert canonical(f"file:///v/a%20b{NFD}.mp4") == f"/v/a b{NFC}.mp4"
    assert canonical(f"gs://b/../{NFD}%20.mp4") == f"gs://b/../{NFC}%20.mp4"
    assert composed(NFD) == composed(NFC) == NFC


def test_below() -> None:
    assert all(is_below("/v/a.mp4", folder) for folder in ("/v", "/v/", "/"))
    assert not any(is_below("/v/a.mp4", folder) for folder in ("/v/a.mp4", "/vv", "/v/a"))


@pytest.mark.parametrize(("there", "asked"), [(NFC, NFD), (NFD, NFC)])
def test_a_file_is_found_in_either_form(tmp_path: Path, there: str, asked: str) -> None:
    (tmp_path / there).mkdir()
    (tmp_path / there / "a.mp4").touch()
    assert on_disk(f"{tmp_path}/{asked}/a.mp4") == f"{tmp_path}/{there}/a.mp4"
    assert on_disk(f"{tmp_path}/{asked}/b.mp4") == f"{tmp_path}/{asked}/b.mp4"
    (tmp_path / "m.csv").write_text(f"id,uri\nx,{asked}/a.mp4\n")
    for argument in (f"{tmp_path}/{asked}", f"{tmp_path}/{asked}/a.mp4", f"{tmp_path}/m.csv"):
        (source,) = list_sources([argument]).sources
        assert source.uri == f"{tmp_path}/{there}/a.mp4"


def test_what_people_call_a_video(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    names = Names([("a", f"{tmp_path}/x.mp4"), ("b", f"{tmp_path}/x.mp4"), ("x.mp4", "/v/y z.mp4"), (NFD, f"/v/{NFD}")])
    assert names.meant("a") == ["a"]
    assert names.meant("x.mp4") == ["x.mp4"]  # an id before a path
    assert names.meant("./x.mp4") == names.meant(f"{tmp_path}/x.mp4") == ["a", "b"]
    assert names.meant("file:///v/y%20z.mp4") == ["x.mp4"]
    assert names.meant(NFC) == names.meant(f"/v/{NFC}") == [NFD]
    assert names.meant("y") == []
    both = Names([(NFC, "/1"), (NFD, "/2")])
    assert (both.meant(NFC), both.meant(NFD)) == ([NFC], [NFD])
