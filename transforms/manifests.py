"""The rows of a manifest (.txt, .csv, .jsonl, .parquet), each with its place for error messages."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from schemas.errors import UsageError
from transforms.store import files

MANIFEST_SUFFIXES = frozenset({".txt", ".csv", ".jsonl", ".parquet"})
URI_COLUMNS = ("uri", "url", "file_name")


def read_rows(path: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Rows and their places ("videos.csv line 3")."""
    try:
        data = files.read_bytes(path)
        if path.lower().endswith(".parquet"):
            for number, row in enumerate(pq.read_table(pa.BufferReader(data)).to_pylist(), 1):
                yield f"{path} row {number}", row
            return
        text = data.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError, pa.ArrowException) as error:
        raise UsageError(f"{path}: cannot be read: {files.reason(error)}") from error
    if path.lower().endswith(".csv"):
        yield from _csv_rows(path, text)
        return
    for number, line in enumerate(text.split("\n"), 1):
        place, line = f"{path} line {number}", line.rstrip("\r")
        if not line.strip():
            continue
        if path.lower().endswith(".txt"):
            video_id, tab, uri = line.partition("\t")
            yield place, {"id": video_id, "uri": uri} if tab else {"uri": line}
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{place}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise UsageError(f"{place}: not a JSON object")
        yield place, row


def _csv_rows(path: str, text: str) -> Iterator[tuple[str, Mapping[str, Any]]]:
    reader = csv.DictReader(io.StringIO(text, newline=""), strict=True)
    try:
        if not set(reader.fieldnames or ()) & set(URI_COLUMNS):
            raise UsageError(f"{path} line 1: no column uri (nor url, nor file_name)")
        for row in reader:
            if not any(value.strip() for value in row.values() if isinstance(value, str)) and None not in row:
                continue  # a blank line, or one of nothing but commas
            if None in row or None in row.values():
                raise UsageError(f"{path} line {reader.line_num}: not {len(reader.fieldnames or ())} columns")
            yield f"{path} line {reader.line_num}", row
    except csv.Error as error:
        raise UsageError(f"{path} line {reader.reader.line_num}: {error}") from error
