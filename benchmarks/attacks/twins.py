"""Do two videos of the footage show the same? Brute force over grey thumbs, also mirrored: what splits.py rests on.

python -m benchmarks.attacks.twins     prints the likest pairs, and whether the bench holds any twins
"""

from __future__ import annotations

import dataclasses
import itertools

import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks.media import grey_thumbs, unit_rows
from benchmarks.attacks.splits import SPLITS, find_footage, left_out, representatives, split_of

TWIN = 0.86
"""Likeness from which two videos count as the same scene; unrelated footage reaches 0.85 (bright above, dark below)."""
THUMB = 16
PER_SECOND = 2.0


@dataclasses.dataclass(frozen=True, slots=True)
class Pair:
    likeness: float
    first: str
    second: str


def likeness(first: NDArray[np.float32], second: NDArray[np.float32]) -> float:
    """Thumbs [N, s, s], [M, s, s] → how the shorter video's median frame correlates with its best in the other."""
    if len(first) > len(second):
        first, second = second, first
    rows = unit_rows(second)
    return max(float(np.median((unit_rows(view) @ rows.T).max(axis=1))) for view in (first, first[:, :, ::-1]))


def likest_pairs(thumbs: dict[str, NDArray[np.float32]]) -> list[Pair]:
    pairs = (Pair(likeness(thumbs[a], thumbs[b]), a, b) for a, b in itertools.combinations(sorted(thumbs), 2))
    return sorted(pairs, key=lambda pair: -pair.likeness)


def main() -> int:
    footage = find_footage()
    thumbs = {path: grey_thumbs(footage.root / path, THUMB, PER_SECOND) for path in footage.paths}
    used = {path for split in SPLITS for path in representatives(footage, split)}
    pairs = likest_pairs(thumbs)
    print("likeness\tused\tsplits\tpair")
    for pair in pairs:
        both = pair.first in used and pair.second in used
        if pair.likeness >= TWIN or (both and pair.likeness >= TWIN - 0.1):
            splits = f"{split_of(pair.first)}-{split_of(pair.second)}"
            print(f"{pair.likeness:.3f}\t{'both' if both else ''}\t{splits}\t{pair.first} | {pair.second}")
    for path in footage.paths:
        if footage.families and left_out(path):
            print(f"left out: {path}: {left_out(path)}")
    twins = [pair for pair in pairs if pair.likeness >= TWIN and {pair.first, pair.second} <= used]
    print(f"{len(used)} of {len(footage.paths)} videos used, {len(twins)} pairs of twins among them")
    return 1 if twins else 0


if __name__ == "__main__":
    raise SystemExit(main())
