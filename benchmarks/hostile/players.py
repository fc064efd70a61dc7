"""What a player shows of a file: decoded from its beginning to its end by ffmpeg as it is, or by Pillow.

Nothing of the product takes part, and no frame is repeated or dropped.
"""

from __future__ import annotations

import bisect
import dataclasses
import json
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageSequence

from benchmarks.hostile.second_codes import SIDE, read
from cliptrace.schemas.errors import CliptraceError

Number = int | str | None
"""A second's number as it is read from a picture; None where it cannot be, ``NOTHING`` where nothing is on screen."""
NOTHING = "–"

_PILLOW = (".webp", ".avif")
_SHOWN = re.compile(r"Parsed_showinfo.* pts_time:\s*(\S+) .* s:(\d+)x(\d+) ")
_STREAM = re.compile(r"Stream #0:(\d+) -> #0:0")


@dataclasses.dataclass(frozen=True, slots=True)
class Shown:
    """size: width and height of the first picture, upright. starts: when each picture comes, in seconds. numbers: what
    is read from each. seconds: when the last one goes."""

    size: tuple[int, int]
    starts: Sequence[float]
    numbers: Sequence[Number]
    seconds: float

    def at(self, second: float) -> Number:
        """What is on screen then."""
        shown = bisect.bisect_right(self.starts, second) - 1
        return self.numbers[shown] if shown >= 0 and second < self.seconds else NOTHING


def play(path: Path) -> Shown:
    return _by_pillow(path) if path.suffix in _PILLOW else _by_ffmpeg(path)


def _by_ffmpeg(path: Path) -> Shown:
    options = ["-vf", f"showinfo,scale={SIDE}:{SIDE}:flags=area", "-fps_mode", "passthrough"]
    raw = ["-an", "-sn", "-f", "rawvideo", "-pix_fmt", "rgb24", "pipe:1"]
    command = ["ffmpeg", "-nostdin", "-hide_banner", "-i", str(path), *options, *raw]
    done = subprocess.run(command, capture_output=True, check=False)
    said = done.stderr.decode(errors="replace")
    shown, stream = _SHOWN.findall(said), _STREAM.search(said)
    pictures = np.frombuffer(done.stdout, np.uint8).reshape(-1, SIDE, SIDE, 3)
    if done.returncode or not stream or not shown or len(shown) != len(pictures):
        raise CliptraceError(f"{path}: ffmpeg does not play it: {said[-500:]}")
    starts = [float(start) for start, _, _ in shown]
    size = int(shown[0][1]), int(shown[0][2])
    return Shown(size, starts, [read(picture) for picture in pictures], starts[-1] + _last_s(path, stream[1]))


def _last_s(path: Path, stream: str) -> float:
    """For how long the last picture of a stream is shown, by its packet."""
    asked = ["-select_streams", stream, "-show_entries", "packet=pts_time,duration_time", "-of", "json"]
    done = subprocess.run(["ffprobe", "-v", "error", *asked, str(path)], capture_output=True, check=True)
    packets = json.loads(done.stdout)["packets"]
    return max((float(each.get("pts_time", 0)), float(each.get("duration_time", 0))) for each in packets)[1]


def _by_pillow(path: Path) -> Shown:
    starts: list[float] = []
    numbers: list[Number] = []
    end_s = 0.0
    with Image.open(path) as film:
        for frame in ImageSequence.Iterator(film):
            picture = frame.convert("RGB").resize((SIDE, SIDE), Image.Resampling.BOX)
            starts.append(end_s)
            numbers.append(read(np.asarray(picture)))
            end_s += frame.info["duration"] / 1000
        return Shown(film.size, starts, numbers, end_s)
