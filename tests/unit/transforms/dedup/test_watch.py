"""When a file counts as an upload."""

from __future__ import annotations

from pathlib import Path

from dedup_examples import judgement

from schemas.records import Failure, VideoSource
from schemas.verdicts import Policy
from transforms.dedup.arbiter import Arbiter
from transforms.dedup.log import Log
from transforms.dedup.watch import answered, settled
from transforms.sources import list_watched

LONG_AGO, JUST_NOW = 100, 2_000_000_000


def file(video_id: str, size: int = 1, changed: int = JUST_NOW) -> VideoSource:
    return VideoSource(video_id, f"/in/{video_id}", f"{size}-{changed * 10**9}")


def test_a_file_counts_when_it_has_stopped_growing() -> None:
    ready, seen = settled([file("a", 1)], {}, 1e9)
    assert ready == []
    ready, seen = settled([file("a", 2)], seen, 1e9)
    assert ready == []
    ready, seen = settled([file("a", 2)], seen, 1e9)
    assert ready == [file("a", 2)]
    ready, seen = settled([file("a", 2)], seen, 1e9)
    assert ready == []
    ready, seen = settled([file("a", 3)], seen, 1e9)  # and on it grows
    assert ready == []
    ready, seen = settled([file("a", 3)], seen, 1e9)
    assert ready == [file("a", 3)]


def test_a_file_that_was_changed_long_ago_counts_at_once() -> None:
    ready, _ = settled([file("a", changed=LONG_AGO), file("b")], {}, 1e9)
    assert [source.video_id for source in ready] == ["a"]


def test_a_file_that_is_gone_is_forgotten() -> None:
    _, seen = settled([file("a"), file("b")], {}, 1e9)
    _, seen = settled([file("b")], seen, 1e9)
    assert set(seen) == {"b"}


def test_what_has_an_answer_is_not_asked_again(tmp_path: Path) -> None:
    arbiter = Arbiter(Log(str(tmp_path), 365), Policy())
    arbiter.hear(judgement("a", fingerprint=file("a").fingerprint))
    arbiter.hear(Failure("/in/b", "b", "probe", "MediaError", "no", file("b").fingerprint))
    ready, _ = settled([file("a"), file("b"), file("c")], answered(Log(str(tmp_path), 365)), 3e9)
    assert [source.video_id for source in ready] == ["c"]


def test_what_is_watched_may_be_empty_or_missing(tmp_path: Path) -> None:
    assert list_watched(str(tmp_path)) == []
    assert list_watched(str(tmp_path / "none")) == []
    assert list_watched(str(tmp_path / "*.mp4")) == []
    (tmp_path / "a.mp4").write_text("x")
    (tmp_path / "b.txt").write_text("x")
    (tmp_path / ".c.mp4").write_text("x")
    assert [source.video_id for source in list_watched(str(tmp_path))] == ["a.mp4"]
    assert [source.video_id for source in list_watched(str(tmp_path / "*"))] == ["a.mp4", "b.txt"]
