"""Do Parquet, ledger and Milvus agree? Parquet and the ledger are the truth; what differs is listed, row by row.

Only for who holds the gallery. Memory: a few hundred bytes a video, 8 a keyframe, and the keyframes of one commit.
"""

from __future__ import annotations

import contextlib
import dataclasses
import enum
import functools
import itertools
from collections import defaultdict
from collections.abc import Callable, Container, Generator, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cliptrace.models.clips.timeline import windows
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import frame_key, part_path, video_key
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.embedded import StoredFrames
from cliptrace.transforms.store.gallery import FrameReader, Gallery, StoredVideo, read_shard, stored_descriptors
from cliptrace.transforms.store.sweeping import dead_rows, half_written, present, unacknowledged
from cliptrace.transforms.store.takedown import removed_keys
from cliptrace.transforms.store.vectors import VectorStore

_PRECISION = 1e-3
"""Parquet has half precision: an element of a unit vector is off by a quarter of this at most."""


Frames = tuple[NDArray[np.float64], NDArray[np.float32]]
"""times and embeddings of a video, as of FrameReader.read"""


class Kind(enum.StrEnum):
    LEDGER_DAMAGED = "ledger shards that cannot be read"
    LEFT_OVER = "files of a commit that was cut off"
    STALE = "replaced or removed videos still in Parquet"
    UNREADABLE = "videos shards of replaced, moved or removed videos that cannot be read"
    LOST = "videos lost in Parquet"
    MISSING = "keyframes missing in Milvus"
    DIFFERENT = "keyframes that differ in Milvus"
    SURPLUS = "keyframes in Milvus that no video has"
    UNDESCRIBED = "videos without the video descriptor that the gallery has"
    VECTORS_DIFFERENT = "video descriptors missing in Milvus, or others there"
    VECTORS_SURPLUS = "video descriptors in Milvus that no video has"
    CLIPS_DIFFERENT = "windows of clip features missing in Milvus, or others there"
    CLIPS_SURPLUS = "windows of clip features in Milvus that no video has"


@dataclasses.dataclass(frozen=True, slots=True)
class Difference:
    """subject: a video's id, or a file. count: of what the kind counts. reason: why something cannot be read.
    keys: of rows that are too many."""

    kind: Kind
    subject: str
    count: int = 1
    reason: str = ""
    keys: Sequence[int] = ()


def compare(gallery: Gallery, vectors: VectorStore) -> Iterator[Difference]:
    """Every difference. A damaged ledger comes alone: what else differs is known when it is repaired."""
    attempts: list[ledger.Attempt] = []
    damaged = False
    for path in ledger.shards(gallery.root):
        try:
            attempts += ledger.read_shard(path)
        except CliptraceError as error:
            damaged = True
            yield Difference(Kind.LEDGER_DAMAGED, path, reason=str(error))
    if damaged:
        return
    attempts.sort(key=ledger.order)
    removed = removed_keys(gallery.home)
    stored = ledger.live(attempts)
    live = {video_id: attempt for video_id, attempt in stored.items() if video_key(video_id) not in removed}
    for path in (*half_written(gallery), *unacknowledged(gallery, attempts)):
        yield Difference(Kind.LEFT_OVER, path)
    yield from _stale(gallery, attempts, live)
    rows_seen = 0
    keys, unreadable = [np.empty(0, np.int64)], set[int]()
    reader = FrameReader(gallery)
    for commit, owners in ledger.by_commit(live.values()).items():
        videos, lost = _readable(gallery, reader, commit, owners)
        yield from lost
        unreadable |= {video_key(difference.subject) for difference in lost}
        expected = Expected.of(videos, owners)
        keys.append(expected.keys)
        rows_seen += yield from expected.compare(vectors.rows_with(expected.keys.tolist()))
    if vectors.count() != rows_seen:
        yield from _surplus(vectors, np.concatenate(keys), unreadable)
    if gallery.manifest.descriptor:
        yield from _undescribed(gallery, live, unreadable)
    if vectors.videos:
        kinds = Kind.VECTORS_DIFFERENT, Kind.VECTORS_SURPLUS
        yield from _compare_others(vectors.videos, functools.partial(_descriptors, gallery), kinds, live, unreadable)
    if vectors.clips:
        kinds = Kind.CLIPS_DIFFERENT, Kind.CLIPS_SURPLUS
        yield from _compare_others(vectors.clips, functools.partial(_windows, gallery), kinds, live, unreadable)


