"""Is the truth true? Lightly edited copies against their originals, at the times that truth.csv states.

python -m benchmarks.attacks.check DIR     one line a copied segment; exit code 1 when one is off by more than a frame

The originals are read with their own time stamps, so that this does not repeat how the queries were made.
"""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.attacks.build import Dataset
from benchmarks.attacks.media import FPS, frame_times, grey_thumbs, unit_rows
from benchmarks.attacks.plan import Truth

_THUMB = 32
_WINDOW = 12
"""Frames of 1/25 s by which the mapping is tried earlier and later."""
_FAR_S = 2.0
_TIE = 0.002
"""Correlations this close do not tell two offsets apart: still pictures agree with their neighbours."""
_MOVING = 0.05
"""Loss of correlation at 2 s that shows that the content moves."""

_IN_PLACE = {"reencode", "downscale", "colour", "grey", "blur", "noise", "mirror", "overlay", "frame_rate"}
"""Edits whose mild form leaves the picture where it was (mirrored pictures are compared as mirrored)."""
_IN_TIME = {"speed", "reversed"}
"""Edits that touch nothing but times: checked in every severity."""


@dataclasses.dataclass(frozen=True, slots=True)
class Agreement:
    """How a copied segment correlates with its original.

    aligned: median over the segment's frames at the mapped times. shifted: the same 2 s away, the better side; NaN
    where the original is too short. offset: frames by which a better mapping differs from the truth's.
    """

    truth: Truth
    edit: str
    severity: str
    aligned: float
    shifted: float
    offset: int

    @property
    def holds(self) -> bool:
        return self.aligned > 0.9 and abs(self.offset) <= 1

    @property
    def moving(self) -> bool:
        return self.aligned - self.shifted > _MOVING


def checkable(record: dict[str, Any]) -> bool:
    """Whether a query of queries.jsonl was edited so that its frames can be compared with the original's."""
    return record["edit"] in _IN_TIME or (record["edit"] in _IN_PLACE and record["severity"] == "mild")


def check(dataset: Dataset) -> list[Agreement]:
    """One agreement for each truth row of a checkable query."""
    records = dataset.sidecar()
    times = functools.cache(frame_times)
    found = []
    for row in dataset.truth():
        record = records[row.query_id]
        if checkable(record):
            query, original = dataset.queries / row.query_id, dataset.gallery / row.ref_id
            thumbs = grey_thumbs(original, _THUMB, canvas=(record["width"], record["height"]))
            found.append(_agree(row, record, grey_thumbs(query, _THUMB), thumbs, times(original)))
    return found


def _agree(
    row: Truth,
    record: dict[str, Any],
    query: NDArray[np.float32],
    original: NDArray[np.float32],
    original_times: NDArray[np.float64],
) -> Agreement:
    frames = range(round(row.query_start * FPS), round(row.query_end * FPS))
    # The middle of a frame's time on screen: there, rounding does not decide which frame of the original it is.
    elapsed = (np.arange(len(frames)) + 0.5) / FPS * record["speed"]
    times = row.ref_end - elapsed if record["reversed"] else row.ref_start + elapsed
    view = _Comparison(query[frames.start : frames.stop], original, original_times, times)
    offsets = sorted(range(-_WINDOW, _WINDOW + 1), key=abs)
    tried = {offset: view.correlation(offset / FPS) for offset in offsets}
    best = max(value for value in tried.values() if not math.isnan(value))
    far = [value for value in (view.correlation(-_FAR_S), view.correlation(_FAR_S)) if not math.isnan(value)]
    return Agreement(
        truth=row,
        edit=record["edit"],
        severity=record["severity"],
        aligned=tried[0],
        shifted=max(far, default=math.nan),
        offset=next(offset for offset in offsets if tried[offset] >= best - _TIE),
    )


class _Comparison:
    """Frames of a copy, and the times in the original where they should come from."""

    def __init__(
        self,
        copied: NDArray[np.float32],
        original: NDArray[np.float32],
        original_times: NDArray[np.float64],
        times: NDArray[np.float64],
    ) -> None:
        self._views = [unit_rows(copied), unit_rows(copied[:, :, ::-1])]
        self._original = unit_rows(original)
        self._shown_from = original_times
        self._times = times

    def correlation(self, shift_s: float) -> float:
        """Median over the frames, as they are or mirrored; NaN where less than half of them lie within the original."""
        times = self._times + shift_s
        inside = (times >= 0) & (times < self._shown_from[-1] + 1 / FPS)
        if inside.mean() < 0.5:
            return math.nan
        shown = np.maximum(np.searchsorted(self._shown_from, times[inside], side="right") - 1, 0)
        return max(float(np.median((view[inside] * self._original[shown]).sum(axis=1))) for view in self._views)


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="benchmarks.attacks.check", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("dataset", type=Path)
    root = parser.parse_args(argv).dataset
    found = check(Dataset(root, json.loads((root / "dataset.json").read_text(encoding="utf-8"))))
    print("aligned\tat 2 s\toffset\tedit\tquery\tref")
    for one in found:
        verdict = "" if one.holds else "OFF"
        print(
            f"{one.aligned:.3f}\t{one.shifted:.3f}\t{one.offset:+d}\t{one.severity} {one.edit}"
            f"\t{one.truth.query_id}\t{one.truth.ref_id}\t{verdict}"
        )
    off = sum(not one.holds for one in found)
    print(f"{len(found)} segments checked, {sum(one.moving for one in found)} of them on moving content, {off} off")
    return 1 if off else 0


if __name__ == "__main__":
    raise SystemExit(main())
