"""Which of a gallery's videos ask another gallery, and of which pairs the answer is wanted."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence

from cliptrace.pipelines.models import describe, identity
from cliptrace.schemas.config import MatchMode
from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.records import VideoSource
from cliptrace.transforms.store.catalogue import Entry, list_videos
from cliptrace.transforms.store.gallery import Gallery
from cliptrace.transforms.stored import Recent, source_of

STORED_WAVE = (4096, 1 << 15)
"""Videos of a wave in process, and their keyframes, or seconds of clip features, of which each takes some kilobytes."""


@dataclasses.dataclass(frozen=True)
class Asking:
    """A gallery whose stored videos are the queries.

    sources: its videos, by id. weights: of each, by id, keyframes or seconds. recent: where only pairs of which one is
    new are asked for.
    """

    gallery: Gallery
    sources: Sequence[VideoSource]
    weights: Mapping[str, int]
    recent: Recent | None = None

    def weight_of(self, source: VideoSource) -> int:
        return self.weights[source.video_id]


def asking(path: str, gallery: Gallery, mode: MatchMode, since_s: float | None = None) -> Asking:
    """The videos of the gallery at ``path`` that have something to ask ``gallery``.

    since_s: in seconds since 1970; only pairs of which one was indexed since. UsageError where there is no gallery, or
    embeddings are compared that cannot be.
    """
    asker = Gallery.load(path)
    if asker is None:
        raise UsageError(f"--from-gallery {path}: no gallery here (no gallery.json); make one with cliptrace index")
    one, other = asker.manifest.backbone, gallery.manifest.backbone
    if mode == "copy" and identity(one) != identity(other):
        raise UsageError(
            f"{asker.home} was built with backbone {describe(one)}, but {gallery.home} with {describe(other)}: "
            "make one of them anew with the other's, with cliptrace gallery reindex"
        )
    entries = list_videos(asker)
    recent = None
    if since_s is not None:
        queries = _since(entries, since_s)
        recent = Recent(queries, queries if asker.root == gallery.root else _since(list_videos(gallery), since_s))
        if not recent.refs:
            entries = [entry for entry in entries if entry.video.video_id in queries]
    videos = [entry.video for entry in entries]
    weights = {v.video_id: v.keyframes if mode == "copy" else math.ceil(v.decoded_s) for v in videos}
    return Asking(asker, [source_of(video) for video in videos], weights, recent)


def _since(entries: Sequence[Entry], since_s: float) -> frozenset[str]:
    return frozenset(entry.video.video_id for entry in entries if entry.indexed >= since_s)
