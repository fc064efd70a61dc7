"""Truth and match files as people and the pipeline write them, and what is said of broken ones."""

import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from cliptrace.models.metrics.files import read_matches, read_truth
from cliptrace.models.metrics.report import Truth, evaluate
from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.records import Match, Segment

HEADER = "query_id,ref_id,query_start,query_end,ref_start,ref_end\n"
ROW = {
    "query_uri": "in/q.mp4",
    "query_id": "q.mp4",
    "ref_uri": "gs://gallery/r.mp4",
    "ref_id": "r.mp4",
    "score": 0.9,
    "segments": [
        {"query_start": 0, "query_end": 10.5, "ref_start": 100.0, "ref_end": 110.5, "score": 0.9},
        {"query_start": 20.0, "query_end": 30.0, "ref_start": 5.0, "ref_end": 15.0, "score": 0.25},
    ],
}
MATCH = Match(
    "q.mp4",
    "in/q.mp4",
    "r.mp4",
    "gs://gallery/r.mp4",
    0.9,
    (Segment(0, 10.5, 100, 110.5, 0.9), Segment(20, 30, 5, 15, 0.25)),
)


@pytest.fixture(autouse=True)
def _in_tmp_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def truth_error(content: str | bytes) -> str:
    Path("truth.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(UsageError) as error:
        read_truth("truth.csv")
    return str(error.value)


def matches_error(content: str) -> str:
    Path("matches.jsonl").write_text(content)
    with pytest.raises(UsageError) as error:
        read_matches("matches.jsonl")
    return str(error.value)


def with_segment(**changes: object) -> str:
    first, second = ROW["segments"]
    return json.dumps({**ROW, "segments": [first, {**second, **changes}]})


def test_truth_with_segments_and_whole_pairs():
    Path("truth.csv").write_text(HEADER + "q,r,0,10,100,110.5\nq,r,-0.3,8,1e1,2e1\n\nq,w,,,,\nq,w,,,,\n")
    assert read_truth("truth.csv") == Truth(
        {("q", "r"): (Segment(0, 10, 100, 110.5, 1.0), Segment(-0.3, 8, 10, 20, 1.0))}, frozenset({("q", "w")})
    )


def test_truth_with_columns_in_another_order_further_columns_spaces_and_a_byte_order_mark():
    lines = '\ufeffref_id, query_id,note,ref_start,ref_end,query_start,query_end\r\n r , q ,"a, b", 5 ,6,1,2\r\n'
    Path("truth.csv").write_text(lines)
    assert read_truth(Path("truth.csv")) == Truth({("q", "r"): (Segment(1, 2, 5, 6, 1.0),)})


def test_truth_of_a_header_alone_is_empty():
    Path("truth.csv").write_text(HEADER)
    assert read_truth("truth.csv") == Truth({})


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "truth.csv line 1: the header lacks query_id, ref_id, query_start, query_end, ref_start, ref_end"),
        ("query_id,ref_id,query_start,query_end\n", "truth.csv line 1: the header lacks ref_start, ref_end"),
        (HEADER + "q,r,0,1,0,1\nq,r,0,abc,0,1\n", "truth.csv line 3: query_end 'abc' is not a number"),
        (HEADER + "q,r,0,1,0,inf\n", "truth.csv line 2: ref_end inf is not finite"),
        (HEADER + "q,r,nan,1,0,1\n", "truth.csv line 2: query_start nan is not finite"),
        (HEADER + "q,r,5,5,0,1\n", "truth.csv line 2: query_end 5.0 is not after query_start 5.0"),
        (HEADER + "q,r,0,5,9,1\n", "truth.csv line 2: ref_end 1.0 is not after ref_start 9.0"),
        (
            HEADER + "q,r,0,,3,4\n",
            "truth.csv line 2: query_end is empty but query_start is not; give all four times or none",
        ),
        (HEADER + ",r,0,1,3,4\n", "truth.csv line 2: query_id is empty"),
        (HEADER + "q, ,0,1,3,4\n", "truth.csv line 2: ref_id is empty"),
        (HEADER + "q,r,0,1,3\n", "truth.csv line 2: 5 cells where the header has 6"),
        (HEADER + "q,r,,,,\n\nq,r,0,1,3,4\n", "truth.csv line 4: q,r has both a row with times and a row without"),
        (HEADER + 'q,"r,0,1,3,4\n', "truth.csv line 2: unexpected end of data"),
        (b"\xff\xfe\x00", "truth.csv: not UTF-8 text"),
    ],
)
def test_broken_truth_is_named(content, message):
    assert truth_error(content) == message


