from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import benchmarks.harness.features
from benchmarks.harness.features import basis_frames, keyframes
from cliptrace.models.backbones.registry import load_config
from cliptrace.models.keyframes import make_selector
from cliptrace.schemas.config import BASIS_FPS, KeyframeConfig

BACKBONE = load_config("efficientnet_lite0")


def test_keyframes_alone_are_what_a_selection_of_all_frames_has(pattern_folder: Path, tmp_path: Path) -> None:
    path, config = pattern_folder / "cells.mp4", KeyframeConfig(per_second=2.0)

    alone = keyframes([path], BACKBONE, tmp_path, config)[path]
    chosen = basis_frames([path], BACKBONE, tmp_path)["cells.mp4"].chosen_by(make_selector(config, BASIS_FPS))

    assert alone.times.tolist() == chosen.times.tolist() == [number / 2 for number in range(8)]
    np.testing.assert_allclose(alone.embeddings, chosen.embeddings, atol=1e-5)


def test_what_was_embedded_is_not_embedded_again(
    pattern_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = pattern_folder / "cells.mp4"
    before = keyframes([path], BACKBONE, tmp_path, KeyframeConfig(per_second=1.0))[path]

    def fail(*_: object) -> None:
        raise AssertionError("embedded again")

    monkeypatch.setattr(benchmarks.harness.features, "_extract", fail)
    after = keyframes([path], BACKBONE, tmp_path, KeyframeConfig(per_second=1.0))[path]
    assert np.array_equal(before.embeddings, after.embeddings)
    with pytest.raises(AssertionError, match="embedded again"):
        keyframes([path], BACKBONE, tmp_path, KeyframeConfig(per_second=4.0))
