"""The rows of a manifest (.txt, .csv, .jsonl, .parquet), each with its place for error messages."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cliptrace.schemas.errors import UsageError
from cliptrace.transforms.store import files

MANIFEST_SUFFIXES = frozenset({".txt", ".csv", ".jsonl", ".parquet"})
URI_COLUMNS = ("uri", "url", "file_name")

_LINE_CHARACTERS = 1 << 20
_BATCH_ROWS, _BATCH_BYTES = 1000, 256 << 20
"""What is in memory of a manifest at a time: one line, or one batch of a Parquet file, however well that compresses."""


def read_rows(path: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Rows and the number of each, which ``place_of`` says in words. UsageError where one cannot be understood."""
    suffix = path.lower().rpartition(".")[2]
    try:
        if suffix == "parquet":
            yield from _parquet_rows(path)
        elif suffix == "csv":
            yield from _csv_rows(path, _lines(path))
        elif suffix == "jsonl":
            yield from _json_rows(path, _lines(path))
        else:
            yield from _text_rows(path, _lines(path))
    except (OSError, ValueError, ArithmeticError, pa.ArrowException) as error:
        raise UsageError(f"{path}: cannot be read: {files.reason(error)}") from error


def place_of(path: str, number: int) -> str:
    """As an error names it: videos.csv line 3."""
    return f"{path} {'row' if path.lower().endswith('.parquet') else 'line'} {number}"


def _lines(path: str) -> Iterator[str]:
    with files.open_bytes(path) as file, io.TextIOWrapper(file, "utf-8-sig", newline="\n") as text:
        number = 1
        while line := text.readline(_LINE_CHARACTERS):
            if len(line) == _LINE_CHARACTERS:
                raise UsageError(f"{path} line {number}: has more than {_LINE_CHARACTERS:,} characters")
            yield line
            number += 1


def _text_rows(path: str, lines: Iterable[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if line.strip():
            first, tab, second = line.rstrip("\r\n").partition("\t")
            yield number, {"id": first, "uri": second} if tab else {"uri": first}


def _json_rows(path: str, lines: Iterable[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line.rstrip("\r\n"))
        except (ValueError, RecursionError) as error:
            raise UsageError(f"{place_of(path, number)}: not JSON: {error}") from error
        if not isinstance(row, dict):
            raise UsageError(f"{place_of(path, number)}: not a JSON object")
        yield number, row


def _csv_rows(path: str, lines: Iterable[str]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    reader = csv.DictReader(lines, strict=True)
    try:
        columns = reader.fieldnames or ()
        if not set(columns) & set(URI_COLUMNS):
            raise UsageError(f"{path} line 1: no column uri (nor url, nor file_name)")
        if twice := next((name for name in columns if columns.count(name) > 1), None):
            raise UsageError(f"{path} line 1: column {twice!r} stands there twice")
        for row in reader:
            if not any(value.strip() for value in row.values() if isinstance(value, str)) and None not in row:
                continue  # a blank line, or one of nothing but commas
            if None in row or None in row.values():
                raise UsageError(f"{path} line {reader.line_num}: not {len(columns)} columns")
            yield reader.line_num, row
    except csv.Error as error:
        raise UsageError(f"{path} line {reader.reader.line_num}: {error}") from error


def _parquet_rows(path: str) -> Iterator[tuple[int, Mapping[str, Any]]]:
    number = 0
    file = pq.ParquetFile(pa.BufferReader(files.read_bytes(path)))
    for batch in file.iter_batches(batch_size=_BATCH_ROWS):
        if batch.nbytes > _BATCH_BYTES:
            raise UsageError(f"{path} row {number + 1}: {_BATCH_ROWS} rows take more than {_BATCH_BYTES:,} bytes")
        batch.validate(full=True)
        for row in batch.to_pylist():
            number += 1
            yield number, row
