"""What a person names, and the list of videos that it means."""

from __future__ import annotations

import errno
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.schemas.records import VideoSource
from cliptrace.transforms.fingerprints import MISSING, size_of
from cliptrace.transforms.sources import list_sources
from cliptrace.transforms.store import files
from tests.unit.transforms import memory_files


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def mem() -> Iterator[dict[str, bytes]]:
    memory_files.FILES.clear()
    yield memory_files.FILES
    memory_files.FILES.clear()


def write(*paths: str, content: str | None = None) -> None:
    for path in paths:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Path(path).write_text(path if content is None else content)


def ids(*arguments: str) -> list[str]:
    return [source.video_id for source in list_sources(arguments).sources]


def refused(*arguments: str) -> str:
    with pytest.raises(UsageError) as caught:
        list_sources(arguments)
    return str(caught.value)


# Files, folders, globs


def test_a_file_is_a_video_whatever_its_name(here: Path) -> None:
    write("sub/notes.bin")
    (source,) = list_sources(["sub/notes.bin"]).sources
    fingerprint = f"13-{Path('sub/notes.bin').stat().st_mtime_ns}"
    assert source == VideoSource("notes.bin", str(here / "sub/notes.bin"), fingerprint)
    assert size_of(source) == 13


def test_a_folder_is_searched_to_its_bottom_and_what_is_no_video_is_counted(here: Path) -> None:
    write("v/b.MP4", "v/a/c.mkv", "v/.hidden.mp4", "v/readme.md", "v/a/list.csv", "v/noname", "v/.h/d.mp4")
    listing = list_sources(["v"])
    assert [source.video_id for source in listing.sources] == ["a/c.mkv", "b.MP4"]
    kinds = {"v/.hidden.mp4": "hidden", "v/.h/d.mp4": "hidden", "v/readme.md": ".md", "v/a/list.csv": ".csv"}
    assert listing.ignored == {**kinds, "v/noname": "no extension"}
    assert list_sources(["v/"]) == listing
    assert list_sources([f"file://{here}/v"]).sources == listing.sources


def test_pictures_that_move_are_videos(here: Path) -> None:
    animated = b"RIFF\0\0\0\0WEBPVP8X\x0a\0\0\0"
    pictures = {
        "moves.webp": animated + b"\x02\0\0\0",
        ".hidden.webp": animated + b"\x02\0\0\0",
        "still.webp": animated + b"\x10\0\0\0",
        "short.webp": animated,
        "moves.avif": b"\0\0\0\x2cftypavis\0\0\0\0",
        "too.avif": b"\0\0\0\x2cftypmif1\0\0\0\0avifavis",
        "still.avif": b"\0\0\0\x20ftypavif\0\0\0\0avifmif1miaf",
    }
    for name, content in pictures.items():
        Path(name).write_bytes(content)
    os.mkfifo("pipe.webp")
    assert ids(".") == ["moves.avif", "moves.webp", "too.avif"]


def test_an_empty_folder_alone_is_refused(here: Path) -> None:
    Path("empty").mkdir()
    write("texts/a.txt", "texts/b.md", "v/a.mp4")
    assert refused("empty") == "no video found in empty"
    assert refused("empty", "texts") == "no video found in empty, texts (2 other files)"
    assert ids("empty", "v") == ["a.mp4"]


