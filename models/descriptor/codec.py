"""Frames through a real video codec at a real bitrate: artefacts that no filter imitates."""

from __future__ import annotations

from collections.abc import Sequence

import ffmpeg
import numpy as np
from numpy.typing import NDArray

from cliptrace.models.descriptor.edits import Random

Frames = NDArray[np.uint8]

_X264 = {"vcodec": "libx264", "preset": "veryfast", "pix_fmt": "yuv420p"}
_CODECS: Sequence[tuple[float, dict[str, str], str, tuple[int, int]]] = (
    # how often, encoder, its quality option, and that option's range
    (0.6, _X264, "crf", (28, 46)),
    (0.25, {"vcodec": "mpeg4", "pix_fmt": "yuv420p"}, "q:v", (8, 31)),
    (0.15, {"vcodec": "mpeg2video", "pix_fmt": "yuv420p"}, "q:v", (10, 31)),
)


def recompressed(frames: Frames, random: Random) -> Frames:
    """uint8[N, S, S, 3] RGB, S even → the same frames, encoded as one video by a random codec and decoded again."""
    shares = [share for share, *_ in _CODECS]
    _, encoder, option, quality = _CODECS[int(random.choice(len(_CODECS), p=shares))]
    settings = {**encoder, option: int(random.integers(quality[0], quality[1] + 1))}
    raw = {"format": "rawvideo", "pix_fmt": "rgb24"}
    height, width = frames.shape[1:3]
    encoded, _ = (
        ffmpeg.input("pipe:", s=f"{width}x{height}", framerate=25, **raw)
        .output("pipe:", format="matroska", threads=1, **settings)
        .run(input=frames.tobytes(), capture_stdout=True, quiet=True)
    )
    decoded, _ = ffmpeg.input("pipe:").output("pipe:", **raw).run(input=encoded, capture_stdout=True, quiet=True)
    return np.frombuffer(decoded, np.uint8).reshape(frames.shape)
