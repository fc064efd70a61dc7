"""A Milvus server for as long as something is measured on it."""

from __future__ import annotations

import contextlib
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from cliptrace.deploy.milvus import standalone
from cliptrace.schemas.errors import CliptraceError
from cliptrace.transforms.store.gallery import Gallery

_POLL_S, _QUIET_S, _LONGEST_S = 1.0, 60.0, 3600.0


@contextlib.contextmanager
def server(uri: str = "") -> Iterator[str]:
    """Its address: ``uri``, or that of the 2.3 server of deploy/milvus, started for it. CliptraceError where it does
    not start."""
    if uri:
        yield uri
        return
    with tempfile.TemporaryDirectory(prefix="cliptrace-bench-") as folder:
        started = standalone.start(Path(folder), *standalone.free_ports(1))
        try:
            yield started.uri
        finally:
            standalone.stop(Path(folder))


def settle(gallery: Gallery) -> None:
    """Return when the server has searched the same segments for a minute, with all keyframes, all indexed.

    A 2.3 server that says it has merged and indexed everything still searches rows one by one for some seconds, and
    then merges more by itself.
    """
    from pymilvus import MilvusClient

    with gallery.vectors() as vectors:
        rows = vectors.count()
    collection = gallery.manifest.frames_collection
    begin = since = time.monotonic()
    before: set[int] = set()
    with contextlib.closing(MilvusClient(gallery.manifest.milvus)) as client:
        while time.monotonic() - since < _QUIET_S:
            time.sleep(_POLL_S)
            loaded = client.list_loaded_segments(collection)
            now = {segment.segment_id for segment in loaded}
            pending = client.describe_index(collection, "embedding")["pending_index_rows"]
            if now != before or pending or sum(segment.num_rows for segment in loaded) < rows:
                before, since = now, time.monotonic()
            if time.monotonic() - begin > _LONGEST_S:
                raise CliptraceError(f"{gallery.manifest.milvus}: merges and indexes {rows:,} keyframes without end")
