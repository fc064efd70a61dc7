"""The published protocols, from files of a set to their mAP, on features in which labels are directions."""

from __future__ import annotations

import json
from pathlib import Path

import h5py
import numpy as np
import pytest

from benchmarks.relocalization.baselines import BASELINES
from benchmarks.relocalization.contestants import CONTESTANTS, PAPERS, SHIPPED
from benchmarks.relocalization.published import PAPER, QUESTION, THRESHOLDS

DIMENSION = 12
NEVER_TRAINED = ["--contestants", "chance", "frame level", "--steps", "2", "--dimension", str(DIMENSION)]


def features(random: np.random.Generator, direction: np.ndarray, start: int, end: int) -> np.ndarray:
    rows = random.normal(size=(60, DIMENSION))
    rows[start:end] += 4 * direction
    return rows.astype(np.float32)


@pytest.fixture
def activitynet(tmp_path: Path) -> tuple[Path, Path]:
    """20 labels of 3 videos each, a minute long, one segment each; of the last video there are no features."""
    random = np.random.default_rng(0)
    database, file = {}, tmp_path / "c3d.hdf5"
    with h5py.File(file, "w") as content:
        for label in range(20):
            direction = random.normal(size=DIMENSION)
            for number in range(3):
                start = int(random.integers(0, 44))
                name, segment = f"{label}-{number}", [start, start + 16]
                annotations = [{"segment": segment, "label": f"label {label}"}]
                database[name] = {"duration": 60.0, "subset": "training", "annotations": annotations}
                content[f"v_{name}/c3d_features"] = features(random, direction, *segment)
        database["gone"] = {
            "duration": 9.0,
            "subset": "training",
            "annotations": [{"segment": [1, 2], "label": "label 0"}],
        }
    annotations_file = tmp_path / "activity_net.v1-2.min.json"
    annotations_file.write_text(json.dumps({"database": database}))
    return annotations_file, file


def test_activitynet_by_one_command(
    activitynet: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    annotations, file = activitynet
    given = ["--dataset", "activitynet", "--annotations", str(annotations), "--features", str(file)]
    given += ["--contestants", "chance", "frame level", "video level", "multi-graph", "anchor-free"]
    given += ["--steps", "2", "--seeds", "1", "2"]
    given += ["--dimension", str(DIMENSION), "--output", str(tmp_path / "out")]
    assert QUESTION.main(given) == 0
    printed = capsys.readouterr().out
    assert "6 queries of 2 labels" in printed
    assert "the paper" in printed
    result = json.loads((tmp_path / "out" / "published.json").read_text())
    for seed in result["seeds"].values():
        assert seed["can_ask"] == {"training": 48, "testing": 6}
        assert list(seed["map_at_1"]) == ["chance", "frame level", "video level", "multi-graph", "anchor-free"]
        assert seed["map_at_1"]["frame level"]["0.5"] > seed["map_at_1"]["chance"]["0.5"]
        assert list(seed["map_at_1"]["chance"]) == [f"{each:g}" for each in THRESHOLDS]


def test_video_re_localization_by_one_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    random = np.random.default_rng(0)
    folder = tmp_path / "features"
    folder.mkdir()
    lengths, pieces = {}, []
    for label in range(2):
        direction = random.normal(size=DIMENSION)
        for number in range(2):
            name = f"{label}-{number}"
            np.save(folder / f"{name}.npy", features(random, direction, 20, 32))
            lengths[name] = {"n_feat": 60, "n_frames": 960}
            pieces.append({"location": [10, 50], "label": label, "id": name, "groundtruth": [10, 22]})
    files = []
    for name, content in {"train": pieces, "val": [], "test": pieces, "length": lengths}.items():
        (tmp_path / f"{name}.json").write_text(json.dumps(content))
        files.append(str(tmp_path / f"{name}.json"))
    given = ["--dataset", "video_reloc", "--annotations", *files, "--features", str(folder)]
    assert QUESTION.main([*given, *NEVER_TRAINED, "--output", str(tmp_path / "out")]) == 0
    assert (
        "video_reloc: mAP@1 by tIoU in percent; 4 queries of 2 labels; seeds 1, ± half the range."
        in capsys.readouterr().out
    )


def test_features_of_no_video(
    activitynet: tuple[Path, Path], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    annotations, _ = activitynet
    given = ["--dataset", "activitynet", "--annotations", str(annotations), "--features", str(tmp_path)]
    assert QUESTION.main([*given, *NEVER_TRAINED, "--output", str(tmp_path / "out")]) == 2
    told = f"error: {tmp_path}: features of none of the 61 videos or pieces that are annotated"
    assert told in capsys.readouterr().err


def test_the_paper_is_compared_with_what_there_is() -> None:
    assert list(PAPER["activitynet"]) == [*BASELINES, PAPERS]
    assert {*BASELINES, PAPERS, SHIPPED} <= set(CONTESTANTS)
