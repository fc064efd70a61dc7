"""Matches as a file: JSON lines or Parquet, by its name. Written part by part, then put in place at once."""

from __future__ import annotations

import dataclasses
import itertools
import json
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

import apache_beam as beam
import pyarrow as pa

from cliptrace.schemas.records import Failure, Match, Rejected, Searched, Segment
from cliptrace.schemas.verdicts import segment_to_json
from cliptrace.transforms.store import files
from cliptrace.transforms.storing import to_lines

SEGMENT = pa.struct(
    [
        *((name, pa.float64()) for name in ("query_start", "query_end", "ref_start", "ref_end", "score")),
        ("reversed", pa.bool_()),
        ("speed", pa.float64()),
        ("query_stream", pa.int64()),
        ("ref_stream", pa.int64()),
    ]
)
_SCHEMA = pa.schema(
    [
        *((name, pa.string()) for name in ("query_uri", "query_id", "ref_uri", "ref_id")),
        ("score", pa.float64()),
        ("segments", pa.list_(SEGMENT)),
        ("exact", pa.bool_()),
        ("truncated", pa.bool_()),
        *((name, pa.float64()) for name in ("stopped_s", "query_share", "ref_share")),
        ("below_min_score", pa.bool_()),
        ("query_metadata", pa.map_(pa.string(), pa.string())),
        ("ref_metadata", pa.map_(pa.string(), pa.string())),
        ("mode", pa.string()),
    ]
)


class WriteParts(beam.PTransform):
    """Matches, what was rejected, dead letters and what else is told of queries → matches.jsonl, failures.jsonl and
    queries.jsonl of ``folder``, sorted. top_m: as MatchConfig has it."""

    def __init__(self, folder: str, top_m: int = 0) -> None:
        super().__init__()
        self._folder, self._top_m = folder, top_m

    def expand(self, records: beam.PCollection) -> beam.PCollection:
        return (
            records
            | "OneKey" >> beam.WithKeys(0)
            | "Gather" >> beam.GroupByKey()
            | "WritePart" >> beam.MapTuple(lambda _, group: write_part(self._folder, list(group), self._top_m))
        )


def write_part(folder: str, records: list[Match | Rejected | Failure | Searched], top_m: int = 0) -> None:
    rejected = Counter(each.query_id for each in {record for record in records if isinstance(record, Rejected)})
    searched = {
        record.query_id: dataclasses.replace(record, rejected=rejected[record.query_id])
        for record in records
        if isinstance(record, Searched)
    }
    matches = told([record for record in records if isinstance(record, Match)], searched)
    failures = one_each(record for record in records if isinstance(record, Failure))
    matches = list(nearest(sorted(matches, key=lambda match: (match.query_id, -match.score, match.ref_id)), top_m))
    files.write_bytes(files.join(folder, "matches.jsonl"), to_lines(map(match_to_json, matches)))
    files.write_bytes(files.join(folder, "failures.jsonl"), to_lines(map(dataclasses.asdict, failures)))
    queries = (dataclasses.asdict(searched[query_id]) for query_id in sorted(searched))
    files.write_bytes(files.join(folder, "queries.jsonl"), to_lines(queries))


def one_each(failures: Iterable[Failure]) -> list[Failure]:
    """By video. Several pairs or ranges of a query may fail: one dead letter, the first, says it."""
    first = {failure.video_id: failure for failure in sorted(failures, key=lambda f: f.time, reverse=True)}
    return [first[video_id] for video_id in sorted(first)]


def told(matches: list[Match], searched: Mapping[str, Searched]) -> list[Match]:
    """The matches, with what is told of their queries. An exact copy is found by its pictures, too, and counts once."""
    exact = {(match.query_id, match.ref_id) for match in matches if match.exact}
    kept = [match for match in matches if match.exact or (match.query_id, match.ref_id) not in exact]
    of_query = [searched.get(match.query_id, Searched(match.query_id)) for match in kept]  # it may have failed since
    return [
        dataclasses.replace(match, truncated=query.truncated, stopped_s=query.stopped_s)
        for match, query in zip(kept, of_query, strict=True)
    ]


def nearest(matches: Iterable[Match], most: int) -> Iterator[Match]:
    """Sorted matches without those below the bar that are not among the ``most`` best of their query."""
    for _, of_query in itertools.groupby(matches, key=lambda match: match.query_id):
        yield from (match for rank, match in enumerate(of_query) if rank < most or not match.below_min_score)


def match_to_json(match: Match) -> dict[str, Any]:
    """The output contract; seconds to the millisecond. The manifest's other columns only where there are any."""
    row: dict[str, Any] = {
        "query_uri": match.query_uri,
        "query_id": match.query_id,
        "ref_uri": match.ref_uri,
        "ref_id": match.ref_id,
        "score": round(match.score, 4),
        "segments": [segment_to_json(segment) for segment in match.segments],
        "exact": match.exact,
        "truncated": match.truncated,
        "stopped_s": round(match.stopped_s, 3),
        "query_share": round(match.query_share, 4),
        "ref_share": round(match.ref_share, 4),
        "below_min_score": match.below_min_score,
        "mode": match.mode,
    }
    for name in ("query_metadata", "ref_metadata"):
        if getattr(match, name):
            row[name] = dict(getattr(match, name))
    return row


def match_from_json(row: Mapping[str, Any]) -> Match:
    """What ``match_to_json`` made."""
    return Match(**{**row, "segments": tuple(Segment(**segment) for segment in row["segments"])})


def begin(folder: str) -> None:
    """Make the folder of the parts, to learn before the work whether the output can be written."""
    files.write_bytes(files.join(folder, "failures.jsonl"), b"")


def finish(
    parts: list[str], name: str, output: str, keep: Callable[[dict[str, Any]], bool] = lambda row: True
) -> list[dict[str, Any]]:
    """Join the files ``name`` of the part folders into ``output``, and return their rows, those that are kept."""
    rows = [row for row in read_rows(parts, name) if keep(row)]
    if output.endswith(".parquet"):
        maps = ("query_metadata", "ref_metadata")
        table = [{**row, **{column: list(row.get(column, {}).items()) for column in maps}} for row in rows]
        files.write_tables(output, _SCHEMA, [pa.Table.from_pylist(table, schema=_SCHEMA)])
    else:
        files.write_bytes(output, to_lines(rows))
    return rows


def read_rows(parts: list[str], name: str) -> list[Any]:
    """What the files ``name`` of the part folders hold."""
    lines = b"".join(files.read_bytes(path) for path in (files.join(p, name) for p in parts) if files.exists(path))
    return [json.loads(line) for line in lines.splitlines()]