def test_a_folder_that_cannot_be_read_is_told(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("v/a.mp4", "v/.trash/b.mp4", "v/sub/c.mp4")
    real, closed = os.scandir, {"v/.trash"}

    def scandir(path: Any) -> Any:
        if os.fspath(path) in closed:
            raise PermissionError(errno.EACCES, "Permission denied", os.fspath(path))
        return real(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert ids("v") == ["a.mp4", "sub/c.mp4"]
    for folder in ("v/sub", "v"):
        closed.add(folder)
        assert refused("v") == (
            f"{folder}: cannot be read: Permission denied; make it readable, or name the videos with a glob"
        )


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("v/*.mp4", ["a.mp4", "b.mp4"]),
        ("v/*", ["a.mp4", "b.mp4", "c.txt"]),
        ("v/.*", [".h.mp4"]),
        ("v/**/*.mp4", ["a.mp4", "b.mp4", "x/y/d.mp4"]),
        ("v/**", ["a.mp4", "b.mp4", "c.txt", "x/y/d.mp4"]),
        ("v/[a]?mp4", ["a.mp4"]),
        ("v/x/*/d.mp4", ["y/d.mp4"]),
    ],
)
def test_globs(here: Path, pattern: str, expected: list[str]) -> None:
    write("v/a.mp4", "v/b.mp4", "v/.h.mp4", "v/c.txt", "v/x/y/d.mp4")
    assert ids(pattern) == expected
    assert ids(str(here / pattern)) == expected


def test_a_glob_that_python_cannot_read_is_a_usage_error(here: Path) -> None:
    assert refused("v/**x/*.mp4").startswith("v/**x/*.mp4: ")


@pytest.mark.parametrize(
    "name", ["[1].mp4", "a b.mp4", 'it\'s "it".mp4', "-rf.mp4", "new\nline.mp4", "*.mp4", "concat:a.mp4", "ä é.mp4"]
)
def test_names_that_mean_something_elsewhere(here: Path, name: str) -> None:
    write(name, "1.mp4")
    assert ids(name) == [name]
    assert set(ids(".")) == {name, "1.mp4"}
    assert list_sources([name]).sources[0].uri == str(here / name)


def test_a_folder_that_is_called_like_a_glob(here: Path) -> None:
    write("clips [1]/a.mp4", "clips 1/b.mp4")
    assert ids("clips [1]") == ["a.mp4"]
    assert ids("clips [1]/*.mp4") == ["a.mp4"]


def test_a_name_that_is_not_utf8_has_an_escaped_id(here: Path) -> None:
    Path(os.fsdecode(b"bad\xff.mp4")).write_bytes(b"x")
    (source,) = list_sources(["."]).sources
    assert source.video_id == "bad\\udcff.mp4"
    assert size_of(source) == 1


@pytest.mark.parametrize("missing", ["nothing.mp4", "nothing/*.mp4", "nothing.csv"])
def test_what_does_not_exist(here: Path, missing: str) -> None:
    assert refused(missing) == f"{missing}: no such file or folder"


def test_an_empty_argument_is_not_the_current_folder(here: Path) -> None:
    write("a.mp4")
    assert refused("") == "an empty SOURCE names nothing"


def test_a_dangling_link_is_listed_as_missing(here: Path) -> None:
    Path("v").mkdir()
    Path("v/gone.mp4").symlink_to("nowhere")
    (source,) = list_sources(["v"]).sources
    assert source.fingerprint == MISSING
    assert size_of(source) == 0


# Manifests


def test_csv_with_a_byte_order_mark_crlf_blank_lines_and_columns_that_pass_through(here: Path) -> None:
    write("m/clips/a.mp4", "m/b c.mp4")
    Path("m/videos.csv").write_bytes(
        '\ufeffid,uri,owner,note\r\n\r\nfirst,clips/a.mp4,"Bo, Ltd",\r\n,b c.mp4,Al,"two\r\nlines"\r\n,,,\r\n'.encode()
    )
    first, second = list_sources(["m/videos.csv"]).sources
    assert (first.video_id, first.uri) == ("first", str(here / "m/clips/a.mp4"))
    assert first.metadata == {"owner": "Bo, Ltd", "note": ""}
    assert (second.video_id, second.uri) == ("b c.mp4", str(here / "m/b c.mp4"))
    assert second.metadata == {"owner": "Al", "note": "two\r\nlines"}


@pytest.mark.parametrize("column", ["uri", "url", "file_name"])
def test_every_name_of_the_uri_column_in_every_type_of_manifest(here: Path, column: str) -> None:
    write("a.mp4")
    write("m.csv", content=f"{column},tag\na.mp4,5\n")
    write("m.jsonl", content=f'\n{{"{column}": "a.mp4", "tag": 5, "none": null}}\n\n')
    pq.write_table(pa.table({column: ["a.mp4"], "tag": [5]}), "m.parquet")
    for manifest in ("m.csv", "m.jsonl", "m.parquet"):
        (source,) = list_sources([manifest]).sources
        assert (source.video_id, source.uri, source.metadata) == ("a.mp4", str(here / "a.mp4"), {"tag": "5"})


