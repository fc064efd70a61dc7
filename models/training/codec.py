"""Frames through a real video codec at a real bitrate: artefacts that no filter imitates."""

from __future__ import annotations

import ffmpeg
import numpy as np
from numpy.typing import NDArray

from cliptrace.models.training.config import EDITS, EditsConfig
from cliptrace.models.training.edits import Random

Frames = NDArray[np.uint8]

_QUALITY = {"libx264": "crf", "mpeg4": "q:v", "mpeg2video": "q:v"}
"""Encoder → its quality option."""
_FASTER = {"libx264": {"preset": "veryfast"}}


def recompressed(frames: Frames, random: Random, config: EditsConfig = EDITS) -> Frames:
    """uint8[N, S, S, 3] RGB, S even → the same frames, encoded as one video by a random codec and decoded again."""
    shares = [share for _, share, _, _ in config.codecs]
    encoder, _, best, worst = config.codecs[int(random.choice(len(shares), p=shares))]
    quality = {_QUALITY[encoder]: int(random.integers(best, worst + 1))}
    settings = {"vcodec": encoder, "pix_fmt": "yuv420p", **_FASTER.get(encoder, {}), **quality}
    raw = {"format": "rawvideo", "pix_fmt": "rgb24"}
    height, width = frames.shape[1:3]
    encoded, _ = (
        ffmpeg.input("pipe:", s=f"{width}x{height}", framerate=25, **raw)
        .output("pipe:", format="matroska", threads=1, **settings)
        .run(input=frames.tobytes(), capture_stdout=True, quiet=True)
    )
    decoded, _ = ffmpeg.input("pipe:").output("pipe:", **raw).run(input=encoded, capture_stdout=True, quiet=True)
    return np.frombuffer(decoded, np.uint8).reshape(frames.shape)
