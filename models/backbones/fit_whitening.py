"""Fits the whitening of a backbone's pooled features on the videos below some folders.

    python -m cliptrace.models.backbones.fit_whitening --data DIR … --output FILE [--seed N]

Each frame goes in as it is, mirrored, cropped and blurred: what an edit moves gets a large variance, and whitening
divides by it. Prints the keys that the backbone's config.json needs.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path

import cv2
import ffmpeg
import numpy as np
from numpy.typing import NDArray

from cliptrace.models.backbones.pooling import pool
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.backbones.whitening import Whitening
from cliptrace.models.runtime import open_session
from cliptrace.models.weights import sha256_of
from cliptrace.schemas.config import VIDEO_SUFFIXES

Frames = NDArray[np.uint8]

_FPS = 2


def videos_below(folders: list[Path]) -> list[Path]:
    return sorted(path for folder in folders for path in folder.rglob("*") if path.suffix.lower() in VIDEO_SUFFIXES)


def read_frames(video: Path, size: int) -> Frames:
    """uint8[N, size, size, 3]: two RGB frames a second, squeezed to a square."""
    stream = ffmpeg.input(str(video)).filter("fps", _FPS).filter("scale", size, size)
    raw, _ = stream.output("pipe:", format="rawvideo", pix_fmt="rgb24").run(capture_stdout=True, quiet=True)
    return np.frombuffer(raw, np.uint8).reshape(-1, size, size, 3)


def variants(frame: Frames, random: np.random.Generator) -> Iterator[Frames]:
    """A frame as it is, mirrored, cropped to 70..100 % of its sides, and blurred by halving its size."""
    size = len(frame)
    yield frame
    yield frame[:, ::-1]
    side = int(size * random.uniform(0.7, 1.0))
    top, left = random.integers(0, size - side + 1, 2)
    yield _resize(frame[top : top + side, left : left + side], size)
    yield _resize(_resize(frame, size // 2), size)


def _resize(frame: Frames, size: int) -> Frames:
    shrinks = size < len(frame)
    resized = cv2.resize(frame, (size, size), interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
    return np.asarray(resized, np.uint8)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR")
    parser.add_argument("--output", type=Path, required=True, metavar="FILE", help="a .safetensors file")
    parser.add_argument("--backbone", default="efficientnet_lite0", metavar="NAME|FILE")
    parser.add_argument("--dimension", type=int, default=512)
    parser.add_argument("--shrinkage", type=float, default=0.5, help="0 is plain PCA whitening")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()

    config = load_config(arguments.backbone)
    session = open_session(config, threads=os.cpu_count() or 1)
    random = np.random.default_rng(arguments.seed)
    vectors = []
    for video in videos_below(arguments.data):
        for frame in read_frames(video, config.input_size):
            vectors.append(pool(session.run(np.stack(list(variants(frame, random)))), config.pooling))
        print(f"{video}: {4 * len(vectors)} vectors so far", file=sys.stderr)
    whitening = Whitening.fit(np.concatenate(vectors), arguments.dimension, arguments.shrinkage)
    content = whitening.to_bytes()
    arguments.output.write_bytes(content)
    digest = sha256_of(content)
    print(
        json.dumps({"dimension": arguments.dimension, "whitening": arguments.output.name, "whitening_sha256": digest})
    )


if __name__ == "__main__":
    main()