def test_txt_has_a_uri_a_line_or_an_id_and_a_uri(here: Path) -> None:
    write("-a b.mp4", "b.mp4")
    Path("m.txt").write_bytes(b"\xef\xbb\xbf-a b.mp4\r\n\r\nsecond\tb.mp4\r\n/abs/c.mp4\nfile:///abs/d.mp4\n")
    found = [(source.video_id, source.uri) for source in list_sources(["m.txt"]).sources]
    assert found == [
        ("-a b.mp4", str(here / "-a b.mp4")),
        ("second", str(here / "b.mp4")),
        ("/abs/c.mp4", "/abs/c.mp4"),
        ("file:///abs/d.mp4", "/abs/d.mp4"),
    ]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("m.csv", "id,path\na,a.mp4\n", "m.csv line 1: no column uri (nor url, nor file_name)"),
        ("m.csv", "", "m.csv line 1: no column uri (nor url, nor file_name)"),
        ("m.csv", "id,uri\na,a.mp4\nb\n", "m.csv line 3: not 2 columns"),
        ("m.csv", "id,uri\n\na,a.mp4,x\n", "m.csv line 3: not 2 columns"),
        ("m.csv", "id,uri\na,\n", "m.csv line 2: no uri (nor url, nor file_name)"),
        ("m.csv", 'id,uri\na,"a.mp4\n', "m.csv line 2: unexpected end of data"),
        ("m.csv", "id,uri\n", "m.csv: names no video"),
        (
            "m.jsonl",
            '{"uri": "a.mp4"}\n{"uri": \n',
            "m.jsonl line 2: not JSON: Expecting value: line 1 column 9 (char 8)",
        ),
        ("m.jsonl", "[1]\n", "m.jsonl line 1: not a JSON object"),
        ("m.jsonl", '{"id": "a"}', "m.jsonl line 1: no uri (nor url, nor file_name)"),
        ("m.jsonl", '{"uri": "  "}', "m.jsonl line 1: no uri (nor url, nor file_name)"),
        ("m.txt", "a\t\n", "m.txt line 1: no uri (nor url, nor file_name)"),
        ("m.txt", "\n \n", "m.txt: names no video"),
        ("m.csv", "uri,id,uri\na,b,c\n", "m.csv line 1: column 'uri' stands there twice"),
        ("m.csv", 'uri\n"' + "x" * 140_000 + '"\n', "m.csv line 2: field larger than field limit (131072)"),
        ("m.txt", "a\n" + "x" * 2**20, "m.txt line 2: has more than 1,048,576 characters"),
        ("m.jsonl", "x" * 2**21, "m.jsonl line 1: has more than 1,048,576 characters"),
        ("m.jsonl", '{"uri": ["a.mp4"]}', "m.jsonl line 1: uri must be a text, not list"),
        ("m.jsonl", '{"uri": "a.mp4", "id": {"a": 1}}', "m.jsonl line 1: id must be a text, not dict"),
        ("m.jsonl", '{"uri": "a.mp4", "id": true}', "m.jsonl line 1: id must be a text, not bool"),
        ("m.jsonl", '{"uri": "a.mp4", "id": "a\\u0000b"}', "m.jsonl line 1: id holds a NUL character"),
        ("m.txt", "x" * 4097, "m.txt line 1: id is longer than 4096 bytes"),
        ("m.jsonl", '{"id": "' + "ä" * 2049 + '", "uri": "a"}', "m.jsonl line 1: id is longer than 4096 bytes"),
    ],
)
def test_bad_rows_are_told_by_file_and_line(here: Path, name: str, content: str, message: str) -> None:
    write(name, content=content)
    assert refused(name) == message


