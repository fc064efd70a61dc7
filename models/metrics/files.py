"""Read truth (CSV) and matches (JSONL or Parquet) from files; what is wrong is told with file, line and column.

Times are seconds. Those below 0 are let through: published truth has segments that begin before their video does.
"""

from __future__ import annotations

import contextlib
import csv
import json
import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from cliptrace.models.metrics.boxes import Pair
from cliptrace.models.metrics.report import Truth
from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.records import Match, Segment

_IDS = ("query_id", "ref_id")
_TIMES = ("query_start", "query_end", "ref_start", "ref_end")


def read_truth(path: str | Path) -> Truth:
    """CSV with a header and the columns query_id, ref_id, query_start, query_end, ref_start, ref_end, in any order.

    One segment a row; a row with all four times empty says that the pair matches as a whole. Other columns and blank
    lines are passed over.
    """
    segments: defaultdict[Pair, list[Segment]] = defaultdict(list)
    whole: set[Pair] = set()
    for where, row in _csv_rows(path):
        for column in _IDS:
            if not row[column]:
                raise UsageError(f"{where}: {column} is empty")
        pair = (row["query_id"], row["ref_id"])
        given = [column for column in _TIMES if row[column]]
        if not given:
            whole.add(pair)
        elif len(given) == len(_TIMES):
            segments[pair].append(segment_of({column: _parsed(row[column]) for column in _TIMES}, where, score=1.0))
        else:
            missing = next(column for column in _TIMES if column not in given)
            raise UsageError(f"{where}: {missing} is empty but {given[0]} is not; give all four times or none")
        if pair in whole and pair in segments:
            raise UsageError(f"{where}: {pair[0]},{pair[1]} has both a row with times and a row without")
    return Truth(segments={pair: tuple(known) for pair, known in segments.items()}, whole_pairs=frozenset(whole))


def read_matches(path: str | Path) -> list[Match]:
    """Matches as ``cliptrace match`` writes them: JSON, one object a line, or Parquet where the name ends in .parquet.

    Fields: query_id, query_uri, ref_id, ref_uri, score, segments (query_start, query_end, ref_start, ref_end, score).
    Others, and blank lines, are passed over, and so is what is told below the bar. A match without segments is let
    through: it counts as a pair.
    """
    rows = _parquet_rows(path) if Path(path).suffix == ".parquet" else json_rows(path)
    return [_match(row, where) for where, row in rows if not (isinstance(row, dict) and row.get("below_min_score"))]


def _csv_rows(path: str | Path) -> Iterator[tuple[str, dict[str, str]]]:
    """Where each row is, for messages, and its cells, stripped."""
    with _readable(path), Path(path).open(encoding="utf-8-sig", newline="") as file:
        reader = csv.reader(file, strict=True)
        try:
            header = [cell.strip() for cell in next(reader, [])]
            if missing := [column for column in (*_IDS, *_TIMES) if column not in header]:
                raise UsageError(f"{path} line 1: the header lacks {', '.join(missing)}")
            for cells in filter(None, reader):
                where = f"{path} line {reader.line_num}"
                if len(cells) != len(header):
                    raise UsageError(f"{where}: {len(cells)} cells where the header has {len(header)}")
                yield where, dict(zip(header, (cell.strip() for cell in cells), strict=True))
        except csv.Error as error:
            raise UsageError(f"{path} line {reader.line_num}: {error}") from error


def json_rows(path: str | Path) -> Iterator[tuple[str, object]]:
    """Where each object of a file of JSON lines is, for messages, and the object; blank lines are passed over."""
    with _readable(path), Path(path).open(encoding="utf-8-sig") as file:
        for number, line in enumerate(file, start=1):
            if not line.strip():
                continue
            where = f"{path} line {number}"
            try:
                yield where, json.loads(line.rstrip(), parse_int=float)
            except json.JSONDecodeError as error:
                raise UsageError(f"{where}: not JSON: {error.msg} at column {error.colno}") from error
            except RecursionError:
                raise UsageError(f"{where}: not JSON that can be read: it is nested too deeply") from None


def _parquet_rows(path: str | Path) -> Iterator[tuple[str, object]]:
    with _readable(path):
        for number, row in enumerate(pq.read_table(path).to_pylist(), start=1):
            yield f"{path} row {number}", row


@contextlib.contextmanager
def _readable(path: str | Path) -> Iterator[None]:
    try:
        yield
    except UnicodeDecodeError as error:
        raise UsageError(f"{path}: not UTF-8 text") from error
    except OSError as error:
        raise UsageError(f"{path}: {error.strerror or error}") from error
    except pa.ArrowException as error:
        raise UsageError(f"{path}: not Parquet: {error}") from error


def _match(row: object, where: str) -> Match:
    fields = object_of(row, where)
    segments = _field(fields, "segments", where)
    if not isinstance(segments, list):
        raise UsageError(f"{where}: segments {segments!r} is not a list")
    return Match(
        query_id=_text(fields, "query_id", where),
        query_uri=_text(fields, "query_uri", where),
        ref_id=_text(fields, "ref_id", where),
        ref_uri=_text(fields, "ref_uri", where),
        score=_score(fields, where),
        segments=tuple(_scored_segment(each, f"{where}: segment {n}") for n, each in enumerate(segments, start=1)),
    )


def _scored_segment(value: object, where: str) -> Segment:
    fields = object_of(value, where)
    return segment_of(fields, where, _score(fields, where), of_a_picture=(0.0, 0.0))


def segment_of(
    fields: Mapping[str, object], where: str, score: float, of_a_picture: tuple[float, float] | None = None
) -> Segment:
    """The segment that an object tells. of_a_picture: start and end on the query's axis that are taken for a picture's.
    UsageError, which says ``where``, for what is wrong with it."""
    query_start, query_end, ref_start, ref_end = times = [_number(fields, column, where) for column in _TIMES]
    for i in (0, 2):
        if times[i + 1] <= times[i] and (i or (query_start, query_end) != of_a_picture):
            raise UsageError(f"{where}: {_TIMES[i + 1]} {times[i + 1]} is not after {_TIMES[i]} {times[i]}")
    return Segment(query_start, query_end, ref_start, ref_end, score)


def _score(fields: Mapping[str, object], where: str) -> float:
    score = _number(fields, "score", where)
    if not 0.0 <= score <= 1.0:
        raise UsageError(f"{where}: score {score} is not between 0 and 1")
    return score


def _parsed(cell: str) -> float | str:
    """The number that a CSV cell holds; the cell as it is where it holds none."""
    try:
        return float(cell)
    except ValueError:
        return cell


def _number(fields: Mapping[str, object], name: str, where: str) -> float:
    value = _field(fields, name, where)
    if not isinstance(value, float):
        raise UsageError(f"{where}: {name} {value!r} is not a number")
    if not math.isfinite(value):
        raise UsageError(f"{where}: {name} {value!r} is not finite")
    return value


def _text(fields: Mapping[str, object], name: str, where: str) -> str:
    value = _field(fields, name, where)
    if not isinstance(value, str):
        raise UsageError(f"{where}: {name} {value!r} is not text")
    return value


def _field(fields: Mapping[str, object], name: str, where: str) -> object:
    value = fields.get(name)
    if value is None:
        raise UsageError(f"{where}: {name} is missing")
    return value


def object_of(value: object, where: str) -> Mapping[str, object]:
    if not isinstance(value, dict):
        raise UsageError(f"{where}: {value!r} is not an object")
    return value
