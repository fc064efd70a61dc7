"""Features of data sets as a gallery's clip features, and descriptions that are not what they must be."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from cliptrace.models.clips import is_ready_made, open_clip_encoder
from cliptrace.models.clips.ready_made import ReadyMade
from cliptrace.schemas.errors import MediaError, UsageError
from cliptrace.schemas.records import VideoInfo

DESCRIBED = {"name": "c3d", "features": "features", "dimension": 4}


def described(folder: Path, **others: Any) -> str:
    (folder / "features").mkdir(exist_ok=True)
    file = folder / "c3d.json"
    file.write_text(json.dumps({**DESCRIBED, **others}))
    return str(file)


def lasting(seconds: float) -> VideoInfo:
    return VideoInfo(seconds, 25.0, 64, 48, "h264")


def test_steps_are_means_of_the_features_within(tmp_path: Path) -> None:
    opened = open_clip_encoder(described(tmp_path))
    assert isinstance(opened, ReadyMade)
    assert (opened.dimension, opened.step_s) == (4, 0.5)
    eye = np.eye(4, dtype=np.float32)
    np.save(tmp_path / "features" / "v_abc.npy", eye[[0, 0, 1, 1, 2, 2]])
    np.testing.assert_allclose(opened.clips("/videos/abc.mp4", lasting(1.5)), eye[:3])
    np.testing.assert_allclose(opened.clips("/videos/abc.mp4", lasting(6.0)), eye[np.repeat([0, 1, 2], 4)])
    np.testing.assert_allclose(opened.clips("/videos/abc.mp4", lasting(0.2)), [[0.577, 0.577, 0.577, 0]], atol=1e-3)
    np.save(tmp_path / "features" / "large.npy", 3e38 * eye[[0, 0, 1, 1]])
    np.testing.assert_allclose(opened.clips("large.mp4", lasting(1.0)), eye[:2])


@pytest.mark.parametrize("seconds", [0.01, 0.5, 0.7, 3.3, 99.9, 7200.0])
@pytest.mark.parametrize("count", [1, 2, 7, 500])
def test_every_step_has_a_feature(tmp_path: Path, seconds: float, count: int) -> None:
    np.save(Path(described(tmp_path)).parent / "features" / "a.npy", np.ones((count, 4), np.float32))
    found = ReadyMade.open(described(tmp_path)).clips("a.mp4", lasting(seconds))
    assert found.shape == (max(np.ceil(seconds / 0.5), 1), 4)
    np.testing.assert_allclose(found, 0.5)


def test_a_video_without_features_is_a_dead_letter_that_says_where_they_should_be(tmp_path: Path) -> None:
    opened = ReadyMade.open(described(tmp_path))
    np.save(tmp_path / "features" / "a.npy", np.ones((3, 4), np.float32))
    (tmp_path / "features" / "broken.npy").write_bytes(b"no array")
    for video, seconds, told in (
        ("gs://bucket/other.mp4", 2.0, f"{tmp_path}/features: no features of video 'other'"),
        ("a.mp4", math.nan, "its container does not say how long it is, over which its features are spread: remux it"),
        ("broken.mp4", 2.0, f"{tmp_path}/features/broken.npy: not an array of numpy: "),
    ):
        with pytest.raises(MediaError) as error:
            opened.clips(video, lasting(seconds))
        assert str(error.value).startswith(told)


def test_a_file_of_all_videos_that_is_lost_meanwhile_ends_the_job(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "c3d.h5", "w") as content:
        content["v_a/c3d_features"] = np.ones((3, 4))
    opened = ReadyMade.open(described(tmp_path, features="c3d.h5"))
    assert opened.clips("a.mp4", lasting(1.0)).shape == (2, 4)
    (tmp_path / "c3d.h5").write_bytes(b"")
    with pytest.raises(UsageError, match=r"c3d\.h5: not an HDF5 file, or damaged: "):
        opened.clips("a.mp4", lasting(1.0))


def test_what_tells_features_apart_is_not_where_they_lie(tmp_path: Path) -> None:
    first = ReadyMade.open(described(tmp_path)).sha256
    (tmp_path / "moved").mkdir()
    assert ReadyMade.open(described(tmp_path, features="moved")).sha256 == first
    assert ReadyMade.open(described(tmp_path, name="i3d")).sha256 != first
    assert (
        ReadyMade.open(described(tmp_path, step_s=1)).sha256 == ReadyMade.open(described(tmp_path, step_s=1.0)).sha256
    )


@pytest.mark.parametrize(
    ("others", "told"),
    [
        ({"name": 3}, "{file}: name must be a text"),
        ({"dimension": "500"}, "{file}: dimension must be a whole number from 1 on"),
        ({"step_s": 0.3}, "{file}: step_s must be a multiple of 0.125"),
        ({"features": "gone"}, "{folder}/gone: no such file or folder of features"),
        ({"features": 7}, "{file}: features must be a text"),
        ({"sha256": ""}, "{file}: does not describe features: ReadyMadeConfig.__init__() got an unexpected keyword"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, others: dict[str, Any], told: str) -> None:
    file = described(tmp_path, **others)
    assert is_ready_made(file)
    with pytest.raises(UsageError) as error:
        open_clip_encoder(file)
    assert str(error.value).startswith(told.format(file=file, folder=tmp_path))


def test_a_description_that_is_none(tmp_path: Path) -> None:
    file = tmp_path / "list.json"
    file.write_text("[]")
    with pytest.raises(UsageError) as error:
        is_ready_made(str(file))
    assert str(error.value) == f"{file}: not a description of clip features: it has no keys"