def test_manifests_that_cannot_be_read_at_all(here: Path) -> None:
    Path("m.csv").write_bytes(b"uri\n\xff\xfe.mp4\n")
    assert refused("m.csv").startswith("m.csv: cannot be read: 'utf-8' codec can't decode byte 0xff")
    Path("m.parquet").write_bytes(b"no parquet")
    assert refused("m.parquet").startswith("m.parquet: cannot be read: ")
    Path("deep.jsonl").write_text("[" * 100_000)
    assert refused("deep.jsonl").startswith("deep.jsonl line 1: not JSON")


def test_a_parquet_manifest_that_is_small_on_disk_only(here: Path) -> None:
    table = pa.table({"uri": pa.array(["a" * 400_000] * 1000, pa.large_string())})
    pq.write_table(table, "m.parquet")
    assert Path("m.parquet").stat().st_size < 1_000_000
    assert refused("m.parquet") == "m.parquet row 1: 1000 rows take more than 268,435,456 bytes"


def test_a_parquet_manifest_of_text_that_is_none(here: Path) -> None:
    text = pa.Array.from_buffers(pa.string(), 1, [None, pa.py_buffer(b"\0\0\0\0\2\0\0\0"), pa.py_buffer(b"\xff\xfe")])
    pq.write_table(pa.table({"uri": text}), "m.parquet")
    assert refused("m.parquet").startswith("m.parquet: cannot be read: ")
    assert "UTF8" in refused("m.parquet")


def test_lone_surrogates_never_reach_a_store(here: Path) -> None:
    Path("m.jsonl").write_text(r'{"id": "a\ud800", "uri": "a.mp4", "k\udcff": "\ud800"}')
    (source,) = list_sources(["m.jsonl"]).sources
    assert source.video_id == "a\\ud800"
    assert source.metadata == {"k\\udcff": "\\ud800"}


# The same id twice


def test_a_file_that_is_named_twice_is_listed_once(here: Path) -> None:
    write("v/s/a.mp4")
    assert ids("v", "v/s/a.mp4", "./v", str(here / "v"), "v/s") == ["s/a.mp4"]
    assert ids("v/s", "v") == ["a.mp4"]


def test_the_same_id_in_a_manifest_with_the_same_content_is_listed_once(here: Path) -> None:
    write("v/a.mp4", "w/a.mp4", content="same")
    write("m.csv", content="id,uri\nx,v/a.mp4\nx,w/a.mp4\n")
    assert [source.uri for source in list_sources(["m.csv"]).sources] == [str(here / "v/a.mp4")]


def test_the_same_id_with_different_content_names_both_lines(here: Path) -> None:
    write("a.mp4", "b.mp4")
    write("m.csv", content="id,uri\nx,a.mp4\ny,a.mp4\nx,b.mp4\n")
    assert refused("m.csv") == (
        f"id 'x' names different content at m.csv line 2 ({here}/a.mp4) and at m.csv line 4 ({here}/b.mp4)"
    )


def test_the_same_id_for_what_has_no_end(here: Path) -> None:
    write("a.mp4")
    os.mkfifo("pipe.mp4")
    write("m.csv", content="id,uri\nx,/dev/zero\nx,a.mp4\n")
    assert refused("m.csv").startswith("id 'x' names different content at m.csv line 2 (/dev/zero)")
    write("m.csv", content="id,uri\nx,a.mp4\nx,pipe.mp4\n")
    assert refused("m.csv").startswith("id 'x' names different content at m.csv line 2 (")


@pytest.mark.parametrize(
    "arguments", [("1/d1", "1/d2"), ("1/d1/a.mp4", "1/d2/a.mp4"), ("1/d1/*.mp4", "1/d2/*.mp4"), ("1/d1", "1/d2/a.mp4")]
)
def test_equal_names_are_told_apart_by_their_folders(here: Path, arguments: tuple[str, ...]) -> None:
    write("1/d1/a.mp4", "1/d2/a.mp4", content="also where the content is the same")
    assert ids(*arguments) == ["d1/a.mp4", "d2/a.mp4"]
    uris = [source.uri for source in list_sources(arguments).sources]
    assert uris == [str(here / "1/d1/a.mp4"), str(here / "1/d2/a.mp4")]