def _undescribed(
    gallery: Gallery, live: Mapping[str, ledger.Attempt], unreadable: Container[int]
) -> Iterator[Difference]:
    """As a change of the descriptor leaves it that was cut off. Of videos that are lost that is known by now."""
    for commit, owners in ledger.by_commit(live.values()).items():
        with contextlib.suppress(CliptraceError):
            for video_id in sorted(owners.keys() - stored_descriptors(gallery, commit).keys()):
                if video_key(video_id) not in unreadable:
                    yield Difference(Kind.UNDESCRIBED, video_id)


def _compare_others(
    vectors: VectorStore,
    stored: Callable[[ledger.Commit, Container[str]], Mapping[str, NDArray[np.float32]]],
    kinds: tuple[Kind, Kind],
    live: Mapping[str, ledger.Attempt],
    unreadable: Container[int],
) -> Iterator[Difference]:
    """As keyframes are compared. vectors: another collection, which should have what is ``stored`` of the videos of a
    commit. kinds: of what differs there, and of what is too much."""
    rows_seen, keys = 0, [np.empty(0, np.int64)]
    for commit, owners in ledger.by_commit(live.values()).items():
        try:
            found = stored(commit, owners)
        except CliptraceError:  # the videos are lost, as is known by now
            continue
        left = {v: StoredFrames.of_vectors(v, found[v]) for v in owners if v in found}
        expected = Expected.of({v: (each.times, each.embeddings) for v, each in left.items()}, owners)
        keys.append(expected.keys)
        rows_seen += yield from expected.compare(vectors.rows_with(expected.keys.tolist()), kinds[0])
    if vectors.count() != rows_seen:
        for surplus in _surplus(vectors, np.concatenate(keys), unreadable):
            yield dataclasses.replace(surplus, kind=kinds[1])


def _descriptors(gallery: Gallery, commit: ledger.Commit, _: Container[str]) -> dict[str, NDArray[np.float32]]:
    return stored_descriptors(gallery, commit)


def _windows(gallery: Gallery, commit: ledger.Commit, owners: Container[str]) -> dict[str, NDArray[np.float32]]:
    """Of the clip features of these videos that can be read."""
    found, reader = {}, FrameReader(gallery)
    for video in read_shard(gallery, *commit, owners):
        with contextlib.suppress(CliptraceError):
            found[video.video_id] = windows(reader.clips(video))
    return found


def _stale(
    gallery: Gallery, attempts: Sequence[ledger.Attempt], live: Mapping[str, ledger.Attempt]
) -> Iterator[Difference]:
    """Of shards that cannot be read those that have no live video: of the others these are told as lost."""
    owned = {attempt.commit for attempt in live.values()}
    for commit, dead in dead_rows(attempts, live).items():
        try:
            stale = present(gallery, commit) & dead.keys()
        except CliptraceError as error:
            if commit not in owned:
                path = files.join(gallery.root, part_path("videos", *commit))
                yield Difference(Kind.UNREADABLE, path, reason=str(error))
        else:
            yield from (Difference(Kind.STALE, video_id) for video_id in sorted(stale))


def _readable(
    gallery: Gallery, reader: FrameReader, commit: ledger.Commit, owners: Mapping[str, ledger.Attempt]
) -> tuple[dict[str, Frames], list[Difference]]:
    """Keyframes of the videos of a commit, by id, and the videos of which they, or the clip features, cannot be had."""
    try:
        rows = {video.video_id: video for video in read_shard(gallery, *commit, owners)}
    except CliptraceError as error:
        return {}, [Difference(Kind.LOST, video_id, reason=str(error)) for video_id in owners]
    videos: dict[str, Frames] = {}
    lost = []
    for video_id in owners:
        try:
            frames = read_frames(reader, rows.get(video_id))
            if gallery.manifest.moments:
                reader.clips(rows[video_id])
            videos[video_id] = frames
        except CliptraceError as error:
            lost.append(Difference(Kind.LOST, video_id, reason=str(error)))
    return videos, lost


