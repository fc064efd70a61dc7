"""What cliptrace makes of odd but sound files, beside what a player shows of them.

python -m benchmarks.hostile.odd_files

Exit code 1 where the two disagree.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path

from benchmarks.harness.command import Question, Result, add_seed
from benchmarks.hostile import tables
from benchmarks.hostile.malformed import LIMIT_S, index
from benchmarks.hostile.odd_recipes import ODD, draw_films
from benchmarks.hostile.players import Number, Shown, play
from benchmarks.hostile.second_codes import SIDE, read
from cliptrace.schemas.config import BASIS_FPS, Limits
from cliptrace.schemas.errors import CliptraceError
from cliptrace.transforms.media.decode import Decoder
from cliptrace.transforms.media.probe import probe
from cliptrace.transforms.store.catalogue import describe_video
from cliptrace.transforms.store.gallery import Gallery, read_videos

TOLERANCE_S = 1 / BASIS_FPS
"""Between two ends: the grid's step."""


@dataclasses.dataclass(frozen=True, slots=True)
class Told:
    """What the gallery tells of a video. size: upright. warning: why it was decoded in part."""

    seconds: float
    size: tuple[int, int]
    warning: str


def measure(_: argparse.Namespace) -> Result:
    with tempfile.TemporaryDirectory(prefix="cliptrace-bench-") as name:
        root = Path(name)
        films, folder = draw_films(root / "films"), root / "odd"
        folder.mkdir()
        for odd in ODD:
            odd.write(films, folder / odd.name)
        told = indexed(folder, str(root / "gallery"))
        files = [
            {"file": odd.name, "oddity": odd.oddity, **compared(folder / odd.name, told.get(odd.name))} for odd in ODD
        ]
    broken = [f"{row['file']}: {reason}" for row in files for reason in row["disagrees"]]
    return {"files": files, "broken_rules": broken}


def indexed(folder: Path, root: str) -> Mapping[str, Told]:
    """By file name; what cliptrace index, as a person runs it, did not take in is missing."""
    run = index(folder, root, LIMIT_S)
    gallery = Gallery.load(root)
    if run.code not in (0, 3) or gallery is None:
        raise CliptraceError(f"cliptrace index: exit code {run.code}: {run.stderr[-2000:]}")
    rows = [video.row for name in read_videos(gallery) for video in describe_video(gallery, name) if video.row]
    return {
        row["video_id"]: Told(row["decoded_s"], (row["width"], row["height"]), row["warning"] or "") for row in rows
    }


def compared(path: Path, told: Told | None) -> Result:
    """Both sides, and in words where they disagree; at each moment, what is on screen."""
    played = play(path)
    if told is None:
        return {"player": _side(played.seconds, played.size, []), "cliptrace": None, "disagrees": ["is not indexed"]}
    # Between the pictures' changes, and on the grid of basis frames.
    moments = [0.25 + half / 2 for half in range(round(max(played.seconds, told.seconds) * 2))] or [0.0]
    frames = basis_frames(path)
    player, cliptrace = [played.at(moment) for moment in moments], [frames.at(moment) for moment in moments]
    checks = {
        "the player's pictures cannot be read": None not in player,
        f"{told.seconds:g} s, not {played.seconds:g} s": abs(told.seconds - played.seconds) <= TOLERANCE_S,
        f"{_shape(told.size)}, not {_shape(played.size)}": told.size == played.size,
        f"shows {_words(cliptrace)}, not {_words(player)}": cliptrace == player,
        told.warning: not told.warning,
    }
    return {
        "player": _side(played.seconds, played.size, player),
        "cliptrace": _side(told.seconds, told.size, cliptrace),
        "disagrees": [reason for reason, holds in checks.items() if not holds],
    }


def basis_frames(path: Path) -> Shown:
    """As the product decodes them."""
    limits = Limits()
    info = probe(str(path), limits)
    times: list[float] = []
    numbers: list[Number] = []
    with Decoder(str(path), info, limits, size=SIDE) as decoder:
        for tile in decoder:
            times += tile.times.tolist()
            numbers += map(read, tile.frames)
    return Shown((info.width, info.height), times, numbers, decoder.decoded_s)


def _shape(size: tuple[int, int]) -> str:
    return " × ".join(map(str, size))


def _words(shown: list[Number]) -> str:
    return " ".join("?" if number is None else str(number) for number in shown)


def _side(seconds: float, size: tuple[int, int], shown: list[Number]) -> Result:
    return {"seconds": round(seconds, 3), "width": size[0], "height": size[1], "shown": shown}


QUESTION = Question("benchmarks.hostile.odd_files", __doc__, add_seed, measure, tables.odd_files, ("pillow", "pyarrow"))

if __name__ == "__main__":
    sys.exit(QUESTION.main())