@pytest.mark.parametrize("read", [read_truth, read_matches])
def test_a_file_that_is_not_there_is_named(read):
    with pytest.raises(UsageError, match=r"^none\.csv: No such file or directory$"):
        read("none.csv")


def test_matches_of_json_lines():
    Path("matches.jsonl").write_text(json.dumps({**ROW, "later": 1}) + "\n\n" + json.dumps({**ROW, "segments": []}))
    read = read_matches("matches.jsonl")
    assert read == [MATCH, Match("q.mp4", "in/q.mp4", "r.mp4", "gs://gallery/r.mp4", 0.9, ())]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("{", "not JSON: Expecting property name enclosed in double quotes at column 2"),
        ("[1]", "[1.0] is not an object"),
        (json.dumps({**ROW, "query_id": None}), "query_id is missing"),
        (json.dumps({key: value for key, value in ROW.items() if key != "segments"}), "segments is missing"),
        (json.dumps({**ROW, "segments": {}}), "segments {} is not a list"),
        (json.dumps({**ROW, "segments": ["x"]}), "segment 1: 'x' is not an object"),
        (json.dumps({**ROW, "ref_uri": ["x"]}), "ref_uri ['x'] is not text"),
        (json.dumps({**ROW, "score": "0.9"}), "score '0.9' is not a number"),
        (json.dumps({**ROW, "score": True}), "score True is not a number"),
        (json.dumps({**ROW, "score": float("nan")}), "score nan is not finite"),
        (json.dumps({**ROW, "score": 1.5}), "score 1.5 is not between 0 and 1"),
        (with_segment(query_end="x"), "segment 2: query_end 'x' is not a number"),
        (with_segment(ref_end=5.0), "segment 2: ref_end 5.0 is not after ref_start 5.0"),
        (with_segment(ref_end=10**400), "segment 2: ref_end inf is not finite"),
        (with_segment(score=-0.1), "segment 2: score -0.1 is not between 0 and 1"),
    ],
)
def test_broken_matches_are_named(line, message):
    assert matches_error(f"{json.dumps(ROW)}\n\n{line}\n") == f"matches.jsonl line 3: {message}"


def test_matches_of_parquet_are_those_of_json():
    pq.write_table(pa.Table.from_pylist([ROW]), "matches.parquet")
    assert read_matches("matches.parquet") == [MATCH]


def test_broken_parquet_is_named():
    pq.write_table(pa.Table.from_pylist([ROW, {**ROW, "ref_id": None}]), "matches.parquet")
    with pytest.raises(UsageError, match=r"^matches\.parquet row 2: ref_id is missing$"):
        read_matches("matches.parquet")
    Path("text.parquet").write_text("query_id,ref_id")
    with pytest.raises(UsageError, match=r"^text\.parquet: not Parquet: "):
        read_matches("text.parquet")


def test_pictures_are_pairs_without_seconds_and_what_is_below_the_bar_is_no_match():
    moment = {"query_start": 0.0, "query_end": 0.0, "ref_start": 4.0, "ref_end": 5.0, "score": 0.9}
    rows = [{**ROW, "segments": [moment]}, {**ROW, "ref_id": "other", "below_min_score": True}]
    Path("m.jsonl").write_text("\n".join(map(json.dumps, rows)))
    (found,) = read_matches("m.jsonl")
    assert found.segments == (Segment(0.0, 0.0, 4.0, 5.0, 0.9),)
    told = evaluate(Truth({}, frozenset({(found.query_id, found.ref_id)})), [found])
    assert (told.found_pairs, told.predicted_pairs) == (1, 1)
    told = evaluate(Truth({(found.query_id, found.ref_id): (Segment(0.0, 9.0, 0.0, 9.0, 1.0),)}), [found])
    assert (told.found_pairs, told.vcsl.recall) == (1, 0.0)