def read_frames(reader: FrameReader, video: StoredVideo | None) -> Frames:
    """CliptraceError where the keyframes are not those that the videos shard promises."""
    if video is None:
        raise CliptraceError("the videos shard has no row of it")
    times, embeddings = reader.read(video)
    if len(times) != video.keyframes:
        raise CliptraceError(f"{video.frames_file}: {len(times):,} of {video.keyframes:,} keyframes")
    return times, embeddings


@dataclasses.dataclass(frozen=True, slots=True)
class Expected:
    """What Milvus should hold of some videos, a row a keyframe, by increasing key.

    keys, frames, generations: int64[N]; owners: int64[N], into ``video_ids``; times: float64[N], seconds;
    embeddings: float32[N, D].
    """

    video_ids: Sequence[str]
    keys: NDArray[np.int64]
    owners: NDArray[np.int64]
    frames: NDArray[np.int64]
    times: NDArray[np.float64]
    generations: NDArray[np.int64]
    embeddings: NDArray[np.float32]

    @classmethod
    def of(cls, videos: Mapping[str, Frames], attempts: Mapping[str, ledger.Attempt]) -> Expected:
        counts = [len(times) for times, _ in videos.values()]
        keys = [frame_key(video_id, float(time)) for video_id, (times, _) in videos.items() for time in times]
        order = np.argsort(np.array(keys, np.int64))
        generations = np.array([attempts[video_id].generation for video_id in videos], np.int64)
        owners = np.repeat(np.arange(len(videos)), counts)
        frames = [np.arange(count) for count in counts]
        return cls(
            list(videos),
            np.array(keys, np.int64)[order],
            owners[order],
            np.concatenate(frames or [np.empty(0, np.int64)])[order],
            np.concatenate([times for times, _ in videos.values()] or [np.empty(0)])[order],
            generations[owners][order],
            np.concatenate([rows for _, rows in videos.values()] or [np.empty((0, 1), np.float32)])[order],
        )

    def compare(
        self, batches: Iterator[list[dict[str, Any]]], kind_of_all: Kind | None = None
    ) -> Generator[Difference, None, int]:
        """Differences from what Milvus has under the keys. Returns how many rows that is.

        kind_of_all: of each, whatever it is.
        """
        seen, differs = np.zeros(len(self.keys), bool), np.zeros(len(self.keys), bool)
        for batch in batches:
            at = np.searchsorted(self.keys, np.array([row["key"] for row in batch], np.int64))
            seen[at] = True
            differs[at] = ~self._equal(at, batch)
        for kind, which in ((Kind.MISSING, ~seen), (Kind.DIFFERENT, differs)):
            counts = np.bincount(self.owners[which], minlength=len(self.video_ids)).tolist()
            found = zip(self.video_ids, counts, strict=True)
            yield from (Difference(kind_of_all or kind, video_id, count) for video_id, count in found if count)
        return int(seen.sum())

    def _equal(self, at: NDArray[np.int64], rows: Sequence[Mapping[str, Any]]) -> NDArray[np.bool_]:
        """Whether rows of Milvus are those at these places, but for what half precision loses."""
        if not rows:
            return np.zeros(0, bool)
        video_ids = [self.video_ids[owner] for owner in self.owners[at]]
        equal = np.array([row["video_id"] == video_id for row, video_id in zip(rows, video_ids, strict=True)])
        for name, expected in (("frame", self.frames), ("time", self.times), ("generation", self.generations)):
            equal &= np.array([row[name] for row in rows]) == expected[at]
        embeddings = np.array([row["embedding"] for row in rows], np.float32)
        return np.asarray(equal & (np.abs(embeddings - self.embeddings[at]).max(axis=1) <= _PRECISION))


def _surplus(vectors: VectorStore, keys: NDArray[np.int64], unreadable: Container[int]) -> Iterator[Difference]:
    """Rows with other keys than these; not those of videos of which Parquet cannot say the keys."""
    for batch in vectors.rows(embeddings=False):
        known = np.isin(np.array([row["key"] for row in batch], np.int64), keys)
        surplus: defaultdict[str, list[int]] = defaultdict(list)
        for row in itertools.compress(batch, ~known):
            if row["video_key"] not in unreadable:
                surplus[row["video_id"]].append(row["key"])
        yield from (Difference(Kind.SURPLUS, video_id, len(found), keys=found) for video_id, found in surplus.items())
