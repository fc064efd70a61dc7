"""The arbiter: what waits for whom, and a log that any number of them share."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
import time
from pathlib import Path

import pytest

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.records import Failure
from cliptrace.schemas.verdicts import Judgement, Policy
from cliptrace.transforms.dedup.arbiter import Arbiter
from cliptrace.transforms.dedup.log import Log
from tests.unit.transforms.dedup_examples import exact, judgement, shared, whole


def arbiter(folder: Path) -> Arbiter:
    return Arbiter(Log(str(folder), 365), Policy())


def lines(folder: Path, kind: str) -> list[dict]:
    return [
        json.loads(line) for path in sorted(folder.glob(f"{kind}-*.jsonl")) for line in path.read_text().splitlines()
    ]


def said(folder: Path) -> dict[str, str]:
    return {line["video_id"]: line["canonical_id"] for line in lines(folder, "verdicts")}


def failure(video_id: str, message: str = "no frame could be decoded") -> Failure:
    return Failure(f"/in/{video_id}", video_id, "decode", "MediaError", message, "1-1", time=1.0)


def test_an_event_is_one_line_of_the_contract(tmp_path: Path) -> None:
    arbiter(tmp_path).hear(judgement("a", whole("old", in_flight=False)))
    (line,) = lines(tmp_path, "verdicts")
    assert line.pop("event_time").endswith("Z")
    assert len(line.pop("event_id")) == 24
    assert line == {
        "uri": "/in/a",
        "video_id": "a",
        "verdict": "duplicate_of",
        "canonical_id": "old",
        "whole": True,
        "score": 0.9,
        "segments": [
            {
                "query_start": 0.0,
                "query_end": 8.0,
                "ref_start": 2.0,
                "ref_end": 10.0,
                "score": 0.9,
                "reversed": False,
                "speed": 1.0,
            }
        ],
        "revises": None,
        "matched_id": "old",
        "fingerprint": "1-1",
        "overlaps": [],
    }


def test_an_overlap_is_one_line_of_the_contract_and_told_once(tmp_path: Path) -> None:
    for each in (arbiter(tmp_path), arbiter(tmp_path)):
        each.hear(judgement("a", shared("b", 0.5, 0.25)))
        each.hear(judgement("b"))  # which did not see a
    first, second = lines(tmp_path, "verdicts")
    assert (first["video_id"], first["verdict"], first["overlaps"]) == ("a", "canonical", [])
    segment = {
        "query_start": 2.0,
        "query_end": 10.0,
        "ref_start": 0.0,
        "ref_end": 8.0,
        "score": 0.9,
        "reversed": False,
        "speed": 1.0,
    }
    assert second.pop("event_time").endswith("Z")
    assert len(second.pop("event_id")) == 24
    assert second == {
        "uri": "/in/b",
        "video_id": "b",
        "verdict": "overlaps",
        "canonical_id": "b",
        "whole": False,
        "score": 0.9,
        "segments": [segment],
        "revises": None,
        "matched_id": "a",
        "fingerprint": "1-1",
        "overlaps": [
            {
                "matched_id": "a",
                "canonical_id": "a",
                "score": 0.9,
                "share": 0.25,
                "other_share": 0.5,
                "segments": [segment],
            }
        ],
    }


def test_a_pair_counts_when_both_are_judged_even_by_another_worker(tmp_path: Path) -> None:
    arbiter(tmp_path).hear(judgement("a", whole("b")))
    assert said(tmp_path) == {"a": "a"}
    arbiter(tmp_path).hear(judgement("b"))  # which did not see a, and a worker that has just been started
    first, second = lines(tmp_path, "verdicts")
    assert (first["video_id"], first["verdict"]) == ("a", "canonical")
    assert (second["video_id"], second["canonical_id"], second["revises"]) == ("b", "a", None)
    assert second["segments"][0]["query_start"] == 2.0  # as b sees it


def test_what_is_heard_again_is_written_once(tmp_path: Path) -> None:
    messages = [judgement("a", whole("b")), judgement("b"), failure("x")]
    for each in (arbiter(tmp_path), arbiter(tmp_path)):
        for message in messages:
            each.hear(message)
    assert len(lines(tmp_path, "verdicts")) == 2
    assert len(lines(tmp_path, "failures")) == 1


@pytest.mark.parametrize("leader_first", [True, False])
def test_an_exact_copy_waits_for_the_first_of_its_content(tmp_path: Path, leader_first: bool) -> None:
    messages = [judgement("first"), judgement("copy", exact("first"))]
    for message in messages if leader_first else reversed(messages):
        arbiter(tmp_path).hear(message)
    assert said(tmp_path) == {"first": "first", "copy": "first"}


@pytest.mark.parametrize("leader_first", [True, False])
def test_an_exact_copy_of_what_cannot_be_used_is_a_dead_letter(tmp_path: Path, leader_first: bool) -> None:
    messages: list[Judgement | Failure] = [failure("first"), judgement("copy", exact("first"))]
    for message in messages if leader_first else reversed(messages):
        arbiter(tmp_path).hear(message)
    assert said(tmp_path) == {}
    assert [(line["video_id"], line["uri"], line["message"]) for line in lines(tmp_path, "failures")] == [
        ("first", "/in/first", "no frame could be decoded"),
        ("copy", "/in/copy", "the same file as first, which cannot be used: no frame could be decoded"),
    ]


def test_a_dead_letter_of_an_earlier_version_says_nothing_of_a_copy_of_this_one(tmp_path: Path) -> None:
    """An upload that stalled is a dead letter; then it is whole, and a copy of it comes."""
    link = dataclasses.replace(exact("first"), fingerprint="2-2")
    for message in (failure("first"), judgement("copy", link), failure("first"), judgement("first", fingerprint="2-2")):
        arbiter(tmp_path).hear(message)
    assert said(tmp_path) == {"first": "first", "copy": "first"}
    assert [line["video_id"] for line in lines(tmp_path, "failures")] == ["first"]


def test_many_at_once_write_one_consistent_log(tmp_path: Path) -> None:
    """Workers that were declared dead and are not, beside those that took their place."""
    ids = [f"v{number:02}" for number in range(40)]
    found = [judgement(video, *(whole(other) for other in ids if other != video)) for video in ids]
    arbiters = [arbiter(tmp_path) for _ in range(4)]
    threads = [
        threading.Thread(target=lambda each=each: [each.hear(message) for message in found]) for each in arbiters
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(set(said(tmp_path).values())) == 1
    events = [line["event_id"] for line in lines(tmp_path, "verdicts")]
    assert len(events) == len(set(events))
    assert set(said(tmp_path)) == set(ids)


def test_half_a_line_of_a_killed_writer_is_mended(tmp_path: Path) -> None:
    arbiter(tmp_path).hear(judgement("a"))
    (shard,) = tmp_path.glob("verdicts-*.jsonl")
    whole_lines = shard.read_bytes()
    shard.write_bytes(whole_lines + b'{"event_id": "12' + b"x" * 70_000)
    reader = Log(str(tmp_path), 365)
    assert len(list(reader.new())) == 1
    arbiter(tmp_path).hear(judgement("b"))
    assert said(tmp_path) == {"a": "a", "b": "b"}
    assert [row.video_id for row in reader.new()] == ["b"]


def test_a_line_that_is_none_of_ours_is_named(tmp_path: Path) -> None:
    shard = tmp_path / "verdicts-20260131T120000Z.jsonl"
    shard.write_text('{"video_id": "a"}\n')
    with pytest.raises(CliptraceError) as error:
        arbiter(tmp_path).hear(judgement("b"))
    assert str(error.value) == f"{shard}: a line is no entry of verdicts: 'uri'"


def test_shards_of_long_ago_are_not_read(tmp_path: Path) -> None:
    (tmp_path / "verdicts-20200131T120000Z.jsonl").write_text("not even JSON\n")
    arbiter(tmp_path).hear(judgement("b"))
    assert said(tmp_path / "none") == {}
    assert len(list(Log(str(tmp_path), 365).new())) == 1


def test_only_shards_that_may_have_grown_are_read_again(tmp_path: Path) -> None:
    arbiter(tmp_path).hear(judgement("a"))
    (newest,) = tmp_path.glob("verdicts-*.jsonl")
    older = tmp_path / "verdicts-20260131T120000Z.jsonl"
    older.write_bytes(newest.read_bytes())
    os.utime(tmp_path, (0, 0))  # long ago: what was listed then is listed
    log = Log(str(tmp_path), 365_000)
    assert len(list(log.new())) == 2
    older.write_text("nobody appends here\n" * 100)
    (tmp_path / "verdicts-20260131T130000Z.jsonl").write_text("{}\n")
    os.utime(tmp_path, (0, 0))
    assert list(log.new()) == []
    arbiter_of_another_job = Log(str(tmp_path), 365_000)
    with pytest.raises(CliptraceError, match="a line is no entry of verdicts"):
        list(arbiter_of_another_job.new())


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(CliptraceError) as error:
        arbiter(tmp_path / "file").hear(judgement("a"))
    assert str(error.value) == f"{tmp_path / 'file'}: cannot be written: File exists"


def test_a_clock_that_is_set_back_does_not_change_the_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    now = time.time()
    arbiter(tmp_path).hear(judgement("a"))
    monkeypatch.setattr("cliptrace.transforms.dedup.log.time.time", lambda: now - 3600)
    arbiter(tmp_path).hear(judgement("b"))
    assert [line["video_id"] for line in lines(tmp_path, "verdicts")] == ["a", "b"]
