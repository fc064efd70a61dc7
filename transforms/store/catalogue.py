"""What is in a gallery, from Parquet, ledger and tombstones alone: to be read at any moment, whoever writes."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import part_path, video_key
from cliptrace.transforms.paths import canonical, composed
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.exact.rows import FOLDER
from cliptrace.transforms.store.gallery import Gallery, StoredVideo, read_videos
from cliptrace.transforms.store.takedown import Tombstone, read_tombstones, removed_keys


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """A live video and when it was indexed, seconds since 1970."""

    video: StoredVideo
    indexed: float


def list_videos(gallery: Gallery) -> list[Entry]:
    """Live videos by id."""
    videos = read_videos(gallery)
    live = ledger.live(ledger.read_attempts(gallery.root))
    return [Entry(videos[video_id], live[video_id].time) for video_id in sorted(videos) if video_id in live]


def latest_of(roots: Sequence[str]) -> dict[str, ledger.Attempt]:
    """The last attempt at each video, by id, as the last of these builds tells that knows the video."""
    return {video_id: last for root in roots for video_id, last in ledger.latest(ledger.read_attempts(root)).items()}


def find_attempts(roots: Sequence[str], names: Sequence[str]) -> dict[str, ledger.Attempt]:
    """The last attempt at each of the videos that ``names`` mean, by id. A name is an id; else a path or uri, for all
    with it.

    roots: folders of builds, of which the last one that knows a video is asked.

    CliptraceError, naming all of them, where some mean none.
    """
    latest = latest_of(roots)
    known = Names((attempt.video_id, attempt.uri) for attempt in latest.values())
    found = {name: known.meant(name) for name in names}
    if unknown := [name for name, video_ids in found.items() if not video_ids]:
        raise CliptraceError(f"{roots[0]}: no video has the id, path or URI {', '.join(map(repr, unknown))}")
    return {video_id: latest[video_id] for video_ids in found.values() for video_id in video_ids}


class Names:
    """What people call videos. NFC and NFD are one name, unless there are both."""

    def __init__(self, videos: Iterable[tuple[str, str]]) -> None:
        """videos: id and uri of each."""
        self._ids: dict[str, list[str]] = {}
        self._places: dict[str, list[str]] = {}
        for video_id, uri in videos:
            self._ids.setdefault(composed(video_id), []).append(video_id)
            if uri:
                self._places.setdefault(composed(uri), []).append(video_id)

    def meant(self, name: str) -> list[str]:
        """The video with this id; else those with this path or uri."""
        alike = self._ids.get(composed(name), [])
        if name in alike:
            return [name]
        return alike or self._places.get(composed(name)) or self._places.get(canonical(name)) or []


@dataclasses.dataclass(frozen=True, slots=True)
class Description:
    """All that is known of a video.

    last: the last attempt at it. row: what is stored of it, by the columns of ``schemas.gallery.VIDEOS``; None where
    nothing is, or it is removed. indexed: when that was stored. bytes: of its keyframes in Parquet.
    """

    last: ledger.Attempt
    row: Mapping[str, Any] | None
    indexed: float | None
    bytes: int
    tombstone: Tombstone | None


def describe_video(gallery: Gallery, name: str) -> list[Description]:
    """Of the video with this id, or of those with this path or uri."""
    live = ledger.live(ledger.read_attempts(gallery.root))
    removed = {tombstone.video_id: tombstone for tombstone in read_tombstones(gallery.home)}
    descriptions = []
    for video_id, last in find_attempts([gallery.root], [name]).items():
        stored = None if video_id in removed else live.get(video_id)
        row = _row(gallery, stored) if stored else None
        size = _bytes(gallery, row) if row else 0
        descriptions.append(Description(last, row, stored.time if stored else None, size, removed.get(video_id)))
    return descriptions


def _row(gallery: Gallery, attempt: ledger.Attempt) -> dict[str, Any] | None:
    path = files.join(gallery.root, part_path("videos", attempt.run, attempt.part))
    rows = (row for row in files.read_table(path).to_pylist() if row["video_id"] == attempt.video_id)
    return next(rows, None)


def _bytes(gallery: Gallery, row: Mapping[str, Any]) -> int:
    path = files.join(gallery.root, row["frames_file"])
    try:
        with files.open_bytes(path) as file:
            group = pq.ParquetFile(pa.PythonFile(file, mode="r")).metadata.row_group(row["row_group"])
            return sum(group.column(column).total_compressed_size for column in range(group.num_columns))
    except (OSError, pa.ArrowException) as error:
        raise CliptraceError(f"{path}: cannot be read: {files.reason(error)}") from error


@dataclasses.dataclass(frozen=True, slots=True)
class Stats:
    """seconds: of video decoded. failed: videos of which the last attempt failed. bytes: by what they are of."""

    videos: int
    seconds: float
    keyframes: int
    failed: int
    removed: int
    runs: int
    shards: int
    bytes: Mapping[str, int]


def gallery_stats(gallery: Gallery) -> Stats:
    attempts = ledger.read_attempts(gallery.root)
    removed = removed_keys(gallery.home)
    videos = read_videos(gallery).values()
    sizes = {kind: files.sizes(gallery.root, part_path(kind, "*", "*")) for kind in ("frames", "videos", "ledger")}
    stored = {kind: sum(by_path.values()) for kind, by_path in sizes.items()}
    if gallery.manifest.moments:
        stored["clips"] = sum(files.sizes(gallery.root, part_path("clips", "*", "*")).values())
    if mapped := files.sizes(gallery.root, f"{FOLDER}/**/*"):
        stored[FOLDER] = sum(mapped.values())
    if not gallery.manifest.milvus:
        stored["milvus.db"] = sum(files.sizes(gallery.vectors_address, "**/*").values())
    failed = [a for a in ledger.latest(attempts).values() if a.status == ledger.FAILED]
    return Stats(
        videos=len(videos),
        seconds=math.fsum(video.decoded_s for video in videos),
        keyframes=sum(video.keyframes for video in videos),
        failed=sum(video_key(attempt.video_id) not in removed for attempt in failed),
        removed=len(removed),
        runs=len({ledger.commit_of(path)[0] for by_path in sizes.values() for path in by_path}),
        shards=len(sizes["frames"]),
        bytes=stored,
    )
