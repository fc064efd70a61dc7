"""A split of an attack bench or of look-alikes as basis frames, of which any choice of keyframes makes a bench."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Literal

from benchmarks.alignment.distractor_videos import distractor_videos
from benchmarks.alignment.pairs import Bench, as_truth, make_bench
from benchmarks.attacks.build import Dataset, build
from benchmarks.attacks.splits import Split, find_footage
from benchmarks.descriptor.distractors import distractor_paths
from benchmarks.harness.features import BasisFrames, basis_frames
from benchmarks.look_alike.build import build as build_look_alikes
from cliptrace.models.alignment.candidates import SEARCHED_PER_SECOND
from cliptrace.models.backbones.background import Background
from cliptrace.models.keyframes import Selector, make_selector
from cliptrace.schemas.config import BASIS_FPS, BackboneConfig, KeyframeConfig


@dataclasses.dataclass(frozen=True, slots=True)
class Videos:
    """One split: its videos as basis frames, and what is true of them. distractors: footage of other splits, if any."""

    dataset: Dataset
    frames: Mapping[str, BasisFrames]
    distractors: Mapping[str, BasisFrames]
    background: Background | None

    def bench(
        self,
        config: KeyframeConfig,
        of_queries: KeyframeConfig,
        distractors: int = 0,
        searched_per_second: float = SEARCHED_PER_SECOND,
    ) -> Bench:
        """config: of the gallery."""
        of_gallery, queries = (make_selector(each, BASIS_FPS) for each in (config, of_queries))
        return self.chosen_by(of_gallery, queries, distractors, searched_per_second)

    def chosen_by(
        self,
        of_gallery: Selector,
        of_queries: Selector,
        distractors: int = 0,
        searched_per_second: float = SEARCHED_PER_SECOND,
    ) -> Bench:
        """distractors: how many videos of the gallery no query was copied from."""
        queries, gallery = (
            {path.name: self.frames[path.name].chosen_by(each) for path in sorted(folder.iterdir())}
            for folder, each in ((self.dataset.queries, of_queries), (self.dataset.gallery, of_gallery))
        )
        others = distractor_videos(self.distractors, of_gallery, distractors)
        truth = as_truth(self.dataset.truth())
        return make_bench(queries, {**gallery, **others}, truth, self.background, searched_per_second)


def load_split(
    split: Literal["validation", "test"], backbone: BackboneConfig, bench: Path, features: Path, seed: int, queries: int
) -> Videos:
    """bench: folder of both splits. features: where embeddings are kept."""
    footage = find_footage()
    dataset = build(split, bench / split, seed, queries, footage)
    paths = [path for folder in (dataset.gallery, dataset.queries) for path in sorted(folder.iterdir())]
    frames, distractors = (basis_frames(each, backbone, features) for each in (paths, distractor_paths(footage, split)))
    return Videos(dataset, frames, distractors, Background.of(backbone))


def load_look_alikes(split: Split, backbone: BackboneConfig, bench: Path, features: Path, seed: int) -> Videos:
    """As ``load_split``, of look-alikes and true copies of them."""
    dataset = build_look_alikes(split, bench / split, seed)
    paths = [path for folder in (dataset.gallery, dataset.queries) for path in sorted(folder.iterdir())]
    return Videos(dataset, basis_frames(paths, backbone, features), {}, Background.of(backbone))
