"""The live videos of a gallery that grows while it is searched: what is new is read, not all of it again."""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable
from typing import TypeVar

from apache_beam.utils.shared import Shared

from cliptrace.schemas.errors import CliptraceError
from cliptrace.transforms.store import ledger
from cliptrace.transforms.store.gallery import Gallery, StoredVideo, read_shard, read_videos

T = TypeVar("T")


class LiveVideos:
    """Safe between threads. A video that was removed meanwhile may still be named: ask ``is_removed`` last."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery = gallery
        self._lock = threading.Lock()
        self._by_size: defaultdict[int, list[str]] | None = None  # made by who asks first
        self.reread()

    def get(self, video_id: str) -> StoredVideo | None:
        """As of the last look at the gallery."""
        return self._videos.get(video_id)

    def read(self, video_id: str, read: Callable[[StoredVideo], T]) -> T | None:
        """What ``read`` makes of a video, from where it is stored now; None where it is none of the gallery's any more,
        or not yet."""
        while video := self.get(video_id):
            try:
                return read(video)
            except CliptraceError:
                self.reread()
                if self.get(video_id) == video:  # else it has moved while the gallery was searched
                    raise
        return None

    def of_size(self, size_bytes: int) -> list[StoredVideo]:
        """Those whose file has so many bytes, by id."""
        with self._lock:
            if self._by_size is None:
                by_size = defaultdict(list)
                for video_id in sorted(self._videos):
                    by_size[self._videos[video_id].size_bytes].append(video_id)
                self._by_size = by_size
            return [self._videos[video_id] for video_id in self._by_size.get(size_bytes, ())]

    def reread(self) -> None:
        """All anew: for when what is known turns out to be stale."""
        shards = set(ledger.shards(self._gallery.root))
        videos = read_videos(self._gallery)
        with self._lock:
            self._shards, self._videos, self._by_size = shards, videos, None

    def refresh(self) -> None:
        """What was acknowledged since the last look, by whom ever."""
        shards = set(ledger.shards(self._gallery.root))
        if not self._shards <= shards:  # merged into others
            self.reread()
            return
        with self._lock:
            for path in shards - self._shards:
                stored = {a.video_id for a in ledger.read_shard(path) if a.status == ledger.INDEXED}
                found = read_shard(self._gallery, *ledger.commit_of(path), stored) if stored else []
                self._videos |= {video.video_id: video for video in found}
                self._shards.add(path)
            self._by_size = None


class SharedVideos:
    """The live videos of a gallery, held once a process by all stages that have the same of these. Picklable."""

    def __init__(self, gallery: Gallery) -> None:
        self._gallery, self._shared = gallery, Shared()

    def open(self) -> LiveVideos:
        videos: LiveVideos = self._shared.acquire(lambda: LiveVideos(self._gallery))
        return videos