def test_only_what_clashes_gets_a_longer_id(here: Path) -> None:
    write("1/d/s/a.mp4", "1/d/b.mp4", "2/d/s/a.mp4", "2/d/c.mp4")
    assert ids("1/d", "2/d") == ["b.mp4", "1/d/s/a.mp4", "c.mp4", "2/d/s/a.mp4"]


def test_an_id_of_a_manifest_stays_and_others_make_way(here: Path) -> None:
    write("v/a.mp4", "w/a.mp4")
    write("m.txt", content="a.mp4\tw/a.mp4\n")
    assert ids("v", "m.txt") == ["v/a.mp4", "a.mp4"]


def test_remote_folders_with_equal_names(mem: dict[str, bytes]) -> None:
    mem |= {"mem://b/v/a.mp4": b"a", "mem://b/w/a.mp4": b"b"}
    assert ids("mem://b/v", "mem://b/w") == ["v/a.mp4", "w/a.mp4"]


# Links


def test_a_link_to_a_folder_is_followed_once_and_loops_are_cut(here: Path) -> None:
    write("v/a.mp4", "elsewhere/b.mp4", "elsewhere/.c.mp4", "hidden/d.mp4")
    Path("v/more").symlink_to("../elsewhere")
    Path("v/once-more").symlink_to("../elsewhere")
    Path("v/loop").symlink_to(".")
    Path("elsewhere/back").symlink_to("../v")
    Path("v/.link").symlink_to("../hidden")
    listing = list_sources(["v"])
    assert [source.video_id for source in listing.sources] == ["a.mp4", "more/b.mp4"]
    assert listing.loops == ("v/loop", "v/once-more", "v/more/back")
    assert listing.ignored == {"v/more/.c.mp4": "hidden"}


def test_a_real_folder_goes_before_a_link_to_it(here: Path) -> None:
    write("v/z/a.mp4")
    Path("v/b").symlink_to("z")
    Path("w").symlink_to("v")
    assert ids("v") == ids("w") == ["z/a.mp4"]


def test_a_link_to_the_folder_above_lists_what_is_new(here: Path) -> None:
    write("top/v/a.mp4", "top/other/b.mp4")
    Path("top/v/up").symlink_to("..")
    assert ids("top/v") == ["a.mp4", "up/other/b.mp4"]


# Other filesystems


def test_a_remote_folder_glob_file_and_manifest(mem: dict[str, bytes]) -> None:
    mem |= {
        "mem://b/v/a.mp4": b"a",
        "mem://b/v/s/b.mp4": b"bb",
        "mem://b/v/x.txt.bak": b"",
        "mem://b/v/[1].mp4": b"1",
        "mem://b/m.csv": b"id,uri,who\none,v/a.mp4,me\ntwo,mem://b/v/s/b.mp4,you\ngone,v/gone.mp4,\n",
    }
    folder = list_sources(["mem://b/v/"])
    assert [source.video_id for source in folder.sources] == ["[1].mp4", "a.mp4", "s/b.mp4"]
    assert folder.ignored == {"mem://b/v/x.txt.bak": ".bak"}
    assert [(s.video_id, s.uri, s.fingerprint) for s in list_sources(["mem://b/v/*/*.mp4"]).sources] == [
        ("s/b.mp4", "mem://b/v/s/b.mp4", "2-1.0")
    ]
    assert ids("mem://b/v/**.mp4") == ["[1].mp4", "a.mp4", "s/b.mp4"]
    assert ids("mem://b/v/a.mp4") == ["a.mp4"]
    (literal,) = list_sources(["mem://b/v/[1].mp4"]).sources
    assert (literal.uri, literal.fingerprint) == ("mem://b/v/[1].mp4", "1-1.0")
    one, two, gone = list_sources(["mem://b/m.csv"]).sources
    assert one == VideoSource("one", "mem://b/v/a.mp4", "1-1.0", {"who": "me"}, id_given=True)
    assert (two.uri, gone.fingerprint) == ("mem://b/v/s/b.mp4", MISSING)


