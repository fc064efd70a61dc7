"""Embeddings in Milvus: the embedded Milvus Lite or any server. One row per keyframe; a known key replaces it."""

from __future__ import annotations

import contextlib
import dataclasses
import logging
import os
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

import numpy as np
from numpy.typing import NDArray

from schemas.errors import CliptraceError, UsageError
from schemas.gallery import MAX_ID_BYTES, METRIC, GalleryManifest, frame_key, video_key
from schemas.records import FrameFeatures
from transforms.store.files import is_local

TOKEN_VARIABLE = "CLIPTRACE_MILVUS_TOKEN"  # noqa: S105 - the name of the variable, not a token
_ROWS_PER_CALL = 1000
_ROWS_PER_PAGE = 10_000
"""The embedded store looks through all rows for each page; 16,384 is the most that a server hands out."""
_QUERIES_PER_CALL = 1000
_CONNECT_S = 10.0
_CONNECT_WAITS_S = (0.5, 2.0)
_NO_PINGS = {"grpc.keepalive_time_ms": 2**31 - 1}
"""pymilvus pings an idle server every 10 s; the embedded one takes that for an attack and hangs up."""
_preparing = threading.Lock()
"""Two threads of a process must not both find the collection missing and make it."""


@dataclasses.dataclass(frozen=True, slots=True)
class Hits:
    """Best frame of each gallery video for each row that was searched, one entry a hit.

    query_rows, ref_frames: int64[H], row positions in what was searched and in the gallery video's FrameFeatures.
    """

    query_rows: NDArray[np.int64]
    ref_ids: NDArray[np.str_]
    ref_frames: NDArray[np.int64]
    similarities: NDArray[np.float32]


def check_address(uri: str) -> None:
    """A Milvus address that may be stored and shown: http(s)://host:port and nothing that could be a secret. No message
    repeats it."""
    try:
        parts = urlsplit(uri)
        _ = parts.port
    except ValueError:
        raise UsageError("--milvus: not an address: must be http://HOST:PORT or https://HOST:PORT") from None
    if "@" in uri or parts.query or parts.fragment:
        raise UsageError(f"--milvus: no token or password in the address; put it into {TOKEN_VARIABLE}")
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.path not in ("", "/"):
        raise UsageError("--milvus: must be http://HOST:PORT or https://HOST:PORT, and no more")


