"""Whole files on any filesystem that Beam knows: written beside and renamed, so that a reader never sees half of one."""

from __future__ import annotations

import io
import secrets
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems


def join(root: str, below: str) -> str:
    return FileSystems.join(root, *below.split("/"))


def exists(path: str) -> bool:
    return bool(FileSystems.exists(path))


def open_bytes(path: str) -> Any:
    """A seekable binary file. Never decompressed, whatever the name says."""
    return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)


def read_bytes(path: str) -> bytes:
    with open_bytes(path) as file:
        return bytes(file.read())


def write_bytes(path: str, data: bytes) -> None:
    """Write and replace atomically where the filesystem can rename (local, or an object store's single put)."""
    folder, name = FileSystems.split(path)
    make_folder(folder)
    beside = FileSystems.join(folder, f".{name}.{secrets.token_hex(4)}.tmp")
    with FileSystems.create(beside, compression_type=CompressionTypes.UNCOMPRESSED) as file:
        file.write(data)
    FileSystems.rename([beside], [path])


def make_folder(path: str) -> None:
    try:
        FileSystems.mkdirs(path)
    except (BeamIOError, OSError):  # it is there, or the store has no folders; if not, the write that follows says so
        pass


def remove(paths: list[str]) -> None:
    if paths:
        FileSystems.delete(paths)


def find(pattern: str) -> list[str]:
    """Paths that match, sorted; hidden files (half-written ones) left out."""
    metadata = FileSystems.match([pattern])[0].metadata_list
    return sorted(m.path for m in metadata if not FileSystems.split(m.path)[1].startswith("."))


def read_table(path: str, columns: list[str] | None = None) -> pa.Table:
    return pq.read_table(pa.BufferReader(read_bytes(path)), columns=columns)


def write_tables(path: str, schema: pa.Schema, row_groups: list[pa.Table]) -> None:
    """One Parquet file, one row group a table, also where a table is empty."""
    sink = io.BytesIO()
    with pq.ParquetWriter(sink, schema, compression="zstd") as writer:
        for table in row_groups:
            writer.write_table(table, row_group_size=max(1, len(table)))
    write_bytes(path, sink.getvalue())
