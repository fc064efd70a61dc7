"""Pictures of moments: frames of a query above those of what was found, from the files where they can be had."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from cliptrace.models.relocalization.strips import SIDE, Strip, draw_strips
from cliptrace.models.verification.pictures import DamagedPictureError, decode
from cliptrace.schemas.errors import CliptraceError, MediaError
from cliptrace.schemas.gallery import view_of
from cliptrace.schemas.records import ClipFeatures, Match
from cliptrace.transforms.features import FeatureConfig, open_scratch
from cliptrace.transforms.media.probe import probe
from cliptrace.transforms.media.sample import sample
from cliptrace.transforms.naming import picture_name
from cliptrace.transforms.store import files
from cliptrace.transforms.store.gallery import FrameReader, Gallery, StoredVideo
from cliptrace.transforms.store.live import SharedVideos

Frames = NDArray[np.uint8]
Seconds = NDArray[np.float64]

_FRAMES = 8
"""Of a strip."""


class Strips:
    """Draws matches into a folder. Picklable until it is opened.

    asking: the gallery that has the queries, and its videos; None where they are files.
    """

    def __init__(
        self, folder: str, config: FeatureConfig, gallery: Gallery, asking: tuple[Gallery, SharedVideos] | None
    ) -> None:
        self._folder, self._config, self._gallery, self._asking = folder, config, gallery, asking

    def open(self) -> None:
        self._scratch = open_scratch(self._config)
        self._refs = FrameReader(self._gallery)
        self._stored = (FrameReader(self._asking[0]), self._asking[1].open()) if self._asking else None

    def draw(self, query: ClipFeatures, ref: StoredVideo, match: Match) -> None:
        """One picture of the match, with a strip for each of its moments."""
        best = match.segments[0]
        info = query.info
        seconds = spread(best.query_start, best.query_end)
        asked = self._of(query.source.uri, query.source.stream, info.size_bytes, seconds, lambda: self._asked(query))
        shape = info.width / max(info.height, 1) or 1.0
        strips = [Strip(f"query, {best.query_start:.1f} to {best.query_end:.1f} s", asked, seconds, shape)]
        for moment in match.segments:
            seconds = spread(moment.ref_start, moment.ref_end)
            frames = self._of(ref.uri, ref.own_stream, ref.size_bytes, seconds, lambda: (self._refs, ref))
            title = f"found, {moment.ref_start:.1f} to {moment.ref_end:.1f} s, score {moment.score:.2f}"
            strips.append(Strip(title, frames, seconds, ref.width / max(ref.height, 1) or 1.0))
        name = picture_name(match.query_id, match.ref_id)
        files.write_bytes(files.join(self._folder, name), draw_strips(strips))

    def _asked(self, query: ClipFeatures) -> tuple[FrameReader, StoredVideo] | None:
        stored = self._stored and self._stored[1].get(query.video_id)
        return (self._stored[0], stored) if self._stored and stored else None

    def _of(
        self,
        uri: str,
        stream: int | None,
        size_bytes: int,
        seconds: Seconds,
        stored: Callable[[], tuple[FrameReader, StoredVideo] | None],
    ) -> Frames:
        """Frames of a file of so many bytes; where it is gone or another one by now, stored pictures of keyframes."""
        try:
            with self._scratch.stage(uri, str(size_bytes)) as path:
                info = probe(path, self._config.limits, stream)
                if info.size_bytes == size_bytes:
                    return sample(path, info, seconds, self._config.limits, SIDE)
        except (MediaError, OSError):
            pass  # nobody promised that the files are still there
        found = stored()
        return pictured(*found, seconds) if found else np.zeros((len(seconds), SIDE, SIDE, 3), np.uint8)

    def close(self) -> None:
        self._scratch.close()


def spread(start_s: float, end_s: float) -> Seconds:
    """The middles of as many equal parts as a strip has frames."""
    return start_s + (np.arange(_FRAMES) + 0.5) * (end_s - start_s) / _FRAMES


def pictured(reader: FrameReader, video: StoredVideo, seconds: Seconds) -> Frames:
    """uint8[N, S, S, 3]: the stored pictures of the nearest keyframes; black where there are none."""
    times, pictures = reader.read(video)[0], reader.pictures(video)
    if not pictures:
        return np.zeros((len(seconds), SIDE, SIDE, 3), np.uint8)
    plain = np.flatnonzero(view_of(times) == 0)
    nearest = plain[np.abs(times[plain] - seconds[:, None]).argmin(axis=1)]
    try:
        grey = decode(pictures, nearest.tolist()).astype(np.uint8)
    except DamagedPictureError as error:
        raise CliptraceError(
            f"{video.frames_file}: video {video.video_id!r}: {error}; index the video again"
        ) from error
    return np.stack([cv2.cvtColor(cv2.resize(each, (SIDE, SIDE)), cv2.COLOR_GRAY2RGB) for each in grey])
