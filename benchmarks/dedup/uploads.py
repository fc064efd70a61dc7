"""Uploads for the dedup bench: one video many times over, edited copies of another, and distractors."""

from __future__ import annotations

import dataclasses
import random
import shutil
from pathlib import Path

from benchmarks.attacks.edits import Severity, draw
from benchmarks.attacks.media import FPS, X264, ffmpeg
from benchmarks.attacks.plan import Piece, QueryPlan
from benchmarks.attacks.render import make_clip, render
from benchmarks.attacks.splits import find_footage, representatives

EDITS = (
    *("reencode", "downscale", "crop", "letterbox", "mirror", "rotate", "colour", "grey", "blur", "noise"),
    *("overlay", "borders", "speed", "frame_rate", "frame_drops"),
)
"""Those that leave most of the picture and of the time to be seen."""
SEVERITIES: tuple[Severity, ...] = ("mild", "medium")
MOST_S = 12


@dataclasses.dataclass(frozen=True, slots=True)
class Uploads:
    """A folder of files, and by name which group each is of; a distractor is its own."""

    folder: Path
    groups: dict[str, str]


def make_uploads(folder: Path, seed: int, identical: int = 40, edited: int = 30, distractors: int = 30) -> Uploads:
    """Of the test split's footage, at most MOST_S seconds of each video."""
    rng, footage = random.Random(seed), find_footage()
    names = [str(footage.root / path) for path in representatives(footage, "test")]
    rng.shuffle(names)
    work = folder.with_name(f"{folder.name}-work")
    for each in (folder, work):
        shutil.rmtree(each, ignore_errors=True)
        each.mkdir(parents=True)
    sources = [_cut(Path(name), work / f"{number:03}.mp4") for number, name in enumerate(names[: distractors + 2])]
    groups: dict[str, str] = {}
    for number in range(identical):
        groups[name := f"identical-{number:02}.mp4"] = "identical"
        shutil.copyfile(sources[0], folder / name)
    clip = make_clip(sources[1], work / "clip.mp4", "clip")
    for number in range(edited):
        edit, severity = EDITS[number % len(EDITS)], SEVERITIES[number // len(EDITS) % len(SEVERITIES)]
        recipe = draw(edit, severity, rng)[1]
        groups[name := f"edited-{number:02}-{edit}-{severity}.mp4"] = "edited"
        piece = Piece("clip", 0, clip.frames, round(clip.frames / recipe.speed), True)
        plan = QueryPlan(name, "whole", clip.width, clip.height, (piece,), edit, (edit,), severity, recipe)
        render(plan, {"clip": work / "clip.mp4"}, folder / name)
    for source in sources[2:]:
        name = f"unrelated-{source.name}"
        groups[name] = name
        shutil.copyfile(source, folder / name)
    shutil.rmtree(work)
    return Uploads(folder, groups)


def _cut(source: Path, target: Path) -> Path:
    encoder = (*X264, "-preset", "veryfast", "-crf", "23", "-g", str(2 * FPS))
    chain = ["-i", str(source), "-t", str(MOST_S), "-an", "-sn", "-dn", "-vf", "scale=-2:min(360\\,ih)"]
    ffmpeg(*chain, *encoder, str(target))
    return target
