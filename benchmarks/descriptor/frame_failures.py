"""What still fails, to look at: of each edit one query frame, the frame that it is a copy of, and what was found."""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks.edits import EDITS, SEVERITIES
from benchmarks.attacks.media import ffmpeg
from benchmarks.descriptor.distractors import Sources
from benchmarks.descriptor.frame_bench import Seed
from benchmarks.descriptor.frame_measures import Found
from benchmarks.descriptor.frames import QueryFrames

Picture = NDArray[np.uint8]
LARGEST_BYTES = 400_000
WIDTH, HEIGHT, LINE = 192, 144, 18
_COLUMNS = 2


@dataclasses.dataclass(frozen=True, slots=True)
class Failure:
    """title: what was done. pictures: query, true frame, wrongly found frame; each uint8[HEIGHT, WIDTH, 3], RGB."""

    title: str
    pictures: tuple[Picture, Picture, Picture]


def show_failures(seed: Seed, found: Found, footage: Sequence[Path], target: Path) -> None:
    """Write the sheet of one contestant and seed. footage: what its distractors are made from."""
    queries, gallery = seed.queries, seed.gallery
    chosen = typical_failures(queries, seed.first_right(found) | ~queries.true)
    sources = Sources.read(footage) if (found.frames[chosen, 0] >= len(gallery.times)).any() else None
    failures = []
    for at in chosen:
        frame = int(found.frames[at, 0])
        distractor = frame - len(gallery.times)
        if sources is not None and distractor >= 0:
            wrong = cv2.resize(sources.picture(distractor), (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)
            what = "a distractor"
        else:
            video = int(gallery.video[frame])
            wrong = read_frame(seed.gallery_paths[video], gallery.times[frame])
            what = "another moment" if video == queries.ref[at] else "another video"
        failures.append(
            Failure(
                f"{queries.edit[at]}, {queries.severity[at]}: copy | original | found: {what}",
                (
                    read_frame(seed.dataset.queries / str(queries.ids[at]), queries.times[at]),
                    read_frame(seed.gallery_paths[queries.ref[at]], queries.ref_times[at]),
                    wrong,
                ),
            )
        )
    write_sheet(failures, target)
    print(target, file=sys.stderr)


def typical_failures(queries: QueryFrames, right: NDArray[np.bool_]) -> list[int]:
    """Of each edit that fails, one frame: at the mildest severity at which it does, the middle one of them."""
    chosen = []
    for edit in EDITS:
        for severity in SEVERITIES:
            wrong = np.flatnonzero(~right & (queries.edit == edit) & (queries.severity == severity))
            if len(wrong):
                chosen.append(int(wrong[len(wrong) // 2]))
                break
    return chosen


def read_frame(path: Path, seconds: float) -> Picture:
    """What a video shows at ``seconds``, whole, on black; black all over after its end."""
    fitted = f"scale={WIDTH}:{HEIGHT}:force_original_aspect_ratio=decrease,pad={WIDTH}:{HEIGHT}:-1:-1"
    chain = ["-vf", f"scale=iw*sar:ih,{fitted}", "-frames:v", "1", "-f", "rawvideo", "-pix_fmt", "rgb24", "-"]
    raw = ffmpeg("-ss", f"{max(0.0, seconds - 0.01):.3f}", "-i", str(path), "-an", *chain)
    picture = np.zeros((HEIGHT, WIDTH, 3), np.uint8)
    return np.frombuffer(raw, np.uint8).reshape(HEIGHT, WIDTH, 3) if raw else picture


def write_sheet(failures: Sequence[Failure], target: Path) -> None:
    """A JPEG of at most LARGEST_BYTES: three pictures a failure, its title above them."""
    cells = [_cell(failure) for failure in failures]
    if not cells:
        cells = [np.zeros((LINE, 3 * WIDTH, 3), np.uint8)]
    cells += [np.zeros_like(cells[0])] * (-len(cells) % _COLUMNS)
    rows = [np.concatenate(cells[at : at + _COLUMNS], axis=1) for at in range(0, len(cells), _COLUMNS)]
    sheet = cv2.cvtColor(np.concatenate(rows), cv2.COLOR_RGB2BGR)
    for quality in range(85, 0, -10):
        _, encoded = cv2.imencode(".jpg", sheet, [cv2.IMWRITE_JPEG_QUALITY, quality])
        if len(encoded) <= LARGEST_BYTES:
            break
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_bytes(encoded.tobytes())


def _cell(failure: Failure) -> Picture:
    line = np.zeros((LINE, 3 * WIDTH, 3), np.uint8)
    cv2.putText(line, failure.title, (4, LINE - 5), cv2.FONT_HERSHEY_SIMPLEX, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return np.concatenate([line, np.concatenate(failure.pictures, axis=1)])
