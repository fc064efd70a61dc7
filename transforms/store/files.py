"""Whole files on any filesystem that Beam knows: written beside and renamed, so that nobody ever reads half of one."""

from __future__ import annotations

import contextlib
import fcntl
import io
import re
import secrets
import shutil
import urllib.parse
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
from apache_beam.io.filesystem import BeamIOError, CompressionTypes
from apache_beam.io.filesystems import FileSystems

from cliptrace.schemas.errors import CliptraceError

_UNKNOWN_SCHEME = re.compile(r"^Unable to get filesystem .* Path specified: ([a-zA-Z][-a-zA-Z0-9+.]*)://", re.DOTALL)
_WEB = "web addresses are not fetched: download the file first, and name it on this machine"
_SCHEMES = {
    **dict.fromkeys(("http", "https", "ftp", "ftps"), _WEB),
    "gs": "needs the extra gcp: pip install 'cliptrace[gcp]'",
    "s3": "needs the extra aws: pip install 'cliptrace[aws]'",
}
"""What to do where Beam does not know a scheme, or not without another package."""
_FILE = re.compile(r"file:(//(localhost(?=/))?|(?=/))", re.IGNORECASE)


def local_path(name: str) -> str:
    """A ``file:`` address as the path that it stands for; anything else as it is."""
    scheme = _FILE.match(name)
    return urllib.parse.unquote(name[scheme.end() :]) if scheme else name


def is_local(path: str) -> bool:
    return "://" not in path


def absolute(path: str) -> str:
    """A local path, from the root: workers in other processes have other current folders."""
    return str(Path(path).absolute()) if is_local(path) else path


@contextlib.contextmanager
def held(folder: str, name: str, busy: str = "") -> Iterator[None]:
    """Waits until nobody else holds ``name`` in a local folder, made where there is none; an object store has no locks.

    busy: what the CliptraceError says with which it does not wait. CliptraceError where it cannot be written to.
    """
    if not is_local(folder):
        yield
        return
    try:
        Path(folder).mkdir(parents=True, exist_ok=True)
        lock = (Path(folder) / name).open("w")
        fcntl.flock(lock, fcntl.LOCK_EX | (fcntl.LOCK_NB if busy else 0))
    except BlockingIOError:
        raise CliptraceError(busy) from None
    except OSError as error:
        raise CliptraceError(f"{folder}: cannot be written: {reason(error)}") from error
    with lock:
        yield


def join(root: str, below: str) -> str:
    try:
        return str(FileSystems.join(root, *below.split("/")))
    except ValueError as error:  # a scheme that Beam does not know, or not without another package
        raise CliptraceError(f"{root}: cannot be used: {reason(error)}") from error


def exists(path: str) -> bool:
    try:
        return bool(FileSystems.exists(path))
    except OSError as error:
        raise CliptraceError(f"{path}: cannot be looked up: {reason(error)}") from error


def open_bytes(path: str) -> Any:
    """A seekable binary file. Never decompressed, whatever the name says."""
    return FileSystems.open(path, compression_type=CompressionTypes.UNCOMPRESSED)


def read_bytes(path: str) -> bytes:
    with open_bytes(path) as file:
        return bytes(file.read())


def write_bytes(path: str, data: bytes) -> None:
    """Write and replace atomically where the filesystem can rename (local, or an object store's single put).

    CliptraceError where that cannot be done: no other file would fare better.
    """
    folder, name = FileSystems.split(path)
    beside = FileSystems.join(folder, f".{name[-64:]}.{secrets.token_hex(4)}.tmp")
    try:
        make_folder(folder)
        try:
            with FileSystems.create(beside, compression_type=CompressionTypes.UNCOMPRESSED) as file:
                file.write(data)
            FileSystems.rename([beside], [path])
        except BaseException:
            with contextlib.suppress(OSError):
                remove([beside])
            raise
    except (OSError, ValueError) as error:
        raise CliptraceError(f"{path}: cannot be written: {reason(error)}") from error


def make_folder(path: str) -> None:
    # It is there, or the store has no folders; if not, the write that follows says so.
    with contextlib.suppress(OSError):
        FileSystems.mkdirs(path)


