"""Matches as files: parts, their order, and the output that is put together from them."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.records import Failure, Match, Searched, Segment
from cliptrace.transforms.results import begin, finish, match_to_json, nearest, read_rows, told, write_part
from cliptrace.transforms.store import files
from tests.unit.transforms import memory_files


def match(query_id: str, ref_id: str, score: float, **metadata: dict[str, str]) -> Match:
    segment = Segment(0.00049, 1.23456, 2.0, 3.0, score, reversed=True)
    return Match(query_id, f"/q/{query_id}", ref_id, f"/r/{ref_id}", score, (segment,), **metadata)


def failure(video_id: str, message: str, seconds: float) -> Failure:
    return Failure(f"/q/{video_id}", video_id, "align", "ValueError", message, time=seconds)


def test_segments_of_files_with_several_video_streams_name_the_stream() -> None:
    segment = Segment(0.0, 1.0, 2.0, 3.0, 0.5, query_stream=1)
    (row,) = match_to_json(Match("q#1", "/q", "r", "/r", 0.5, (segment,)))["segments"]
    assert row["query_stream"] == 1
    assert "ref_stream" not in row


def test_a_match_as_json() -> None:
    found = match("q", "r", 0.123456, query_metadata={"owner": "Bo"})
    assert match_to_json(found) == {
        "query_uri": "/q/q",
        "query_id": "q",
        "ref_uri": "/r/r",
        "ref_id": "r",
        "score": 0.1235,
        "segments": [
            {
                "query_start": 0.0,
                "query_end": 1.235,
                "ref_start": 2.0,
                "ref_end": 3.0,
                "score": 0.1235,
                "reversed": True,
                "speed": None,
            }
        ],
        "exact": False,
        "truncated": False,
        "stopped_s": 0.0,
        "query_share": 0.0,
        "ref_share": 0.0,
        "below_min_score": False,
        "mode": "copy",
        "query_metadata": {"owner": "Bo"},
    }


def test_matches_say_what_is_told_of_their_query_and_an_exact_copy_once() -> None:
    exact = dataclasses.replace(match("q", "r1", 1.0), exact=True)
    matches = [match("q", "r1", 0.9), exact, match("q", "r2", 0.5), match("other", "r1", 0.5)]
    found = told(matches, {"q": Searched("q", truncated=True, stopped_s=3.0)})
    assert [(each.query_id, each.ref_id, each.exact, each.truncated, each.stopped_s) for each in found] == [
        ("q", "r1", True, True, 3.0),
        ("q", "r2", False, True, 3.0),
        ("other", "r1", False, False, 0.0),
    ]


def test_what_is_below_the_bar_is_told_of_the_nearest_only() -> None:
    found = [
        match("a", "r1", 0.9),
        *(dataclasses.replace(match("a", f"r{n}", 0.4 - n / 100), below_min_score=True) for n in (2, 3, 4)),
        *(match("b", f"r{n}", 0.9 - n / 100) for n in (1, 2, 3)),
        dataclasses.replace(match("b", "r4", 0.1), below_min_score=True),
    ]
    assert [(each.query_id, each.ref_id) for each in nearest(found, 2)] == [
        ("a", "r1"), ("a", "r2"), ("b", "r1"), ("b", "r2"), ("b", "r3"),
    ]  # fmt: skip
    assert [each.below_min_score for each in nearest(found, 0)] == [False] * 4


@pytest.mark.parametrize("output", ["{}/out.jsonl", "{}/out.parquet"])
@pytest.mark.parametrize("root", ["local", "mem://bucket"])
def test_parts_are_joined_in_order_and_one_dead_letter_a_video(tmp_path: Path, root: str, output: str) -> None:
    memory_files.FILES.clear()
    root = str(tmp_path) if root == "local" else root
    output = output.format(root)
    scratch = f"{output}.tmp"
    begin(scratch)
    parts = [files.join(scratch, f"{number:06}") for number in range(3)]
    searched = [
        Searched("z", stopped_s=2.5, query_uri="/q/z"),
        Searched("c", partial=True, truncated=True, query_uri="/q/c"),
    ]
    write_part(parts[0], [match("b", "r1", 0.5), match("b", "r2", 0.75), match("a", "r1", 0.25)])
    write_part(parts[2], [failure("x", "second", 2.0), match("c", "r1", 1.0), *searched, failure("x", "first", 1.0)])
    rows = finish(parts, "matches.jsonl", output)  # parts[1] had no records
    failures = finish(parts, "failures.jsonl", f"{root}/failures.jsonl")
    assert read_rows(parts, "queries.jsonl") == [
        {
            "query_id": "c",
            "partial": True,
            "truncated": True,
            "stopped_s": 0.0,
            "other_streams": 0,
            "query_uri": "/q/c",
            "rejected": 0,
            "stream": None,
        },
        {
            "query_id": "z",
            "partial": False,
            "truncated": False,
            "stopped_s": 2.5,
            "other_streams": 0,
            "query_uri": "/q/z",
            "rejected": 0,
            "stream": None,
        },
    ]
    files.remove_folder(scratch)
    files.remove_folder(scratch)
    assert [(row["query_id"], row["ref_id"]) for row in rows] == [("a", "r1"), ("b", "r2"), ("b", "r1"), ("c", "r1")]
    assert [(row["video_id"], row["message"]) for row in failures] == [("x", "first")]
    if output.endswith(".jsonl"):
        assert [json.loads(line) for line in files.read_bytes(output).splitlines()] == rows
    else:
        table = pq.read_table(files.open_bytes(output)).to_pylist()
        for key in ("exact", "truncated", "stopped_s", "query_share", "ref_share", "below_min_score", "mode"):
            assert [row[key] for row in table] == [row[key] for row in rows]
        streams = {"query_stream": None, "ref_stream": None}
        assert [row["segments"] for row in table] == [[{**s, **streams} for s in row["segments"]] for row in rows]
    assert len(files.find(root, "*")) == 2
    assert not [path for path in memory_files.FILES if ".tmp" in path]
    memory_files.FILES.clear()


def test_an_output_that_cannot_be_written_is_told_before_the_work(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CliptraceError, match="cannot be written"):
        begin(str(tmp_path / "file" / "out.jsonl.tmp"))
