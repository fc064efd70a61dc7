"""The design space of the frame descriptor: what each choice costs in accuracy, milliseconds and bytes.

python -m benchmarks.descriptor.design_space --backbone PATH/config.json [--compare NAME=PATH/config.json …] --data DIR…

OUTPUT/attacks/validation-SEED   the attack bench (benchmarks.attacks.build), made where it is missing

On the validation split only: choices are made here. Each row differs from the first, the shipped descriptor, in what it
is called after; what that does not name is the same. Accuracy: micro-AP, and recall@1 as the mean over edits, both as
benchmarks.descriptor has them. Milliseconds: from pixels to vectors, of a query's frame, on one core. All networks
but one compute in 8 bits, as the shipped one does. Bytes: of a keyframe in the gallery; queries stay float32.
benchmarks.descriptor.design_space.chart draws it.

"fitted": a PCA whitening, fitted here on frames of --data and on edited copies of every third, follows the pooling, as
before training. Compare those rows with each other: only the shipped pooling has a projection that was learned.
"first 64": of the shipped projection, whose components are in the order of their variance.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import numpy as np

from benchmarks.attacks.build import build
from benchmarks.attacks.splits import find_footage
from benchmarks.descriptor.design_space.frames import Bench, training_frames
from benchmarks.descriptor.design_space.measure import measure as measure_variants
from benchmarks.descriptor.design_space.measure import milliseconds
from benchmarks.descriptor.design_space.variants import shipped, variants
from benchmarks.descriptor.distractors import distractor_paths
from benchmarks.harness.command import Question, Result, add_queries, add_seed
from benchmarks.harness.tables import Table
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.training.edits import squeezed
from cliptrace.schemas.errors import UsageError

CALIBRATION = 200
_PACKAGES = ("numpy", "onnxruntime", "onnx", "opencv-python-headless")


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--backbone", required=True, help="a trained descriptor's config file: the shipped choice")
    parser.add_argument(
        "--compare", type=_named, nargs="+", default=[], metavar="NAME=FILE", help="descriptors trained otherwise"
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="footage of training")
    parser.add_argument("--pictures", type=int, default=1500, help="of --data, to fit whitenings on")
    add_seed(parser)
    add_queries(parser)
    parser.add_argument("--frames", type=int, default=3000, help="distractors, beside the frames of the gallery")
    parser.add_argument("--repetitions", type=int, default=15, help="of timings; medians are shown")


def measure(arguments: argparse.Namespace) -> Result:
    footage = find_footage()
    base = shipped(load_config(arguments.backbone))
    compared = {name: load_config(path) for name, path in arguments.compare}
    if len({base.name, *compared}) <= len(arguments.compare):
        raise UsageError(f"--compare: every name once, and none of them {base.name!r}, the name of --backbone")
    folder = arguments.output / "attacks" / f"validation-{arguments.seed}"
    dataset = build("validation", folder, arguments.seed, arguments.queries, footage)
    training = training_frames(arguments.data, arguments.pictures, arguments.seed)
    paths = distractor_paths(footage, "validation")
    if not paths:
        print("no distractors: all splits share the same videos", file=sys.stderr)
    bench = Bench(dataset, base.network.crop_borders, paths, arguments.frames, training)
    calibration = np.stack([squeezed(frame, base.network.input_size) for frame in training[:CALIBRATION]])
    with tempfile.TemporaryDirectory() as scratch:
        rows = list(variants(base, compared, calibration, Path(scratch)))
        scores, took = measure_variants(rows, bench), milliseconds(rows, arguments.repetitions)
    return {
        "split": "validation",
        "data": {
            **bench.seed.counts(),
            "distractors": arguments.frames if paths else 0,
            "training_frames": len(training),
            "calibration_frames": len(calibration),
        },
        "crop_borders": base.network.crop_borders,
        "rows": [
            {
                "name": row.name,
                "axis": row.axis,
                "settings": row.settings(),
                **scores[row.axis, row.name],
                "milliseconds": took[row.computes],
                "bytes": row.bytes,
            }
            for row in rows
        ],
    }


def tables(result: Result) -> Iterator[Table]:
    data = result["data"]
    yield Table(
        f"Design space of the descriptor: {data['true_frames']:,} query frames and {data['background_frames']:,} "
        f"of background among {data['gallery_frames']:,} gallery frames and {data['distractors']:,} distractors; one "
        "core.",
        ("", "axis", "micro-AP", "recall@1", "ms a frame", "bytes a keyframe"),
        [
            (
                row["name"],
                row["axis"],
                f"{row['micro_ap']:.3f}",
                f"{row['recall_at_1']:.3f}",
                f"{row['milliseconds']:.2f}",
                f"{row['bytes']:,}",
            )
            for row in result["rows"]
        ],
    )


def _named(text: str) -> tuple[str, str]:
    name, equals, path = text.partition("=")
    if not (name and equals and path):
        raise argparse.ArgumentTypeError(f"must be NAME=PATH/config.json, not {text!r}")
    return name, path


QUESTION = Question("benchmarks.descriptor.design_space", __doc__, options, measure, tables, _PACKAGES)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
