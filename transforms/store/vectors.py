"""Embeddings in Milvus: the embedded Milvus Lite or any server. One row per keyframe; a known key replaces it."""

from __future__ import annotations

import contextlib
import copy
import functools
import itertools
import logging
import os
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any, Literal, TypeVar
from urllib.parse import urlsplit

import grpc
import numpy as np
from numpy.typing import NDArray

from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.schemas.gallery import (
    MAX_ID_BYTES,
    METRIC,
    ClipsConfig,
    DescriptorConfig,
    GalleryManifest,
    frame_key,
    video_key,
)
from cliptrace.transforms.store.embedded import Embedded, StoredFrames, descriptor_of, unfit, windows_of
from cliptrace.transforms.store.files import is_local
from cliptrace.transforms.store.hits import Answer, Hits
from cliptrace.transforms.store.retrying import CALL_S, WORK_S, is_refusal, message_of, retried

Row = dict[str, Any]
T = TypeVar("T")
Consistency = Literal["Strong", "Bounded"]

TOKEN_VARIABLE = "CLIPTRACE_MILVUS_TOKEN"  # noqa: S105 - the name of the variable, not a token
_ROWS_PER_CALL = 1000
_ROWS_PER_PAGE = 10_000
"""The embedded store looks through all rows for each page; 16,384 is the most that a server hands out."""
_FIELDS = ("video_key", "video_id", "time", "frame", "generation")
_QUERIES_PER_CALL = 1000
_PLACES_PER_VIDEO = 10
_SEARCHES = 2
"""Of a query frame: places for frames of the same video, and searches where one video fills them all."""
_DEEP_PLACES, _DEEPER, _DEEP_SEARCHES = 320, 4, 16
"""Of a frame that is searched for all that look like it: places at first, how many times as many the next time, and
searches."""
_POLL_S, _STALLED_S = 1.0, 3600.0
"""Of a server that merges and indexes: how often it is asked, and how long it may come no further. One that fails to
build an index tries again for ever, and does not tell."""
_CONNECT_S = 10.0
_CONNECT_WAITS_S = (0.5, 2.0)
_NO_PINGS = {"grpc.keepalive_time_ms": 2**31 - 1}
"""pymilvus pings an idle server every 10 s; the embedded one takes that for an attack and hangs up."""
_preparing = threading.Lock()
"""Two threads of a process must not both find the collection missing and make it."""


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
    """The frames collection of one gallery. Open it where it is used; every call returns after the acknowledgement.

    A call that fails for a reason that passes is made again (retrying.py); else CliptraceError.

    videos, clips: the collections of descriptors and of windows of clip features, where there are such; what is
    replaced, deleted, merged or dropped here is there, too.
    """

    def __init__(self, client: Any, address: str, manifest: GalleryManifest) -> None:
        self._client, self._address, self._manifest = client, address, manifest
        self._collection, self._dimension = manifest.frames_collection, manifest.dimension
        self.videos = self._other(manifest.videos_collection, manifest.descriptor)
        self.clips = self._other(manifest.clips_collection, manifest.moments)

    def _other(self, collection: str, made_by: DescriptorConfig | ClipsConfig | None) -> VectorStore | None:
        """Another collection of the gallery, on its own; None where there is no such."""
        if not collection or made_by is None:
            return None
        other = copy.copy(self)
        other._collection, other._dimension, other.videos, other.clips = collection, made_by.dimension, None, None
        return other

    @property
    def _others(self) -> Iterator[VectorStore]:
        return (store for store in (self.videos, self.clips) if store)

    @classmethod
    @contextlib.contextmanager
    def open(cls, address: str, manifest: GalleryManifest) -> Iterator[VectorStore]:
        """address: a server's URI, or the path of the embedded store (one process at a time)."""
        from pymilvus import MilvusClient  # slow to import, and not needed before a gallery is opened

        for name in ("pymilvus", "grpc._server"):  # the one raises what it logs, the other logs what the embedded
            logging.getLogger(name).setLevel(logging.CRITICAL)  # store leaves out on purpose
        client = _connect(MilvusClient, address)
        try:
            store = cls(client, address, manifest)
            with _preparing:
                store._call(store._prepare)
            yield store
        finally:
            client.close()

    def _prepare(self) -> None:
        """Make what is missing of the collection: who made it may have been cut off at any point."""
        from pymilvus import DataType

        for other in self._others:
            other._prepare()

        within: dict[str, Any] = {"timeout": CALL_S}
        is_new = not self._client.has_collection(self._collection, **within)
        if is_new:
            schema = self._client.create_schema(auto_id=False, enable_dynamic_field=False)
            schema.add_field("key", DataType.INT64, is_primary=True)
            schema.add_field("video_key", DataType.INT64)
            schema.add_field("video_id", DataType.VARCHAR, max_length=MAX_ID_BYTES)
            schema.add_field("time", DataType.DOUBLE)
            schema.add_field("frame", DataType.INT32)  # row position in the video's FrameFeatures
            schema.add_field("generation", DataType.INT64)  # of the commit that wrote the row
            schema.add_field("embedding", DataType.FLOAT_VECTOR, dim=self._dimension)
            self._client.create_collection(self._collection, schema=schema, **within)
        if "embedding" not in self._client.list_indexes(self._collection, **within):
            index = self._client.prepare_index_params()
            config = self._manifest.index
            index.add_index(
                "embedding",
                index_type=config.kind,
                index_name="embedding",
                metric_type=METRIC.upper(),
                params=config.build_params(self._dimension),
            )
            try:
                self._client.create_index(self._collection, index, timeout=WORK_S)
            except Exception as error:
                if is_new:
                    self._client.drop_collection(self._collection, **within)
                if is_refusal(error):
                    raise UsageError(
                        f"--index {config.kind}: Milvus at {self._address} does not have it: {message_of(error)}"
                    ) from error
                raise
        self._client.load_collection(self._collection, timeout=WORK_S)

    def replace(self, videos: Sequence[Embedded], generation: int) -> dict[str, str]:
        """Upsert the keyframes of ``videos``: a known key is replaced, what else there is of them stays.

        Returns the videos that are refused, and why. Of one whose embeddings are not finite the store keeps what it
        has, of one that the server refuses nothing. CliptraceError where it takes no row at all: then no row is at
        fault.
        """
        refused = {video.video_id: why for video in videos if (why := unfit(video))}
        spoiled: dict[str, str] = {}
        taken = 0
        for rows in self._batches([video for video in videos if video.video_id not in refused], generation):
            taken += self._upsert(rows, spoiled)
        if spoiled and not taken:
            raise CliptraceError(f"Milvus at {self._address} refuses every row: {next(iter(spoiled.values()))}")
        refused |= spoiled
        for other, vectors_of in ((self.videos, descriptor_of), (self.clips, windows_of)):
            if other:
                left = [video for video in videos if video.video_id not in refused | spoiled]
                found = [(video.video_id, vectors_of(video)) for video in left]
                vectors = [StoredFrames.of_vectors(video_id, rows) for video_id, rows in found if rows is not None]
                spoiled |= other.replace(vectors, generation)
        self.delete_videos(list(spoiled))
        return refused | spoiled

    def _batches(self, videos: Sequence[Embedded], generation: int) -> Iterator[list[Row]]:
        rows = (
            {
                "key": frame_key(video.video_id, float(time)),
                "video_key": video_key(video.video_id),
                "video_id": video.video_id,
                "time": float(time),
                "frame": frame,
                "generation": generation,
                "embedding": np.asarray(video.embeddings[frame], np.float32),
            }
            for video in videos
            for frame, time in enumerate(video.times)
        )
        while batch := list(itertools.islice(rows, _ROWS_PER_CALL)):
            yield batch

    def _upsert(self, rows: list[Row], refused: dict[str, str]) -> int:
        """Upsert rows; of a batch that is refused, halves, down to the bad row, which costs its video and no other.

        refused: gets the videos of such rows. Returns the number of rows that were taken.
        """
        rows = [row for row in rows if row["video_id"] not in refused]
        if not rows:
            return 0
        try:
            # pymilvus sends columns, whatever it is given (18 ms for 1,000 rows of 256; 12 ms from columns).
            retried(lambda: self._client.upsert(self._collection, rows, timeout=CALL_S))
        except Exception as error:
            if not is_refusal(error):
                raise _clear(error, self._address) from error
            if len(rows) == 1:
                refused[rows[0]["video_id"]] = f"keyframe at {rows[0]['time']:g} s: {message_of(error)}"
                return 0
            half = len(rows) // 2
            return self._upsert(rows[:half], refused) + self._upsert(rows[half:], refused)
        return len(rows)

    def delete_older(self, video_ids: Sequence[str], generation: int) -> None:
        """Drop what other generations left of the videos."""
        self._delete("video_key", [video_key(video_id) for video_id in video_ids], f" and generation != {generation}")
        for other in self._others:
            other.delete_older(video_ids, generation)

    def delete_videos(self, video_ids: Sequence[str]) -> None:
        """Drop every keyframe of the videos."""
        self._delete("video_key", [video_key(video_id) for video_id in video_ids])
        for other in self._others:
            other.delete_videos(video_ids)

    def delete_keys(self, keys: Sequence[int]) -> None:
        self._delete("key", keys)

    def _delete(self, field: str, values: Sequence[int], condition: str = "") -> None:
        for start in range(0, len(values), _ROWS_PER_CALL):
            listed = ", ".join(str(int(value)) for value in values[start : start + _ROWS_PER_CALL])
            within = f"{field} in [{listed}]{condition}"
            self._call(functools.partial(self._client.delete, self._collection, filter=within, timeout=CALL_S))

    def rows_with(self, keys: Sequence[int]) -> Iterator[list[Row]]:
        """Rows with these keys, in batches. No store looks through others for that, as the embedded one does for any
        other filter."""
        for start in range(0, len(keys), _ROWS_PER_PAGE):
            listed = ", ".join(str(int(key)) for key in keys[start : start + _ROWS_PER_PAGE])
            yield self._call(
                functools.partial(
                    self._client.query,
                    self._collection,
                    filter=f"key in [{listed}]",
                    output_fields=["key", *_FIELDS, "embedding"],
                    consistency_level="Strong",
                    timeout=CALL_S,
                )
            )

    def rows(self, video_ids: Sequence[str] | None = None, embeddings: bool = True) -> Iterator[list[Row]]:
        """Rows of the videos, or of all, in batches, as of the first of them; embeddings only where asked for."""
        names = [*_FIELDS, *(["embedding"] if embeddings else [])]
        for start in range(0, 1 if video_ids is None else len(video_ids), _ROWS_PER_CALL):
            some = (video_ids or ())[start : start + _ROWS_PER_CALL]
            pages = self._call(
                functools.partial(
                    self._client.query_iterator,
                    self._collection,
                    batch_size=_ROWS_PER_PAGE,
                    filter="" if video_ids is None else f"video_key in {_keys(some)}",
                    output_fields=["key", *names],
                    consistency_level="Strong",
                    timeout=CALL_S,
                )
            )
            try:
                while batch := self._call(pages.next):
                    yield list(batch)
            finally:
                pages.close()

    def flush(self) -> None:
        """Seal what was written, so that it is indexed."""
        self._call(lambda: self._client.flush(self._collection, timeout=WORK_S))
        for other in self._others:
            other.flush()

    def compact(self) -> None:
        """After a bulk load to a server: merge segments and forget replaced rows, and return when all is indexed. Until
        then a search looks through rows one by one. CliptraceError where the server comes no further."""
        self._await_index()  # a 2.3 server merges nothing that is not indexed; the rest it merges some time later
        job = self._call(lambda: self._client.compact(self._collection, timeout=CALL_S))
        self._await(lambda: self._client.get_compaction_state(job, timeout=CALL_S) != "Completed", "merged")
        self._await_index()
        for other in self._others:
            other.compact()

    def _await_index(self) -> None:
        self._await(lambda: self._client.describe_index(self._collection, "embedding")["pending_index_rows"], "indexed")

    def _await(self, left: Callable[[], int], done: str) -> None:
        """Return when nothing is left."""
        before, since = -1, time.monotonic()
        while now := self._call(left):
            if now != before:
                before, since = now, time.monotonic()
            elif time.monotonic() - since > _STALLED_S:
                raise CliptraceError(
                    f"Milvus at {self._address} has {done} nothing for {_STALLED_S / 60:.0f} minutes: its log says why"
                )
            time.sleep(_POLL_S)

    def drop(self) -> None:
        """Remove the collection."""
        self._call(lambda: self._client.drop_collection(self._collection, timeout=CALL_S))
        for other in self._others:
            other.drop()

    def count(self) -> int:
        """Rows, all that were written before the call."""
        answer = self._call(
            lambda: self._client.query(
                self._collection,
                filter="",
                output_fields=["count(*)"],
                consistency_level="Strong",
                timeout=CALL_S,
            )
        )
        return int(answer[0]["count(*)"])

    def search(
        self, embeddings: NDArray[np.float32], videos_per_frame: int, consistency: Consistency = "Bounded"
    ) -> Hits:
        """For each row of float32[Q, D] the ``videos_per_frame`` nearest gallery videos, each by its nearest frame.

        consistency: "Strong" sees all that any writer's call has returned for, and waits for it; "Bounded" all that is
        older than some seconds, and all that a ``count`` of this store has seen.

        Frames are grouped here, since not every server can. A row of which few videos fill all places is searched once
        more without those.
        """
        answers = [
            answer.first(videos_per_frame)
            for start in range(0, len(embeddings), _QUERIES_PER_CALL)  # of a long query not all places at once
            for answer in self._nearest_videos(
                embeddings[start : start + _QUERIES_PER_CALL], videos_per_frame, consistency
            )
        ]
        return Hits.of(answers)

    def search_deep(
        self,
        embeddings: NDArray[np.float32],
        floors: NDArray[np.float32],
        most_videos: int,
        consistency: Consistency = "Bounded",
    ) -> Hits:
        """For each row of float32[Q, D] all gallery videos with a frame of at least the similarity floors[row], and
        some beyond; ``most_videos`` of them, or somewhat more, where there are more.

        A row at a time, each time with more places and without the videos that are known: what is in memory at once
        does not grow with their number.
        """
        answers = []
        for row, floor in zip(embeddings, floors, strict=True):
            answer, places = Answer(), _DEEP_PLACES
            for _ in range(_DEEP_SEARCHES):
                (nearest,) = self._nearest(row[None], places, tuple(answer.videos), consistency)
                answer.add(nearest, places)
                if answer.beyond < floor or len(answer.videos) >= most_videos:
                    break
                places = min(places * _DEEPER, self._manifest.index.most_places)
            answers.append(answer)
        return Hits.of(answers)

    def _nearest_videos(
        self, embeddings: NDArray[np.float32], videos_per_frame: int, consistency: Consistency
    ) -> list[Answer]:
        """Of each row at least so many videos, where there are."""
        places = min(_PLACES_PER_VIDEO * videos_per_frame, self._manifest.index.most_places)
        found = [Answer() for _ in embeddings]
        waiting: dict[tuple[str, ...], list[int]] = {(): list(range(len(embeddings)))}
        for _ in range(_SEARCHES):
            crowded: dict[tuple[str, ...], list[int]] = {}
            for known, rows in waiting.items():
                for row, answer in zip(rows, self._nearest(embeddings[rows], places, known, consistency), strict=True):
                    found[row].add(answer, places)
                    if len(answer) == places and 2 * len(found[row].videos) < videos_per_frame:
                        crowded.setdefault(tuple(sorted(found[row].videos)), []).append(row)
            waiting = crowded
        return found

    def _nearest(
        self, embeddings: NDArray[np.float32], places: int, without: Sequence[str], consistency: Consistency
    ) -> Any:
        """The nearest frames of each row, nearest first, leaving out some videos."""
        return self._call(
            lambda: self._client.search(
                self._collection,
                data=list(embeddings),
                limit=places,
                filter=f"video_key not in {_keys(without)}" if without else "",
                output_fields=["video_id", "frame"],
                search_params={"params": self._manifest.index.search_params(places)},
                consistency_level=consistency,
                timeout=CALL_S,
            )
        )

    def _call(self, call: Callable[[], T]) -> T:
        try:
            return retried(call)
        except Exception as error:
            raise _clear(error, self._address) from error


def _keys(video_ids: Iterable[str]) -> str:
    """Videos as a list in a filter, by their keys alone."""
    return f"[{', '.join(str(video_key(video_id)) for video_id in video_ids)}]"


def _connect(client: Any, address: str) -> Any:
    """A client; a server that does not answer at once, as an embedded one on a busy machine, is asked again."""
    from pymilvus.exceptions import MilvusException

    options: dict[str, Any] = {"token": os.environ.get(TOKEN_VARIABLE, ""), "timeout": _CONNECT_S}
    if is_local(address):
        options["grpc_options"] = _NO_PINGS
    for wait_s in (*_CONNECT_WAITS_S, None):
        try:
            return client(address, **options)
        except MilvusException as error:
            if wait_s is None:
                raise _clear(error, address) from error
            time.sleep(wait_s)


def _clear(error: Exception, address: str) -> Exception:
    """What a person can act on, where it is Milvus that failed."""
    from pymilvus.exceptions import MilvusException

    if isinstance(error, (MilvusException, grpc.RpcError)):
        return CliptraceError(f"Milvus at {address} cannot be used: {message_of(error)}")
    return error
