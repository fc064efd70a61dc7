"""The main job on clips in the repository: index a gallery, match edited copies, show found seconds beside true ones.

``make demo``, or ``python -m benchmarks.demo --output DIR``.
"""

from __future__ import annotations

import argparse
import dataclasses
import json
import shutil
import subprocess
import sys
from pathlib import Path

from benchmarks.harness.tables import Table

CLIPS = Path(__file__).parent.parent / "tests" / "data" / "clips"
GALLERY = ("arm-wrestling.mp4", "baseball.mp4", "bottles.mp4", "cars.mp4", "juggling.mp4", "playground.mp4")
BACKGROUND = ("street.mp4", "coffee.mp4")
"""Footage that is not in the gallery."""


@dataclasses.dataclass(frozen=True)
class Copy:
    """``ref[start, end)`` goes through ``filters`` to a query, ``before`` seconds into other footage (None: alone)."""

    name: str
    edit: str
    ref: str
    start: float
    end: float
    filters: str = "null"
    encoder: tuple[str, ...] = ("-c:v", "libx264", "-preset", "veryfast")
    speed: float = 1.0
    before: float | None = None

    @property
    def query_span(self) -> tuple[float, float]:
        begin = self.before or 0.0
        return begin, begin + (self.end - self.start) / self.speed


COPIES = (
    Copy("trimmed.mp4", "trimmed", "juggling.mp4", 2, 8),
    Copy(
        "reencoded.avi",
        "re-encoded at 90 kbit/s",
        "baseball.mp4",
        1,
        8,
        "scale=192:-2",
        ("-c:v", "mpeg4", "-b:v", "90k"),
    ),
    Copy("cropped.mp4", "cropped by 20 %", "playground.mp4", 3, 9, "crop=iw*0.8:ih*0.8"),
    Copy("mirrored.mp4", "mirrored", "arm-wrestling.mp4", 2, 8, "hflip"),
    Copy("slowed.mp4", "slowed to half speed", "playground.mp4", 1, 6, "setpts=2*PTS", speed=0.5),
    Copy("inside.mp4", "inside other footage", "arm-wrestling.mp4", 3, 9, before=6),
)
UNRELATED = "unrelated.mp4"


def make_query(copy: Copy, target: Path) -> None:
    """Cut, edit and, where it goes inside other footage, put street and coffee around it."""
    shape = "scale=320:240,setsar=1,fps=25,format=yuv420p"
    edited = f"[0:v]trim={copy.start}:{copy.end},setpts=PTS-STARTPTS,{copy.filters}"
    inputs, graph = ["-i", str(CLIPS / copy.ref)], f"{edited},format=yuv420p[out]"
    if copy.before is not None:
        inputs += [argument for name in BACKGROUND for argument in ("-i", str(CLIPS / name))]
        around = f"trim=0:{copy.before},setpts=PTS-STARTPTS,{shape}"
        graph = f"{edited},{shape}[b];[1:v]{around}[a];[2:v]{around}[c];[a][b][c]concat=n=3[out]"
    command = ["ffmpeg", "-nostdin", "-v", "error", "-y", *inputs, "-filter_complex", graph, "-map", "[out]"]
    subprocess.run([*command, *copy.encoder, str(target)], check=True)


def cliptrace(*arguments: str) -> None:
    """Run the program as a person would, and show the command."""
    print("\n$ cliptrace " + " ".join(arguments), flush=True)
    subprocess.run([sys.executable, "-m", "cliptrace.pipelines.cli", *arguments], check=True)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--output", type=Path, default=Path("demo-out"))
    output: Path = parser.parse_args().output
    shutil.rmtree(output, ignore_errors=True)
    queries, videos, gallery, matches = (output / name for name in ("queries", "videos", "gallery", "matches.jsonl"))
    queries.mkdir(parents=True)
    videos.mkdir()
    for name in GALLERY:
        shutil.copy(CLIPS / name, videos)
    for copy in COPIES:
        make_query(copy, queries / copy.name)
    shutil.copy(CLIPS / BACKGROUND[0], queries / UNRELATED)
    cliptrace("index", str(videos), "--gallery", str(gallery))
    cliptrace("match", str(queries), "--gallery", str(gallery), "--output", str(matches))
    return show(matches)


def show(matches: Path) -> int:
    """The table; 1 where a copy was missed or the unrelated video was matched."""
    found: dict[str, dict[str, object]] = {}
    for line in matches.read_text().splitlines():
        match = json.loads(line)
        found.setdefault(match["query_id"], match)  # best first
    rows, missed = [], 0
    for copy in COPIES:
        begin, end = copy.query_span
        truth = f"{begin:.1f}–{end:.1f} ← {copy.start:.1f}–{copy.end:.1f}"
        match = found.pop(copy.name, None)
        right = match is not None and match["ref_id"] == copy.ref
        missed += not right
        rows.append((copy.name, copy.edit, copy.ref, truth, *(_row(match) if match and right else ("missed", ""))))
    false = found.pop(UNRELATED, None)
    rows.append((UNRELATED, "not in the gallery", "–", "none", *(_row(false) if false else ("none", ""))))
    columns = ("query", "edit", "from", "true seconds", "found seconds", "score")
    Table("\nFound seconds against true seconds", columns, rows).print()
    return 1 if missed or false else 0


def _row(match: dict[str, object]) -> tuple[str, str]:
    segments = match["segments"]
    assert isinstance(segments, list)
    spans = (
        f"{s['query_start']:.1f}–{s['query_end']:.1f} ← {s['ref_start']:.1f}–{s['ref_end']:.1f}"
        for s in sorted(segments, key=lambda s: s["query_start"])
    )
    return ", ".join(spans), f"{match['score']:.2f}"


if __name__ == "__main__":
    sys.exit(main())