class VectorStore:
    """The frames collection of one gallery. Open it where it is used; every call returns after the acknowledgement."""

    def __init__(self, client: Any, address: str, manifest: GalleryManifest) -> None:
        self._client, self._address, self._manifest = client, address, manifest
        self._collection = manifest.frames_collection

    @classmethod
    @contextlib.contextmanager
    def open(cls, address: str, manifest: GalleryManifest) -> Iterator[VectorStore]:
        """address: a server's URI, or the path of the embedded store (one process at a time)."""
        from pymilvus import MilvusClient  # slow to import, and not needed before a gallery is opened

        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)  # it also raises what it logs
        with _clear_errors(address):
            client = _connect(MilvusClient, address)
        try:
            store = cls(client, address, manifest)
            with _clear_errors(address), _preparing:
                store._prepare()
            yield store
        finally:
            client.close()

    def _prepare(self) -> None:
        from pymilvus import DataType

        if self._client.has_collection(self._collection):
            self._client.load_collection(self._collection)
            return
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
        schema.add_field("key", DataType.INT64, is_primary=True)
        schema.add_field("video_key", DataType.INT64)
        schema.add_field("video_id", DataType.VARCHAR, max_length=MAX_ID_BYTES)
        schema.add_field("time", DataType.DOUBLE)
        schema.add_field("frame", DataType.INT32)  # row position in the video's FrameFeatures
        schema.add_field("generation", DataType.INT64)  # of the commit that wrote the row
        schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=self._manifest.dimension)
        index = self._client.prepare_index_params()
        config = self._manifest.index
        index.add_index(
            "embedding",
            index_type="HNSW",
            metric_type=METRIC.upper(),
            params={"M": config.m, "efConstruction": config.ef_construction},
        )
        self._client.create_collection(self._collection, schema=schema, index_params=index)

    def replace(self, videos: Sequence[FrameFeatures], generation: int) -> None:
        """Upsert the keyframes of ``videos``: a known key is replaced, what else there is of them stays."""
        rows = [
            {
                "key": frame_key(video.video_id, float(time)),
                "video_key": video_key(video.video_id),
                "video_id": video.video_id,
                "time": float(time),
                "frame": frame,
                "generation": generation,
                "embedding": video.embeddings[frame],
            }
            for video in videos
            for frame, time in enumerate(video.times)
        ]
        with self._clear_errors():
            for start in range(0, len(rows), _ROWS_PER_CALL):
                self._client.upsert(self._collection, rows[start : start + _ROWS_PER_CALL])

    def delete_older(self, video_ids: Sequence[str], generation: int) -> None:
        """Drop what other generations left of the videos."""
        self._delete("video_key", [video_key(video_id) for video_id in video_ids], f" and generation != {generation}")

    def delete_videos(self, video_ids: Sequence[str]) -> None:
        """Drop every keyframe of the videos."""
        self._delete("video_key", [video_key(video_id) for video_id in video_ids])

    def delete_keys(self, keys: Sequence[int]) -> None:
        self._delete("key", keys)

    def _delete(self, field: str, values: Sequence[int], condition: str = "") -> None:
        with self._clear_errors():
            for start in range(0, len(values), _ROWS_PER_CALL):
                listed = ", ".join(str(int(value)) for value in values[start : start + _ROWS_PER_CALL])
                self._client.delete(self._collection, filter=f"{field} in [{listed}]{condition}")

    def rows(self, video_ids: Sequence[str] | None = None, embeddings: bool = True) -> Iterator[list[dict[str, Any]]]:
        """Rows of the videos, or of all, in batches, as of the first of them; embeddings only where asked for."""
        names = ["video_key", "video_id", "time", "frame", "generation", *(["embedding"] if embeddings else [])]
        for start in range(0, 1 if video_ids is None else len(video_ids), _ROWS_PER_CALL):
            listed = ", ".join(str(video_key(v)) for v in (video_ids or ())[start : start + _ROWS_PER_CALL])
            with self._clear_errors():
                iterator = self._client.query_iterator(
                    self._collection,
                    batch_size=_ROWS_PER_PAGE,
                    filter="" if video_ids is None else f"video_key in [{listed}]",
                    output_fields=["key", *names],
                    consistency_level="Strong",
                )
                try:
                    while batch := iterator.next():
                        yield list(batch)
                finally:
                    iterator.close()

    def flush(self) -> None:
        """Seal what was written, so that it is indexed."""
        with self._clear_errors():
            self._client.flush(self._collection)

    def drop(self) -> None:
        """Remove the collection."""
        with self._clear_errors():
            self._client.drop_collection(self._collection)

    def count(self) -> int:
        """Rows, all that were written before the call."""
        with self._clear_errors():
            answer = self._client.query(
                self._collection, filter="", output_fields=["count(*)"], consistency_level="Strong"
            )
        return int(answer[0]["count(*)"])

    def search(self, embeddings: NDArray[np.float32], videos_per_frame: int) -> Hits:
        """For each row of float32[Q, D] the ``videos_per_frame`` nearest gallery videos, each by its nearest frame."""
        hits: list[tuple[int, str, int, float]] = []
        for start in range(0, len(embeddings), _QUERIES_PER_CALL):
            with self._clear_errors():
                answers = self._client.search(
                    self._collection,
                    data=list(embeddings[start : start + _QUERIES_PER_CALL]),
                    limit=videos_per_frame,
                    group_by_field="video_key",
                    output_fields=["video_id", "frame"],
                    search_params={"params": {"ef": max(self._manifest.index.ef_search, videos_per_frame)}},
                )
            for query_row, answer in enumerate(answers, start):
                for hit in answer:
                    entity = hit["entity"]
                    hits.append((query_row, entity["video_id"], entity["frame"], hit["distance"]))
        return Hits(
            np.array([hit[0] for hit in hits], np.int64),
            np.array([hit[1] for hit in hits], np.str_),
            np.array([hit[2] for hit in hits], np.int64),
            np.array([hit[3] for hit in hits], np.float32),
        )

    def _clear_errors(self) -> contextlib.AbstractContextManager[None]:
        return _clear_errors(self._address)


def _connect(client: Any, address: str) -> Any:
    """A client; a server that does not answer at once, as an embedded one on a busy machine, is asked again."""
    from pymilvus.exceptions import MilvusException

    options: dict[str, Any] = {"token": os.environ.get(TOKEN_VARIABLE, ""), "timeout": _CONNECT_S}
    if is_local(address):
        options["grpc_options"] = _NO_PINGS
    for wait_s in _CONNECT_WAITS_S:
        try:
            return client(address, **options)
        except MilvusException:
            time.sleep(wait_s)
    return client(address, **options)


@contextlib.contextmanager
def _clear_errors(address: str) -> Iterator[None]:
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except MilvusException as error:
        raise CliptraceError(f"Milvus at {address} cannot be used: {error.message}") from error
