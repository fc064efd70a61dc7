"""mAP of whole videos on a published data set, by the descriptors of a gallery that is indexed for it.

python -m benchmarks.star_gnn.published --dataset svd|fivr|vcdb|cc_web --data DIR [--descriptor NAME]

DIR has the set's own annotation files (benchmarks/star_gnn/datasets.py) and, somewhere below it, its videos. A second
call goes on where the first one was interrupted.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path, PurePath

import numpy as np

from benchmarks.harness.command import Question, Result, add_seed
from benchmarks.star_gnn import tables
from benchmarks.star_gnn.datasets import READERS, Published, read
from cliptrace import Gallery
from cliptrace.models.metrics.retrieval import average_precision
from cliptrace.schemas.config import DESCRIPTORS
from cliptrace.schemas.errors import UsageError
from cliptrace.transforms.store.descriptors import VideoSearch, read_descriptors


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--dataset", choices=tuple(READERS), required=True)
    parser.add_argument("--data", type=Path, required=True, metavar="DIR")
    parser.add_argument("--descriptor", choices=DESCRIPTORS, default="mean")
    add_seed(parser)


def measure(arguments: argparse.Namespace) -> Result:
    published = read(arguments.dataset, arguments.data)
    folder = arguments.output / f"{arguments.dataset}-{arguments.descriptor}"
    gallery = Gallery.create(folder, descriptor=arguments.descriptor)
    report = gallery.index(arguments.data)
    scores = precisions(gallery, published, arguments.dataset)
    if not scores:
        raise UsageError(f"{arguments.data}: none of the {len(published.right):,} queries is among its videos")
    return {
        "dataset": arguments.dataset,
        "descriptor": arguments.descriptor,
        "queries": len(published.right),
        "asked": len(scores),
        "videos": len(gallery.videos()),
        "not_decoded": report.failed + report.skipped.known_failures,
        "mean_average_precision": float(np.mean(list(scores.values()))),
    }


def precisions(gallery: Gallery, published: Published, dataset: str) -> dict[str, float]:
    """Average precision of each query that is there. What is right and is not there is not found."""
    vectors = read_descriptors(gallery.store)
    search = VideoSearch(vectors)
    names = {video_id: name_of(video.uri, dataset) for video_id, video in gallery.videos().items()}
    scores = {}
    for number, video_id in enumerate(vectors.video_ids.tolist()):
        query = names[video_id]
        if not (right := published.right.get(query)):
            continue
        ranked = [(names[found], alike) for found, alike in search.nearest(vectors.of(number), len(names))]
        among = [(name, alike) for name, alike in ranked if published.takes_part(query, name)]
        relevant, values = [name in right for name, _ in among], [alike for _, alike in among]
        scores[query] = average_precision(relevant, values, len(right))
    return scores


def name_of(uri: str, dataset: str) -> str:
    """What the annotations call a file."""
    path = PurePath(uri)
    return {"svd": path.name, "cc_web": f"{path.parent.name}/{path.stem}"}.get(dataset, path.stem)


QUESTION = Question("benchmarks.star_gnn.published", __doc__, options, measure, tables.published)

if __name__ == "__main__":
    sys.exit(QUESTION.main())
