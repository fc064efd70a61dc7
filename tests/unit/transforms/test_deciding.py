"""Decisions in a gallery: whom names mean, files that come back from a review, and what a search makes of them."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest

from cliptrace.schemas.decisions import Decision
from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.schemas.records import FrameFeatures, Match, Rejected, Searched, Segment
from cliptrace.transforms.fingerprints import fingerprint_of
from cliptrace.transforms.results import read_rows, write_part
from cliptrace.transforms.store import files
from cliptrace.transforms.store.deciding import Decided, accept, decide, reject
from cliptrace.transforms.store.decisions import Rejections, honoured, read_decisions, state_of
from cliptrace.transforms.store.gallery import Gallery, commit
from cliptrace.transforms.store.reviews import read_review
from tests.unit.transforms import memory_files
from tests.unit.transforms.store_examples import MANIFEST, NoVectors, features


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def of_content(video_id: str, uri: Path, content: str) -> FrameFeatures:
    video = features(video_id)
    source = dataclasses.replace(video.source, uri=str(uri), fingerprint=fingerprint_of(str(uri)))
    return dataclasses.replace(video, source=source, info=dataclasses.replace(video.info, content_sha256=content))


@pytest.fixture
def filled(gallery: Gallery, tmp_path: Path) -> Gallery:
    """a and b, whose files are there; both streams of c, whose file is gone. Beside them q.mp4, which is none of it."""
    for name in ("a", "b", "q"):
        (tmp_path / f"{name}.mp4").write_bytes(name.encode())
    a, b, c = (tmp_path / f"{name}.mp4" for name in ("a", "b", "c"))
    stored = [("a", a, sha256(b"a")), ("b", b, sha256(b"b")), ("c", c, "cc"), ("c#1", c, "cc#1")]
    commit(gallery, NoVectors(), "R1", [of_content(*each) for each in stored])  # type: ignore[arg-type]
    return gallery


def contents(gallery: Gallery) -> list[tuple[str, str]]:
    return [decision.contents for decision in read_decisions(gallery.home)]


def pair(*names: bytes) -> tuple[str, ...]:
    return tuple(sorted(map(sha256, names)))


# Names


def test_names_are_of_the_gallery_or_else_of_files(
    filled: Gallery, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reject(filled, "a", str(tmp_path / "b.mp4"), note="another cut")
    reject(filled, str(tmp_path / "q.mp4"), "a")
    assert contents(filled) == [pair(b"a", b"b"), pair(b"q", b"a")]
    (first, second) = read_decisions(filled.home)
    assert {first.first.video_id, first.second.video_id, first.note} == {"a", "b", "another cut"}
    assert {second.first.uri, second.second.uri} == {str(tmp_path / "q.mp4"), str(tmp_path / "a.mp4")}
    monkeypatch.chdir(tmp_path)
    accept(filled, "a", "q.mp4")
    assert contents(filled) == [pair(b"a", b"b")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "nix",
            "no video of {home} has this id, path or URI, and as a file it cannot be read: No such file or directory",
        ),
        (
            "{folder}",
            "no video of {home} has this id, path or URI, and as a file it cannot be read: not a regular file",
        ),
        ("{folder}/c.mp4", "several videos of {home} have this path: name one by its id: c, c#1"),
    ],
)
def test_a_name_that_means_no_video_or_several(filled: Gallery, tmp_path: Path, name: str, message: str) -> None:
    name = name.format(folder=tmp_path)
    with pytest.raises(UsageError) as caught:
        reject(filled, "a", name)
    assert str(caught.value) == f"{name}: {message.format(home=filled.home)}"
    assert contents(filled) == []


def test_what_was_not_rejected_cannot_be_taken_back(filled: Gallery) -> None:
    with pytest.raises(UsageError) as caught:
        accept(filled, "a", "b")
    assert str(caught.value) == f"{filled.home}: a and b were not rejected"
    reject(filled, "a", "b", Segment(0, 10, 0, 10, 1.0))
    with pytest.raises(UsageError) as caught:
        accept(filled, "a", "b", Segment(10, 20, 0, 10, 1.0))
    assert str(caught.value) == f"{filled.home}: these seconds of a and b were not rejected"
    accept(filled, "b", "a", Segment(0, 10, 0, 9, 1.0))
    assert contents(filled) == []


def test_seconds_of_two_equal_files_cannot_be_told_apart(filled: Gallery, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    copy.write_bytes(b"a")
    with pytest.raises(UsageError) as caught:
        reject(filled, "a", str(copy), Segment(0, 10, 0, 10, 1.0))
    assert str(caught.value) == "a and copy are the same, byte for byte: decide on the pair as a whole"
    reject(filled, "a", str(copy))
    assert contents(filled) == [pair(b"a", b"a")]


@pytest.mark.parametrize(
    ("name", "message"), [("a", "a: both names are this video; name two"), ("", "the name of a video is empty")]
)
def test_a_pair_is_two_videos(filled: Gallery, name: str, message: str) -> None:
    with pytest.raises(UsageError) as caught:
        reject(filled, "a", name)
    assert str(caught.value) == message
    assert contents(filled) == []


def test_what_is_decided_anew_is_another_state(filled: Gallery) -> None:
    reject(filled, "a", "b", Segment(1, 2, 3, 4, 1.0))
    before = state_of(filled.home)
    accept(filled, "a", "b")
    reject(filled, "a", "b", Segment(5, 6, 7, 8, 1.0))
    assert [name for name, _ in state_of(filled.home)] == [name for name, _ in before]
    assert state_of(filled.home) != before


# A review


def review(path: Path, *rows: object) -> str:
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return str(path)


def row(query: str, ref: str, folder: Path, **more: Any) -> dict[str, Any]:
    """As cliptrace match writes it."""
    segment = {"query_start": 0.0, "query_end": 10.0, "ref_start": 50, "ref_end": 60, "score": 0.9}
    names = {"query_id": f"{query}.mp4", "query_uri": str(folder / f"{query}.mp4"), "ref_id": ref, "ref_uri": "/old"}
    return {**names, "score": 0.9, "segments": [segment], **more}


def test_a_review_is_taken_in(filled: Gallery, tmp_path: Path) -> None:
    reject(filled, "b", "c#1")
    one, other = row("q", "c", tmp_path)["segments"][0], {**row("q", "c", tmp_path)["segments"][0], "query_end": 30.0}
    path = review(
        tmp_path / "review.jsonl",
        row("q", "a", tmp_path, decision="reject", note="an advert"),
        row("q", "b", tmp_path),
        row("q", "b", tmp_path, decision=""),
        row("q", "c", tmp_path, segments=[{**one, "decision": "reject"}, {**other, "decision": None}]),
        "",
        {"query_id": "b", "ref_id": "c#1", "decision": "accept"},
        {"query_id": "b", "ref_uri": str(tmp_path / "a.mp4"), "decision": "accept"},
    )
    changes, undecided = read_review(filled, path)
    assert undecided == 2
    assert decide(filled, changes) == Decided(rejected=2, accepted=2, taken_back=1)
    (whole, some) = read_decisions(filled.home)
    assert (whole.contents, whole.segments, whole.note) == (pair(b"q", b"a"), (), "an advert")
    query = sha256(b"q")
    assert some.left_of([Segment(0, 10, 50, 60, 1.0), Segment(0, 30, 50, 60, 1.0)], query) == (
        Segment(0, 30, 50, 60, 1.0),
    )
    before = state_of(filled.home)
    assert decide(filled, [change for change in changes if change.word == "accept"]).taken_back == 0
    assert state_of(filled.home) == before


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes at column 2"),
        ("[" * 100_000, "not JSON that can be read: it is nested too deeply"),
        ([1], "[1.0] is not an object"),
        ({"decision": "no"}, 'decision \'no\' is neither "reject" nor "accept"'),
        ({"decision": "reject"}, "query_id and query_uri are missing"),
        ({"decision": "reject", "query_id": 7}, "query_id 7.0 is not text"),
        ({"decision": "reject", "query_id": "a"}, "ref_id and ref_uri are missing"),
        ({"decision": "reject", "query_id": "a", "ref_id": "nix"}, "nix: no video of {home} has this id or URI"),
        (
            {"decision": "reject", "query_id": "x", "query_uri": "/nowhere/a.mp4", "ref_id": "a"},
            "/nowhere/a.mp4: no video of {home} has this id, path or URI, and as a file it cannot be read: "
            "No such file or directory",
        ),
        ({"segments": 3}, "segments 3.0 is not a list"),
        (
            {"decision": "accept", "segments": [{}, {"decision": "reject"}]},
            "segment 2: has a decision, and so has its line: leave one of them out",
        ),
        (
            {"query_id": "a", "ref_id": "b", "segments": [{"decision": "reject", "query_start": 3}]},
            "segment 1: query_end is missing",
        ),
        (
            {"query_id": "a", "ref_id": "b", "segments": [{"decision": "accept", **dict.fromkeys(("x",), 1)}]},
            "segment 1: query_start is missing",
        ),
    ],
)
def test_one_line_that_is_wrong_and_nothing_is_written(
    filled: Gallery, tmp_path: Path, line: object, message: str
) -> None:
    path = review(tmp_path / "review.jsonl", row("q", "a", tmp_path, decision="reject"), line)
    with pytest.raises(UsageError) as caught:
        decide(filled, read_review(filled, path)[0])
    assert str(caught.value) == f"{path} line 2: {message.format(home=filled.home)}"
    assert contents(filled) == []


def test_seconds_of_what_is_rejected_as_a_whole_cannot_be_taken_back(filled: Gallery, tmp_path: Path) -> None:
    segment = {**row("q", "a", tmp_path)["segments"][0], "decision": "accept"}
    whole = row("q", "a", tmp_path, decision="reject")
    path = review(tmp_path / "review.jsonl", whole, row("q", "a", tmp_path, segments=[segment]))
    with pytest.raises(UsageError) as caught:
        decide(filled, read_review(filled, path)[0])
    assert str(caught.value).startswith(f"{path} line 2: segment 1: ")
    assert str(caught.value).endswith(
        " are rejected as a whole: take that back without segments, then reject those that are none"
    )
    assert contents(filled) == []


def test_a_query_is_its_file_whatever_the_gallery_calls_so(filled: Gallery, tmp_path: Path) -> None:
    """The gallery has an a, too, and of c it knows more than the disk."""
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "a.mp4").write_bytes(b"another a")
    further = {**row("c", "b", tmp_path)["segments"][0], "query_stream": 1}
    path = review(
        tmp_path / "review.jsonl",
        {**row("a", "b", tmp_path / "other", decision="reject"), "query_id": "a"},
        row("c", "b", tmp_path, decision="reject"),
        {**row("c", "b", tmp_path, decision="reject", segments=[further]), "query_id": "c.mp4#1"},
        {**row("q", "b", tmp_path, decision="reject", segments=[further]), "query_id": "q.mp4#1"},
    )
    decide(filled, read_review(filled, path)[0])
    queries = {content for decided in contents(filled) for content in decided} - {sha256(b"b")}
    assert queries == {sha256(b"another a"), "cc", "cc#1", f"{sha256(b'q')}#1"}


# A search


def found(*starts: float) -> Match:
    segments = tuple(Segment(start, start + 10, start, start + 10, (90 - start) / 100) for start in starts)
    return Match("q", "/q", "a", "/a", segments[0].score, segments)


def test_a_match_is_told_without_what_was_rejected(filled: Gallery, tmp_path: Path) -> None:
    query, ref = sha256(b"q"), sha256(b"a")
    rejections = Rejections(filled.home)
    match = found(0, 20)
    assert list(honoured(match, rejections.on(query, ref), query)) == [match]
    reject(filled, str(tmp_path / "q.mp4"), "a", Segment(0, 10, 0, 10, 1.0))
    assert rejections.on(query, ref) is None  # it came too late
    rejections.refresh()
    left, counted = found(20), Rejected("q", "a")
    assert list(honoured(match, rejections.on(query, ref), query)) == [counted, left]
    assert list(honoured(left, rejections.on(ref, query), query)) == [left]
    reject(filled, str(tmp_path / "q.mp4"), "a")
    assert list(honoured(match, rejections.on(query, ref), query)) == [counted]
    accept(filled, "a", str(tmp_path / "q.mp4"))
    assert list(honoured(match, rejections.on(query, ref), query)) == [match]  # gone since it was listed


def test_how_many_were_left_out_is_told_of_the_query_and_each_once(tmp_path: Path) -> None:
    rejected = [Rejected("q", "a"), Rejected("q", "a"), Rejected("q", "b"), Rejected("other", "a")]
    write_part(str(tmp_path), [found(0), *rejected, Searched("q"), Searched("z")])
    assert [(each["query_id"], each["rejected"]) for each in read_rows([str(tmp_path)], "queries.jsonl")] == [
        ("q", 2),
        ("z", 0),
    ]


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda data: b"", "Expecting value: line 1 column 1 (char 0)"),
        (lambda data: b"[]", "list indices must be integers or slices, not str"),
        (lambda data: b"{}", "'first'"),
        (
            lambda data: data.replace(b'"content_sha256": "', b'"content_sha256": "0'),
            "its name is that of another pair",
        ),
    ],
)
def test_a_damaged_decision_is_named(filled: Gallery, change: Any, reason: str) -> None:
    reject(filled, "a", "b")
    (path,) = Path(filled.home).glob("decisions/*.json")
    path.write_bytes(change(path.read_bytes()))
    rejections = Rejections(filled.home)
    assert rejections.on(sha256(b"a"), "cc") is None
    for look in (lambda: read_decisions(filled.home), lambda: rejections.on(*pair(b"a", b"b"))):
        with pytest.raises(CliptraceError) as caught:
            look()
        assert str(caught.value) == (
            f"{path}: not readable as a decision ({reason}): delete it, and decide on the pair once more"
        )


def test_decisions_of_a_gallery_on_an_object_store(tmp_path: Path) -> None:
    gallery = Gallery.create("mem://bucket/g", dataclasses.replace(MANIFEST, milvus="http://milvus:19530"))
    (tmp_path / "q.mp4").write_bytes(b"q")
    try:
        video = of_content("a", Path("/gone/a.mp4"), "aa")
        commit(gallery, NoVectors(), "R1", [video])  # type: ignore[arg-type]
        reject(gallery, "a", str(tmp_path / "q.mp4"))
        assert [name for name in memory_files.FILES if "decisions/" in name] == [
            files.join(gallery.home, f"decisions/{name}") for name in Rejections(gallery.home)._names
        ]
        assert isinstance(Rejections(gallery.home).on(sha256(b"q"), "aa"), Decision)
        accept(gallery, "a", str(tmp_path / "q.mp4"))
        assert read_decisions(gallery.home) == []
    finally:
        memory_files.FILES.clear()
