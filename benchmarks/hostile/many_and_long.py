"""What many tiny files, and one very long recording, cost cliptrace index.

python -m benchmarks.hostile.many_and_long [--files 10000] [--hours 12]

Exit code 1 where not all of them are indexed. No figure of it is recorded: it takes hours.
"""

from __future__ import annotations

import argparse
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from benchmarks.attacks.media import ffmpeg
from cliptrace.transforms.store.gallery import Gallery, live_attempts

_X264 = ("-c:v", "libx264", "-preset", "veryfast", "-pix_fmt", "yuv420p")


def write_tiny(folder: Path, count: int) -> None:
    """Clips of a second that differ in a box that no player looks into."""
    folder.mkdir()
    one = folder / "0.mp4"
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=64x48:rate=8:duration=1", *_X264, str(one))
    clip = one.read_bytes()
    for number in range(1, count):
        (folder / f"{number}.mp4").write_bytes(clip + b"\0\0\0\x10free" + number.to_bytes(8, "big"))


def write_long(folder: Path, hours: float) -> None:
    """Two pictures a second, the same ten minutes again and again."""
    folder.mkdir()
    loop = folder.with_suffix(".mp4")
    ffmpeg("-f", "lavfi", "-i", "testsrc2=size=320x240:rate=2:duration=600", *_X264, "-g", "20", str(loop))
    ffmpeg("-stream_loop", "-1", "-i", str(loop), "-t", str(hours * 3600), "-c", "copy", str(folder / "long.mp4"))


def index(folder: Path, gallery: Path) -> int:
    """Prints what it took. Returns how many videos the gallery has then, 0 where the command failed."""
    began, before = time.monotonic(), resource.getrusage(resource.RUSAGE_CHILDREN)
    command = [sys.executable, "-P", "-m", "cliptrace.pipelines.cli", "index", str(folder), "--gallery", str(gallery)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    print(
        f"{folder.name}: exit code {done.returncode}, {cpu_s:,.0f} CPU seconds, {time.monotonic() - began:,.0f} s, "
        f"peak of the largest process so far {after.ru_maxrss / 1024:,.0f} MB"
    )
    stored = Gallery.load(str(gallery))
    if done.returncode or stored is None:
        print(done.stderr[-2000:], file=sys.stderr)
        return 0
    return len(live_attempts(stored))


def main() -> int:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--files", type=int, default=10_000)
    parser.add_argument("--hours", type=float, default=12.0)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="cliptrace-bench-") as name:
        root = Path(name)
        write_tiny(root / "tiny", asked.files)
        write_long(root / "long", asked.hours)
        indexed = [index(root / folder, root / f"{folder}.gallery") for folder in ("long", "tiny")]
    return int(indexed != [1, asked.files])


if __name__ == "__main__":
    sys.exit(main())
