"""Frames of one range of a video on the 8 fps grid, a tile at a time, from an ffmpeg that may not be trusted to end."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Iterator
from types import TracebackType
from typing import Self

import numpy as np
from numpy.typing import NDArray

from cliptrace.schemas.config import BASIS_FPS, TILE_S, Limits
from cliptrace.schemas.errors import MediaError
from cliptrace.schemas.records import VideoInfo
from cliptrace.transforms.media.command import decode_command, file_url
from cliptrace.transforms.media.process import Process
from cliptrace.transforms.media.ranges import frame_s, seek_before, seekable

TILE_FRAMES = round(TILE_S * BASIS_FPS)

_CLOCKS = frozenset({"mpegts", "mpeg", "ogg"})
"""Containers that say no duration, but at the first and the last picture how late it is."""


@dataclasses.dataclass(frozen=True, slots=True)
class Tile:
    """Up to 72 s of consecutive basis frames.

    times: float64[N], seconds on the grid k / 8. frames: uint8[N, S, S, 3], RGB; the next tile overwrites them, so copy
    what has to last.
    """

    times: NDArray[np.float64]
    frames: NDArray[np.uint8]


class Decoder:
    """The tiles of ``[start_s, end_s)`` of a video: ``with Decoder(path, info) as tiles: for tile in tiles: …``.

    Time 0 is where the container starts, as players have it; a video stream that starts later has no frames before
    that. Frame k shows what is on screen at k / 8 s, to the nearest 1/16 s. Pictures are turned upright and
    squeezed into ``size``² pixels; interlaced ones are deinterlaced. Memory: one tile.

    start_s: a whole number of tiles. key_frames_only: the codec's; a tile begins with the first one that is in it, and
    without one there is no tile. After the last tile: decoded_s, seconds decoded of the range; warning, why they
    are fewer than the container promised, else "". Damage that the codec conceals gives no warning. Raises MediaError
    where a video yields no frame at all; a later range without frames has a warning, as the video ended before it.
    """

    def __init__(
        self,
        path: str,
        info: VideoInfo,
        limits: Limits,
        *,
        start_s: float = 0.0,
        end_s: float = math.inf,
        size: int = 224,
        key_frames_only: bool = False,
    ) -> None:
        if start_s % TILE_S:
            raise ValueError(f"a range starts with a whole tile, not at {start_s} s")
        if start_s and not seekable(info):
            raise ValueError(f"a video in {info.container} is decoded from its beginning, not from {start_s} s")
        self._path, self._info, self._limits = path, info, limits
        self._start_s, self._end_s, self._size, self._key_frames_only = start_s, end_s, size, key_frames_only
        # What is on screen just before a range tells whether its first key frame is new.
        self._lead = int(key_frames_only and start_s > info.late_s)
        self._frames = math.ceil((min(end_s, limits.max_duration_s) - start_s) * BASIS_FPS)
        self._frame_bytes = size * size * 3
        self.decoded_s = 0.0
        self.warning = ""

    def __enter__(self) -> Self:
        limits, start_s = self._limits, self._start_s - self._lead / BASIS_FPS
        command = decode_command(
            self._path,
            self._info,
            start_s=start_s,
            seek_s=seek_before(start_s, self._info) if self._start_s else None,
            frames=self._frames + self._lead,
            size=self._size,
            limits=limits,
            key_frames_only=self._key_frames_only,
        )
        self._process = Process(
            command,
            file_url(self._path),
            memory_bytes=limits.memory_bytes,
            stall_s=limits.stall_s,
            floor=limits.speed_floor * BASIS_FPS * self._frame_bytes,
        )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._process.close()

    def __iter__(self) -> Iterator[Tile]:
        frames = np.empty((min(TILE_FRAMES, self._frames), self._size, self._size, 3), np.uint8)
        buffer = frames.data.cast("B")
        first = round(self._start_s * BASIS_FPS)
        late = math.floor(self._info.late_s * BASIS_FPS)
        done = 0
        before = np.empty((self._lead, *frames.shape[1:]), np.uint8)  # the last frame that was shown, if any
        if self._lead:
            self._process.fill(before.data.cast("B"))
        while count := self._process.fill(buffer) // self._frame_bytes:
            times = (first + done + np.arange(count)) / BASIS_FPS
            none = max(0, late - first - done)  # ffmpeg repeats the first picture there
            if self._key_frames_only and len(before):
                none = max(none, _repeated(frames[:count], before))
            done += count
            self.decoded_s = done / BASIS_FPS
            if none < count:
                if self._key_frames_only:
                    before = frames[count - 1 : count].copy()
                yield Tile(times[none:], frames[none:count])
        self._judge_end(done)

    @property
    def _may_have_jumped(self) -> bool:
        """Of a clock that jumps, what lies between two readings is not what there is to see: all was decoded."""
        return self._info.container in _CLOCKS and not self._process.errors

    def _judge_end(self, done: int) -> None:
        """Set ``warning`` from how the process ended and how much it gave."""
        reason = f": {self._process.reason}" if self._process.reason else ""
        failed = self._process.killed or self._process.returncode != 0
        if self._key_frames_only and self._info.has_duration and done and not (failed or self._process.errors):
            # The last key frame comes once, and lasts to the end.
            self.decoded_s = max(self.decoded_s, min(self._end_s, self._info.duration_s) - self._start_s)
        if done == 0 and self._start_s == 0:
            raise MediaError(f"no frame could be decoded{reason}")
        end_s = self._start_s + self.decoded_s
        promised_s = min(self._end_s, self._info.duration_s) if self._info.has_duration else math.nan
        of = f" of {promised_s:.1f} s" if self._info.has_duration else ""
        if done == self._frames and self._end_s > self._limits.max_duration_s:
            self.warning = f"decoding ended at {end_s:.1f} s{of}: no video may be longer"
        elif failed or (promised_s - end_s > 1.0 + frame_s(self._info) and not self._may_have_jumped):
            self.warning = f"decoding ended at {end_s:.1f} s{of}{reason}"


def _repeated(frames: NDArray[np.uint8], before: NDArray[np.uint8]) -> int:
    """How many of the first frames are what was shown before: uint8[1, S, S, 3]."""
    is_other = (frames != before).any(axis=(1, 2, 3))
    return int(is_other.argmax()) if is_other.any() else len(frames)
