"""Which known video a file is: by place, by size and time, and by content. Real files, a ledger in memory."""

from __future__ import annotations

import dataclasses
import os
import shutil
import unicodedata
from pathlib import Path

import pytest

from cliptrace.schemas.records import VideoSource
from cliptrace.transforms import contents
from cliptrace.transforms.sources import list_sources
from cliptrace.transforms.store import ledger, recognition
from cliptrace.transforms.store.ledger import Attempt
from cliptrace.transforms.store.recognition import Recognition, recognise
from cliptrace.transforms.store.takedown import Tombstone

DAY_NS = 86_400 * 10**9


@pytest.fixture
def lib(tmp_path: Path) -> Path:
    """Three videos, two of them with as many bytes."""
    root = tmp_path / "lib"
    for name, content in (("a/one.mp4", b"1" * 10), ("a/two.mp4", b"2" * 10), ("b/three.mp4", b"3" * 20)):
        write(root / name, content)
    return root


@pytest.fixture
def hashed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of the files that were hashed as a whole."""
    names: list[str] = []

    def spy(uri: str) -> str:
        names.append(Path(uri).name)
        return contents.content_sha256(uri)

    monkeypatch.setattr(recognition, "content_sha256", spy)
    return names


def write(path: Path, content: bytes) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def touch(path: Path) -> None:
    os.utime(path, ns=(path.stat().st_atime_ns, path.stat().st_mtime_ns + DAY_NS))


def attempts(root: Path | str, status: str = ledger.INDEXED, sample: bool = True) -> list[Attempt]:
    """The ledger after all that ``root`` names was indexed."""
    return [attempt_of(source, status, sample) for source in list_sources([str(root)]).sources]


def attempt_of(source: VideoSource, status: str = ledger.INDEXED, sample: bool = True) -> Attempt:
    size = int(source.fingerprint.partition("-")[0])
    return Attempt(
        source.video_id,
        source.uri,
        source.fingerprint,
        status,
        *("", "", ""),
        1,
        contents.content_sha256(source.uri),
        1.0,
        7,
        contents.content_sample(source.uri, size) if sample else "",
        "R1",
        "part-1",
    )


def look(
    known: list[Attempt], *arguments: Path, removed: tuple[Tombstone, ...] = ()
) -> tuple[list[str], list[str], list[str]]:
    """Ids of what is left for the plan, updated, and copied."""
    found = recognise(list_sources([str(argument) for argument in arguments]).sources, known, removed)
    return ids(found)


def ids(found: Recognition) -> tuple[list[str], list[str], list[str]]:
    updates = [f"{each.source.video_id} at {'/'.join(each.source.uri.split('/')[-2:])}" for each in found.updates]
    return [s.video_id for s in found.sources], updates, [each.source.video_id for each in found.copies]


def after(known: list[Attempt], *arguments: Path) -> list[Attempt]:
    """The ledger after another run."""
    found = recognise(list_sources([str(argument) for argument in arguments]).sources, known)
    new = [each.updated for each in found.updates]
    new += [attempt_of(each.source) for each in found.copies]
    new += [attempt_of(source) for source in found.sources if source.video_id not in ledger.latest(known)]
    return [*known, *new]


ALL = ["a/one.mp4", "a/two.mp4", "b/three.mp4"]


def test_what_is_unchanged_is_not_opened(lib: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = attempts(lib)
    monkeypatch.setattr(recognition, "_same_content", None)
    assert look(known, lib) == (ALL, [], [])


def test_a_renamed_library_keeps_its_ids_and_no_file_is_opened(lib: Path, hashed: list[str]) -> None:
    known = attempts(lib)
    lib.rename(lib.parent / "media")
    left, moved, copies = look(known, lib.parent / "media")
    assert (left, copies, hashed) == ([], [], [])
    assert moved == ["a/one.mp4 at a/one.mp4", "a/two.mp4 at a/two.mp4", "b/three.mp4 at b/three.mp4"]
    assert look(after(known, lib.parent / "media"), lib.parent / "media") == (ALL, [], [])


def test_a_renamed_folder_keeps_the_ids_of_what_is_in_it(lib: Path, hashed: list[str]) -> None:
    known = attempts(lib)
    (lib / "a").rename(lib / "c")
    assert look(known, lib) == (["b/three.mp4"], ["a/one.mp4 at c/one.mp4", "a/two.mp4 at c/two.mp4"], [])
    assert hashed == []  # size and time to the nanosecond are the same, and so is the sample
    assert look(after(known, lib), lib) == (["b/three.mp4", "a/one.mp4", "a/two.mp4"], [], [])


def test_a_gallery_without_samples_costs_a_hash(lib: Path, hashed: list[str]) -> None:
    known = attempts(lib, sample=False)
    (lib / "a" / "one.mp4").rename(lib / "new.mp4")
    assert look(known, lib)[1] == ["a/one.mp4 at lib/new.mp4"]
    assert hashed == ["new.mp4"]
    assert after(known, lib)[-1].content_sample  # and the next time it does not


def test_a_touched_file_is_hashed_once(lib: Path, hashed: list[str]) -> None:
    known = attempts(lib)
    touch(lib / "a" / "one.mp4")
    assert look(known, lib) == (["a/two.mp4", "b/three.mp4"], ["a/one.mp4 at a/one.mp4"], [])
    assert hashed == ["one.mp4"]
    hashed.clear()
    assert look(after(known, lib), lib) == (ALL, [], [])
    assert hashed == ["one.mp4"]  # by after()


def test_a_file_that_was_written_to_is_work_even_where_its_sample_is_the_same(lib: Path) -> None:
    path = lib / "large.mp4"
    write(path, bytes(10_000_000))
    known = attempts(lib)
    write(path, bytes(100_000) + b"x" + bytes(9_899_999))
    touch(path)
    found = recognise(list_sources([str(lib)]).sources, known)
    assert found.updates == []
    assert contents.content_sample(str(path), 10_000_000) == known[-1].content_sample
    assert "large.mp4" in ids(found)[0]


def test_a_copy_is_stored_under_its_own_id(lib: Path, hashed: list[str]) -> None:
    known = attempts(lib)
    shutil.copy(lib / "a" / "one.mp4", lib / "again.mp4")
    assert look(known, lib) == (ALL, [], ["again.mp4"])
    assert hashed == ["again.mp4"]


def test_of_two_copies_of_what_is_gone_one_is_the_video_and_has_its_name_if_any_has(lib: Path) -> None:
    known = attempts(lib)
    (lib / "c").mkdir()
    shutil.copy2(lib / "a" / "one.mp4", lib / "b" / "one.mp4")
    shutil.copy2(lib / "a" / "one.mp4", lib / "c" / "one.mp4")
    (lib / "a" / "one.mp4").unlink()
    assert look(known, lib) == (["a/two.mp4", "b/three.mp4"], ["a/one.mp4 at b/one.mp4"], ["c/one.mp4"])


def test_files_that_change_places_keep_the_names_of_the_places(lib: Path) -> None:
    known = attempts(lib)
    (lib / "a" / "one.mp4").rename(lib / "x")
    (lib / "a" / "two.mp4").rename(lib / "a" / "one.mp4")
    (lib / "x").rename(lib / "a" / "two.mp4")
    assert look(known, lib) == (["b/three.mp4"], [], ["a/one.mp4", "a/two.mp4"])


def test_another_file_in_the_place_of_one_that_moved_in_the_same_run(lib: Path) -> None:
    known = attempts(lib)
    (lib / "a" / "one.mp4").rename(lib / "b" / "one.mp4")
    write(lib / "a" / "one.mp4", b"new")
    assert look(known, lib) == (ALL, [], ["b/one.mp4"])  # a/one.mp4 has changed


def test_another_file_in_the_place_of_one_that_moved_before_gets_a_longer_id(lib: Path) -> None:
    known = attempts(lib)
    (lib / "a" / "one.mp4").rename(lib / "b" / "one.mp4")
    known = after(known, lib)
    write(lib / "a" / "one.mp4", b"new")
    assert look(known, lib) == (["lib/a/one.mp4", "a/two.mp4", "a/one.mp4", "b/three.mp4"], [], [])
    assert look(after(known, lib), lib) == (["lib/a/one.mp4", "a/two.mp4", "a/one.mp4", "b/three.mp4"], [], [])


def test_a_video_that_comes_back_to_its_place(lib: Path) -> None:
    known = attempts(lib)
    (lib / "a").rename(lib / "c")
    known = after(known, lib)
    (lib / "c").rename(lib / "a")
    assert look(known, lib) == (["b/three.mp4"], ["a/one.mp4 at a/one.mp4", "a/two.mp4 at a/two.mp4"], [])


def test_a_folder_of_a_known_library_is_known(lib: Path) -> None:
    assert look(attempts(lib), lib / "a") == (["a/one.mp4", "a/two.mp4"], [], [])
    assert look(attempts(lib), lib, lib / "a") == (ALL, [], [])


def test_ids_of_a_manifest_stay_its_own(lib: Path) -> None:
    manifest = lib / "m.csv"
    manifest.write_text("id,uri\nx,a/one.mp4\ny,a/one.mp4\n")
    known = attempts(manifest)
    assert look(known, manifest) == (["x", "y"], [], [])
    manifest.write_text("id,uri\nx,a/one.mp4\nz,a/one.mp4\n")
    assert look(known, manifest) == (["x"], [], ["z"])
    (lib / "a" / "one.mp4").rename(lib / "new.mp4")
    manifest.write_text("id,uri\nx,new.mp4\ny,new.mp4\n")
    assert look(known, manifest) == ([], ["x at lib/new.mp4", "y at lib/new.mp4"], [])


def test_all_that_a_moved_file_holds_moves(lib: Path) -> None:
    known = attempts(lib)
    known.append(dataclasses.replace(known[0], video_id="a/one.mp4#1", content_sha256=known[0].content_sha256 + "#1"))
    (lib / "a" / "one.mp4").rename(lib / "new.mp4")
    assert look(known, lib)[1] == ["a/one.mp4 at lib/new.mp4", "a/one.mp4#1 at lib/new.mp4"]


def test_a_further_stream_is_no_copy_of_its_file(lib: Path) -> None:
    """Of a file that was touched: its main stream has moved on, the other is decoded."""
    known = attempts(lib)
    touch(lib / known[0].video_id)
    source = dataclasses.replace(list_sources([str(lib)]).sources[0], id_given=True)
    found = recognise([source, source.of_stream(1)], known)
    assert ids(found) == (["a/one.mp4#1"], ["a/one.mp4 at a/one.mp4"], [])


@pytest.mark.parametrize("forms", [("NFD", "NFC"), ("NFC", "NFD")])
def test_nfc_and_nfd_are_one_name(lib: Path, forms: tuple[str, str]) -> None:
    before, now = (lib / unicodedata.normalize(form, "é.mp4") for form in forms)
    write(before, b"e")
    known = attempts(lib)
    before.rename(now)
    left, moved, copies = look(known, lib)
    assert (left, copies) == (ALL, [])
    assert moved == [f"{before.name} at lib/{now.name}"]
    write(now, b"other")
    assert look(known, lib) == ([*ALL, before.name], [], [])


def test_files_whose_names_differ_in_their_form_alone_are_two(lib: Path) -> None:
    one, two = (lib / unicodedata.normalize(form, "é.mp4") for form in ("NFC", "NFD"))
    write(one, b"c")
    known = attempts(lib)
    write(two, b"d")
    assert sorted(look(known, lib)[0]) == sorted([*ALL, one.name, two.name])


def test_a_file_of_a_removed_video_stays_out_where_it_moves(lib: Path) -> None:
    known = attempts(lib)
    buried = Tombstone("a/one.mp4", str(lib / "a" / "one.mp4"), 1.0)
    assert look(known, lib, removed=(buried,)) == (ALL, [], [])  # the plan keeps it out
    shutil.copy2(lib / "a" / "one.mp4", lib / "copy.mp4")
    assert look(known, lib, removed=(buried,)) == ([*ALL, "copy.mp4"], [], [])  # another video
    (lib / "a" / "one.mp4").unlink()
    found = recognise(list_sources([str(lib)]).sources, known, [buried])
    assert ([s.video_id for s in found.sources], found.kept_out) == (["a/two.mp4", "b/three.mp4"], ["copy.mp4"])


def test_what_was_pruned_is_new_when_it_comes_back(lib: Path) -> None:
    known = [*attempts(lib), *attempts(lib, ledger.REMOVED)]
    assert look(known, lib) == (ALL, [], [])
    (lib / "a").rename(lib / "c")
    assert look(known, lib) == (["b/three.mp4", "c/one.mp4", "c/two.mp4"], [], [])


def test_what_cannot_be_read_is_left_to_its_dead_letter(lib: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    known = attempts(lib)

    def refuse(uri: str, size_bytes: int) -> str:
        raise OSError("Input/output error")

    touch(lib / "a" / "one.mp4")
    monkeypatch.setattr(recognition, "content_sample", refuse)
    assert look(known, lib) == (ALL, [], [])