def test_what_a_remote_filesystem_does_not_have(mem: dict[str, bytes]) -> None:
    for argument in ("mem://b/nothing.mp4", "mem://b/*.mp4", "mem://b/nothing/"):
        assert refused(argument) == f"{argument}: no such file or folder"
    assert refused("mem://b/m.csv") == "mem://b/m.csv: cannot be read: No such object"
    assert refused("nope://b/v") == "nope://b/v: cannot be listed: no filesystem is known for nope://"


# Whole files


def test_files_are_replaced_whole_and_leave_nothing_beside(here: Path) -> None:
    path = str(here / "f [1]" / "x.bin")
    files.write_bytes(path, b"1")
    files.write_bytes(path, b"22")
    assert files.read_bytes(path) == b"22"
    write("f [1]/.x.half.tmp")
    assert files.find(str(here / "f [1]"), "*") == [path]
    files.remove([path])
    files.remove_folder(str(here / "f [1]"))
    files.remove_folder(str(here / "f [1]"))
    assert list(here.iterdir()) == []


def test_a_remote_folder_is_removed_with_all_that_is_in_it(mem: dict[str, bytes]) -> None:
    for name in ("a", "b/c"):
        files.write_bytes(files.join("mem://r/t", name), b"x")
    mem["mem://r/other"] = b""
    files.remove_folder("mem://r/t")
    assert list(mem) == ["mem://r/other"]


def test_a_file_that_cannot_be_written_ends_the_run(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write("file")
    with pytest.raises(CliptraceError, match=r"^file/x: cannot be written: File exists$"):
        files.write_bytes("file/x", b"")

    def full(source: list[str], target: list[str]) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("cliptrace.transforms.store.files.FileSystems.rename", full)
    with pytest.raises(CliptraceError, match=r"^x: cannot be written: No space left on device$"):
        files.write_bytes("x", b"")
    assert [path.name for path in here.iterdir()] == ["file"]


def test_a_scheme_that_beam_does_not_know(here: Path) -> None:
    with pytest.raises(CliptraceError, match=r"^nope://b: cannot be used: no filesystem is known for nope://$"):
        files.join("nope://b", "gallery.json")


@pytest.mark.parametrize("address", ["file://{}", "file://localhost{}", "file:{}", "FILE://{}"])
def test_file_addresses_are_decoded(here: Path, address: str) -> None:
    write("my clip #1.mp4", "100%25.mp4")
    path = here / "my clip #1.mp4"
    named = address.format(path.as_uri().removeprefix("file://"))
    assert [source.uri for source in list_sources([named]).sources] == [str(path)]
    write("m.txt", content=f"{named}\n")
    assert [source.uri for source in list_sources(["m.txt"]).sources] == [str(path)]
    assert ids("100%25.mp4") == ["100%25.mp4"]


@pytest.mark.parametrize(
    ("address", "words"),
    [
        ("https://e.org/x.mp4", "https://e.org/x.mp4: cannot be listed: web addresses are not fetched: download"),
        ("https://me:secret@e.org/x.mp4?token=secret", "https://e.org/x.mp4: cannot be listed: web addresses are not"),
        ("ftp://e.org/*.mp4", "ftp://e.org/*.mp4: cannot be listed: web addresses are not fetched: download the file"),
        ("what://e.org/x.mp4", "what://e.org/x.mp4: cannot be listed: no filesystem is known for what://"),
    ],
)
def test_addresses_that_nobody_fetches(address: str, words: str) -> None:
    assert refused(address).startswith(words)


def test_no_secret_of_a_web_address_is_kept(here: Path) -> None:
    write("m.txt", content="https://me:secret@e.org/a.mp4?token=secret\n")
    (source,) = list_sources(["m.txt"]).sources
    assert (source.video_id, source.uri) == ("https://e.org/a.mp4", "https://e.org/a.mp4")
