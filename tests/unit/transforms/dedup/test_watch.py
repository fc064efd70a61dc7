"""When a file counts as an upload."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from cliptrace.schemas.records import Failure, VideoSource
from cliptrace.schemas.verdicts import Policy
from cliptrace.transforms.dedup.arbiter import Arbiter
from cliptrace.transforms.dedup.log import Log
from cliptrace.transforms.dedup.watch import _WatchDoFn, answered, settled
from cliptrace.transforms.sources import list_watched
from tests.unit.transforms.dedup_examples import State, judgement

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


def test_an_older_dead_letter_is_no_answer_to_the_file_as_it_is(tmp_path: Path) -> None:
    arbiter = Arbiter(Log(str(tmp_path), 365), Policy())
    arbiter.hear(Failure("/in/a", "a", "probe", "MediaError", "no", "1-1", time=1.0))
    arbiter.hear(judgement("a", fingerprint="2-2"))
    assert answered(Log(str(tmp_path), 365)) == {"a": ("2-2", True)}


def test_a_folder_that_goes_while_it_is_looked_at_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gone").mkdir()
    (tmp_path / "a.mp4").write_text("x")
    scan = os.scandir

    def scandir(path: str) -> Any:
        if Path(path).name == "gone":
            Path(path).rmdir()
        return scan(path)

    monkeypatch.setattr(os, "scandir", scandir)
    assert [source.video_id for source in list_watched(str(tmp_path))] == ["a.mp4"]


def test_a_folder_that_is_away_for_a_while_is_not_all_new_afterwards(tmp_path: Path) -> None:
    dofn, state = _WatchDoFn(str(tmp_path / "in"), 0.0, Log(str(tmp_path / "out"), 365)), State()
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "a.mp4").write_text("x")
    looks = [len(list(dofn.process(None, state))) for _ in range(3)]
    (tmp_path / "in").rename(tmp_path / "away")
    looks += [len(list(dofn.process(None, state)))]
    (tmp_path / "away").rename(tmp_path / "in")
    looks += [len(list(dofn.process(None, state))) for _ in range(2)]
    assert sum(looks) == 1
