"""Videos that look alike and show nothing of one another: both takes of every pair of benchmarks/look_alike, whole."""

from __future__ import annotations

import dataclasses
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from benchmarks.attacks.build import PROCESSES
from benchmarks.attacks.splits import Split
from benchmarks.look_alike.build import MOST_IN_COMMON, recipe_of
from benchmarks.look_alike.plan import Filmed, Look, plan_looks
from benchmarks.look_alike.sources import Library, find_library, real_pairs
from benchmarks.look_alike.takes import make_take, same_moments
from benchmarks.star_gnn.footage import find_videos
from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.star_gnn.clips import Clip, load_clips
from cliptrace.models.star_gnn.config import LatticeFootage
from cliptrace.schemas.config import BackboneConfig

_SEED = 1


def load_look_alikes(
    split: Split,
    backbone: BackboneConfig,
    cache: Path,
    config: LatticeFootage,
    projection: Whitening,
) -> list[Clip]:
    """Two clips a pair, which are a scene. Pairs of which another split has a video (``find_videos``) are left out, and
    those whose takes show the same. The rest as ``load_clips`` has it."""
    library = find_library()
    of_videos = {video.path: video.split for video in find_videos()}
    looks = [
        look
        for look in plan_looks(split, _SEED, real_pairs(library, split))
        if all(of_videos.get(path, split) == split for path in _filmed(look, library))
    ]
    folder = cache / "takes" / str(recipe_of(split, _SEED, library)["code"]) / split
    with ThreadPoolExecutor(PROCESSES) as pool:
        pairs = list(pool.map(lambda look: _takes(look, library, folder / look.name), looks))
        common = list(pool.map(lambda pair: same_moments(*pair), pairs))
    paths = [take for pair, share in zip(pairs, common, strict=True) if share <= MOST_IN_COMMON for take in pair]
    clips, _ = load_clips(paths, backbone, cache / "look_alikes", config, 0, projection)
    return [dataclasses.replace(clip, scene=-1 - clip.scene, look_alike=True) for clip in clips]


def _filmed(look: Look, library: Library) -> list[Path]:
    return [
        library.file(stretch.path)
        for take in (look.first, look.other)
        if isinstance(take, Filmed)
        for stretch in take.stretches
    ]


def _takes(look: Look, library: Library, folder: Path) -> tuple[Path, Path]:
    """Files of both takes, made where they are not there yet."""
    folder.mkdir(parents=True, exist_ok=True)
    files = folder / "first.mp4", folder / "other.mp4"
    for take, file in zip((look.first, look.other), files, strict=True):
        if not file.is_file():
            partial = file.with_suffix(".part.mp4")
            make_take(take, library, partial, look.name)
            partial.rename(file)
    return files