def reason(error: BaseException) -> str:
    """What an error of a filesystem says at its heart; Beam wraps it more than once, and names the wrong package where
    it does not know a scheme."""
    if isinstance(error, BeamIOError) and error.exception_details:
        error = next(iter(error.exception_details.values()))
    while error.args and isinstance(error.args[0], Exception):
        error = error.args[0]
    if unknown := _UNKNOWN_SCHEME.search(str(error)):
        scheme = unknown[1].lower()
        return _SCHEMES.get(scheme, f"no filesystem is known for {scheme}://")
    return getattr(error, "strerror", None) or str(error)


def remove(paths: list[str]) -> None:
    """Beam reads a path to delete as a pattern, which cannot be quoted, so local files go without it."""
    for path in paths:
        if is_local(path):
            Path(path).unlink(missing_ok=True)
        else:
            FileSystems.delete([path])


def remove_folder(path: str) -> None:
    """The folder with all that is in it; no harm where there is none."""
    if is_local(path):
        shutil.rmtree(path, ignore_errors=True)
    else:
        remove([m.path for m in FileSystems.match([join(path, "**")])[0].metadata_list])


def find(root: str, pattern: str) -> list[str]:
    """Paths below ``root`` that match, sorted; hidden files (half-written ones) left out."""
    if is_local(root):  # whose name may hold a pattern's characters
        paths = [str(path) for path in Path(root).glob(pattern)]
    else:
        try:
            paths = [m.path for m in FileSystems.match([join(root, pattern)])[0].metadata_list]
        except OSError as error:
            raise CliptraceError(f"{root}: cannot be listed: {reason(error)}") from error
    return sorted(path for path in paths if not FileSystems.split(path)[1].startswith("."))


def changed_at(path: str) -> float:
    """When a file was last written, seconds since 1970."""
    if is_local(path):
        return Path(path).stat().st_mtime
    return float(FileSystems.match([path])[0].metadata_list[0].last_updated_in_seconds)


def sizes(root: str, pattern: str) -> dict[str, int]:
    """Bytes of the files below ``root`` that match, by path; one that goes meanwhile has none."""
    if not is_local(root):
        return {m.path: m.size_in_bytes for m in FileSystems.match([join(root, pattern)])[0].metadata_list}
    found: dict[str, int] = {}
    for path in find(root, pattern):
        with contextlib.suppress(OSError):
            if Path(path).is_file():
                found[path] = Path(path).stat().st_size
    return found


def read_table(path: str, columns: list[str] | None = None, schema: pa.Schema | None = None) -> pa.Table:
    """A Parquet file of the gallery, or some columns of it. CliptraceError where it is damaged or gone, or lacks what
    ``schema`` has."""
    try:
        # Without threads: shards of this size need none, and a command that ends right after it leaves none behind.
        with pq.ParquetFile(pa.BufferReader(read_bytes(path))) as file:
            names = file.schema_arrow.names
            if missing := set(columns or ()) - {*names, *_nullable(schema)}:
                raise ValueError(f"no column {', '.join(sorted(missing))}")
            table = file.read(columns=columns and [name for name in columns if name in names], use_threads=False)
        table.validate(full=True)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise CliptraceError(f"{path}: cannot be read: {reason(error)}") from error
    return table if schema is None else in_schema(table, schema, path, columns)


def _nullable(schema: pa.Schema | None) -> set[str]:
    return {field.name for field in schema or () if field.nullable}


def in_schema(table: pa.Table, schema: pa.Schema, path: str, columns: list[str] | None = None) -> pa.Table:
    """The columns of ``schema``, or some of them, in its order. A nullable one that an older table lacks is null.

    CliptraceError where another one is missing, or one has another type.
    """
    wanted = [schema.field(name) for name in columns or schema.names]
    for field in wanted:
        if field.nullable and field.name not in table.column_names:
            table = table.append_column(field, pa.nulls(len(table), field.type))
        if field.name not in table.column_names or not table.schema.field(field.name).equals(field):
            raise CliptraceError(f"{path}: is damaged: it has no column {field.name!r} of type {field.type}")
    return table.select([field.name for field in wanted])


def write_tables(path: str, schema: pa.Schema, row_groups: list[pa.Table]) -> None:
    """One Parquet file, one row group a table, also where a table is empty."""
    sink = io.BytesIO()
    # Of embeddings hardly two numbers are the same: a dictionary of them is a second copy.
    texts = [field.name for field in schema if pa.types.is_string(field.type)]
    with pq.ParquetWriter(sink, schema, compression="zstd", use_dictionary=texts) as writer:
        for table in row_groups:
            writer.write_table(table, row_group_size=max(1, len(table)))
    write_bytes(path, sink.getvalue())
