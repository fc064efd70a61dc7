"""How well frame embeddings survive what people do to videos: backbones side by side.

python -m benchmarks.descriptor --backbone efficientnet_lite0 --backbone PATH/config.json [--end-to-end]

OUTPUT/attacks/SPLIT-SEED   the attack bench (benchmarks.attacks.build), made where it is missing
OUTPUT/features             embeddings of its videos and of the distractors

Every figure is the mean over the seeds and, in brackets, what it lies between. Definitions: which frames are right, in
frames.py; the figures, in frame_measures.py and frame_bench.py; the haystack, in distractors.py.
"""

from __future__ import annotations

import argparse
import contextlib
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks.build import Dataset, build
from benchmarks.attacks.splits import Footage, Split, find_footage
from benchmarks.descriptor import tables
from benchmarks.descriptor.contestants import Contestant, Network, contestants
from benchmarks.descriptor.distractors import distractor_paths
from benchmarks.descriptor.end_to_end import Variant, measure_end_to_end
from benchmarks.descriptor.frame_bench import Seed, measure_frames
from benchmarks.descriptor.frame_cost import measure_cost
from benchmarks.descriptor.frame_failures import show_failures
from benchmarks.descriptor.frames import keyframe_thumbs
from benchmarks.harness.command import Question, Result, add_seeds
from benchmarks.harness.seeds import spread
from benchmarks.look_alike.footage import frame_similarities, look_alikes
from cliptrace.models.backbones.background import Background
from cliptrace.models.backbones.registry import config_to_json
from cliptrace.schemas.config import BackboneConfig
from cliptrace.transforms.matching import MatchConfig


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backbone", action="append", required=True, help="a name or a config file; may be repeated")
    parser.add_argument("--split", choices=("validation", "test"), default="test")
    add_seeds(parser)
    parser.add_argument("--frames", type=int, default=50_000, help="distractors, beside the frames of the gallery")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="a sheet of what the last backbone gets wrong")
    parser.add_argument("--end-to-end", action="store_true", help="tune and measure the temporal network as well")


def measure(arguments: argparse.Namespace) -> Result:
    output, split, footage = arguments.output, arguments.split, find_footage()
    paths = distractor_paths(footage, split)
    if not paths:
        print("no distractors: all splits share the same videos", file=sys.stderr)
    rows = contestants(arguments.backbone, paths, output / "features")
    networks = {name: each for name, each in rows.items() if isinstance(each, Network)}
    first, last = next(iter(networks.values())), list(networks)[-1]
    with _timed("frames"):
        seeds = [Seed.load(_dataset(arguments, split, seed, footage), first) for seed in arguments.seeds]
        alike = look_alikes(footage, split)
        measured: dict[str, Result] = {}
        for name, contestant in rows.items():
            distractors = contestant.distractors(arguments.frames)
            similarities = _look_alike_similarities(alike, contestant)
            found = [seed.search(contestant, distractors) for seed in seeds]
            each = zip(seeds, found, strict=True)
            measured[name] = spread([measure_frames(seed, mine, similarities) for seed, mine in each])
            if name == last and arguments.pictures:
                with _timed("pictures"):
                    show_failures(seeds[0], found[0], paths, arguments.pictures / f"failures-{split}.jpg")
    with _timed("cost"):
        for name, cost in measure_cost({name: each.config for name, each in networks.items()}).items():
            measured[name]["cost"] = cost
    matched: dict[str, Result] = {}
    if arguments.end_to_end:
        with _timed("end to end"):
            for name, variant in _variants(networks).items():
                matched[name] = _end_to_end(arguments, variant, footage)
    return {
        "split": split,
        "data": {
            **spread([seed.counts() for seed in seeds]),
            "distractors": len(distractors),
            "look_alike_video_pairs": len(alike),
            "look_alike_frame_pairs": len(similarities),
        },
        "backbones": {name: _without_paths(network.config) for name, network in networks.items()},
        "rows": measured,
        "end_to_end": matched,
    }


def _without_paths(config: BackboneConfig) -> Result:
    """A backbone as its settings and digests, which are the same wherever its files lie."""
    return {
        key: value for key, value in config_to_json(config).items() if not isinstance(value, str) or "/" not in value
    }


def _dataset(arguments: argparse.Namespace, split: Split, seed: int, footage: Footage) -> Dataset:
    return build(split, arguments.output / "attacks" / f"{split}-{seed}", seed, arguments.queries, footage)


def _variants(networks: Mapping[str, Network]) -> dict[str, Variant]:
    """Every network without and, where it has one, with its background."""
    return {
        f"{name}, normalised" if background else name: Variant(
            network.keyframes, (), background, _product(network.config, background)
        )
        for name, network in networks.items()
        for background in (None, *filter(None, [Background.of(network.config)]))
    }


def _product(config: BackboneConfig, background: Background | None) -> MatchConfig | None:
    return MatchConfig.suited_to(config) if bool(background) == bool(config.background) else None


def _end_to_end(arguments: argparse.Namespace, variant: Variant, footage: Footage) -> Result:
    return spread(
        [
            measure_end_to_end(
                variant,
                _dataset(arguments, "validation", seed, footage),
                _dataset(arguments, "test", seed, footage),
            )
            for seed in arguments.seeds
        ]
    )


def _look_alike_similarities(pairs: Sequence[tuple[Path, Path]], contestant: Contestant) -> NDArray[np.float32]:
    paths = sorted({path for pair in pairs for path in pair})
    if not paths:
        return np.empty(0, np.float32)
    return frame_similarities(pairs, contestant.keyframes(paths), {path: keyframe_thumbs(path) for path in paths})


@contextlib.contextmanager
def _timed(name: str) -> Iterator[None]:
    started = time.monotonic()
    yield
    print(f"{name}: {time.monotonic() - started:.0f} s", file=sys.stderr)


QUESTION = Question("benchmarks.descriptor", __doc__, options, measure, tables.descriptor)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
