"""Pictures of moments: frames of a query above those of what was found, from the files where they can be had."""

from __future__ import annotations

import threading

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
        self._last = threading.local()  # each thread has a query of its own

    def draw(self, query: ClipFeatures, ref: StoredVideo, match: Match) -> None:
        """One picture of the match, with a strip for each of its moments."""
        strips = [self._asked(query)]
        for moment in match.segments:
            seconds = spread(moment.ref_start, moment.ref_end)
            title = f"found, {moment.ref_start:.1f} to {moment.ref_end:.1f} s, score {moment.score:.2f}"
            shape = ref.width / max(ref.height, 1) or 1.0
            strips.append(Strip(title, self._of_stored(self._refs, ref, seconds), seconds, shape))
        name = picture_name(match.query_id, match.ref_id)
        files.write_bytes(files.join(self._folder, name), draw_strips(strips))

    def _asked(self, query: ClipFeatures) -> Strip:
        """All of the query, which its matches have in common."""
        if getattr(self._last, "query", None) is not query:
            self._last.query, self._last.strip = query, self._strip_of(query)
        strip: Strip = self._last.strip
        return strip

    def _strip_of(self, query: ClipFeatures) -> Strip:
        source, info, seconds = query.source, query.info, spread(0.0, query.decoded_s)
        if self._stored:
            reader, videos = self._stored
            found = videos.read(query.video_id, lambda video: self._of_stored(reader, video, seconds))
        else:
            found = self._of_file(source.uri, source.stream, info.size_bytes, seconds)
        shape = info.width / max(info.height, 1) or 1.0
        return Strip(
            f"query, 0.0 to {query.decoded_s:.1f} s", _black(seconds) if found is None else found, seconds, shape
        )

    def _of_stored(self, reader: FrameReader, video: StoredVideo, seconds: Seconds) -> Frames:
        """Of its file, or else the stored pictures of its keyframes."""
        found = self._of_file(video.uri, video.own_stream, video.size_bytes, seconds)
        return pictured(reader, video, seconds) if found is None else found

    def _of_file(self, uri: str, stream: int | None, size_bytes: int, seconds: Seconds) -> Frames | None:
        """Frames of a file of so many bytes; None where it is gone or another one by now."""
        try:
            with self._scratch.stage(uri, str(size_bytes)) as path:
                info = probe(path, self._config.limits, stream)
                if info.size_bytes == size_bytes:
                    return sample(path, info, seconds, self._config.limits, SIDE)
        except (MediaError, OSError):
            pass  # nobody promised that the files are still there
        return None

    def close(self) -> None:
        self._scratch.close()


def spread(start_s: float, end_s: float) -> Seconds:
    """The middles of as many equal parts as a strip has frames."""
    return start_s + (np.arange(_FRAMES) + 0.5) * (end_s - start_s) / _FRAMES


def pictured(reader: FrameReader, video: StoredVideo, seconds: Seconds) -> Frames:
    """uint8[N, S, S, 3]: the stored pictures of the nearest keyframes; black where there are none."""
    times, pictures = reader.read(video)[0], reader.pictures(video)
    if not pictures:
        return _black(seconds)
    plain = np.flatnonzero(view_of(times) == 0)
    nearest = plain[np.abs(times[plain] - seconds[:, None]).argmin(axis=1)]
    try:
        grey = decode(pictures, nearest.tolist()).astype(np.uint8)
    except DamagedPictureError as error:
        raise CliptraceError(
            f"{video.frames_file}: video {video.video_id!r}: {error}; index the video again"
        ) from error
    return np.stack([cv2.cvtColor(cv2.resize(each, (SIDE, SIDE)), cv2.COLOR_GRAY2RGB) for each in grey])


def _black(seconds: Seconds) -> Frames:
    """What cannot be had."""
    return np.zeros((len(seconds), SIDE, SIDE, 3), np.uint8)
