"""Animated WebP, which ffmpeg does not decode. Pillow does, in a process of its own that runs this file.

``python webp.py describe FILE`` prints what ffprobe would say. ``python webp.py decode FILE SIZE FRAMES MAX_PIXELS``
writes raw rgb24 pictures as the ffmpeg of ``decode_command`` does. This file imports nothing of ours: the process has
neither this one's paths nor its modules.
"""

from __future__ import annotations

import itertools
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

CONTAINER = "webp"

_FPS = 8
_ANIMATED = 0x02
_SHORTEST_MS, _DEFAULT_MS = 11, 100
"""What is shown for less is shown for a tenth of a second, as browsers do."""


def is_animated(head: bytes) -> bool:
    """By the first bytes of a file: a WebP whose header says that it is animated."""
    return head[:4] == b"RIFF" and head[8:16] == b"WEBPVP8X" and len(head) > 20 and bool(head[20] & _ANIMATED)


def describe_command(path: str) -> list[str]:
    return [*_SELF, "describe", path]


def decode_command(path: str, *, size: int, frames: int, max_pixels: int) -> list[str]:
    return [*_SELF, "decode", path, str(size), str(frames), str(max_pixels)]


_SELF = (sys.executable, "-I", str(Path(__file__).resolve()))


def durations_ms(file: BinaryIO) -> list[int]:
    """How long each picture is shown, by the file's chunks; of a file that breaks off, of those that are there."""
    durations: list[int] = []
    file.seek(12)
    while len(head := file.read(8)) == 8:
        size = int.from_bytes(head[4:], "little")
        after = file.tell() + size + size % 2
        if head[:4] == b"ANMF" and len(frame := file.read(16)) == 16:
            shown_ms = int.from_bytes(frame[12:15], "little")
            durations.append(shown_ms if shown_ms >= _SHORTEST_MS else _DEFAULT_MS)
        file.seek(after)
    return durations


def on_grid(durations: list[int]) -> Iterator[int]:
    """How many moments k / 8 s each picture is on screen; a short film's only one, at least."""
    ends = [0]
    for shown_ms in durations:
        ends.append(ends[-1] + shown_ms)
    ticks = [-(-end * _FPS // 1000) for end in ends]
    return (after - before for before, after in itertools.pairwise(ticks))


def _describe(path: str) -> None:
    with Path(path).open("rb") as file:
        head = file.read(30)
        durations = durations_ms(file)
    seconds = sum(durations) / 1000
    stream = {
        "index": 0,
        "codec_type": "video",
        "codec_name": "webp",
        "width": int.from_bytes(head[24:27], "little") + 1,
        "height": int.from_bytes(head[27:30], "little") + 1,
        "avg_frame_rate": f"{len(durations) * 1000}/{sum(durations)}",
        "duration": str(seconds),
        "start_time": "0",
    }
    print(json.dumps({"streams": [stream], "format": {"format_name": CONTAINER, "start_time": "0"}}))


def _decode(path: str, size: int, frames: int, max_pixels: int) -> None:
    from PIL import Image

    Image.MAX_IMAGE_PIXELS = max_pixels
    left = frames
    with Path(path).open("rb") as file:
        counts = on_grid(durations_ms(file))
        file.seek(0)
        with Image.open(file, formats=("WEBP",)) as film:
            for number, count in enumerate(counts):
                film.seek(number)
                if count := min(count, left):
                    seen = Image.alpha_composite(Image.new("RGBA", film.size, "black"), film.convert("RGBA"))
                    picture = seen.convert("RGB").resize((size, size), Image.Resampling.BOX)
                    for _ in range(count):  # one may be shown for hours
                        sys.stdout.buffer.write(picture.tobytes())
                    left -= count


def main(command: str, path: str, *numbers: str) -> int:
    try:
        if command == "describe":
            _describe(path)
        else:
            _decode(path, *map(int, numbers))
    except Exception as error:  # the last line of stderr is what a dead letter says
        print(f"webp: {str(error) or type(error).__name__}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
