"""Features as data sets publish them, and files that are not what they say."""

from __future__ import annotations

import sys
import zipfile
from pathlib import Path

import h5py
import numpy as np
import pytest

from cliptrace.models.clips.files import FeatureFiles
from cliptrace.schemas.errors import CliptraceError, UsageError

ROWS = np.arange(12, dtype=np.float64).reshape(3, 4)


@pytest.fixture
def hdf5(tmp_path: Path) -> Path:
    file = tmp_path / "c3d.hdf5"
    with h5py.File(file, "w") as content:
        content["v_abc/c3d_features"] = ROWS
        content["plain"] = ROWS.astype(np.float16)
        content["v_zeros/c3d_features"] = np.zeros((2, 4), np.float32)
        content["v_nan/c3d_features"] = np.full((2, 4), np.nan)
        content["v_wide/c3d_features"] = np.zeros((2, 5))
        content["v_whole/c3d_features"] = np.zeros((2, 4), np.int64)
        content["v_empty/c3d_features"] = np.zeros((0, 4))
        content["v_away"] = h5py.ExternalLink("other.hdf5", "/")
    return file


def said(files: FeatureFiles, video_id: str) -> str:
    with pytest.raises(UsageError) as error:
        files.read(video_id)
    return str(error.value)


def test_one_hdf5_file_for_all_videos(hdf5: Path) -> None:
    files = FeatureFiles(hdf5, 4)
    found = files.read("abc")
    assert found.dtype == np.float32
    np.testing.assert_array_equal(found, ROWS)
    np.testing.assert_array_equal(files.read("plain"), ROWS)
    assert not files.read("zeros").any()
    assert "abc" in files
    assert "v_abc" in files
    assert "other" not in files
    assert said(files, "other") == f"{hdf5}: no features of video 'other'"
    assert said(files, "nan") == f"{hdf5}, v_nan/c3d_features: features that are not finite (NaN or infinity)"
    assert said(files, "wide") == f"{hdf5}, v_wide/c3d_features: features of 5 numbers, not 4"
    assert said(files, "whole") == f"{hdf5}, v_whole/c3d_features: int64[2, 4] is not float[K, D] with at least one row"
    assert said(files, "empty").endswith("float64[0, 4] is not float[K, D] with at least one row")
    assert said(files, "../abc") == f"{hdf5}: no features of video '../abc'"


def test_no_way_into_another_file(hdf5: Path) -> None:
    with h5py.File(hdf5.with_name("other.hdf5"), "w") as content:
        content["c3d_features"] = ROWS
    hdf5.with_name("raw").write_bytes(ROWS.tobytes())
    with h5py.File(hdf5, "a") as content:
        content.create_dataset("v_raw", (3, 4), np.float64, external=[("raw", 0, 96)])
    files = FeatureFiles(hdf5, 4)
    assert said(files, "away") == f"{hdf5}: no features of video 'away'"
    assert said(files, "raw") == f"{hdf5}, v_raw: its numbers are in another file"


def test_a_file_a_video(tmp_path: Path) -> None:
    np.save(tmp_path / "video_test_0000004.npy", ROWS)
    np.savez(tmp_path / "one.npz", anything=ROWS)
    np.savez(tmp_path / "two.npz", features=ROWS, times=ROWS[:, 0])
    np.savez(tmp_path / "odd.npz", rgb=ROWS, flow=ROWS)
    np.save(tmp_path / "pickled.npy", np.array([{}], object))
    np.save(tmp_path / "large.npy", 1e300 * ROWS)
    (tmp_path / "broken.npz").write_bytes(b"PK")
    (tmp_path / "renamed.npy").write_bytes((tmp_path / "one.npz").read_bytes())
    with h5py.File(tmp_path / "v_own.h5", "w") as content:
        content["c3d"] = ROWS
    files = FeatureFiles(tmp_path, 4)
    for name in ("video_test_0000004", "one", "two", "own"):
        assert name in files
        np.testing.assert_array_equal(files.read(name), ROWS)
    assert said(files, "none") == f"{tmp_path}: no features of video 'none' (.npy, .npz, .h5, .hdf5)"
    assert said(files, "odd") == f"{tmp_path / 'odd.npz'}: 2 arrays (rgb, flow), none of which is named 'features'"
    assert said(files, "pickled").startswith(f"{tmp_path / 'pickled.npy'}: not an array of numpy: ")
    assert said(files, "renamed").startswith(f"{tmp_path / 'renamed.npy'}: not an array of numpy: ")
    assert said(files, "large") == f"{tmp_path / 'large.npy'}: features that are not finite (NaN or infinity)"
    assert said(files, "broken").startswith(f"{tmp_path / 'broken.npz'}: not an array of numpy: ")
    assert said(files, "../" + tmp_path.name + "/one").startswith(f"{tmp_path}: no features of video ")


def test_a_damaged_file(hdf5: Path) -> None:
    content = bytearray(hdf5.read_bytes())
    for start in range(100, len(content), 7):
        content[start] ^= 255
    hdf5.write_bytes(content)
    for name in ("abc", "plain"):
        with pytest.raises(UsageError) as error:
            FeatureFiles(hdf5, 4).read(name)
        assert str(error.value).startswith(f"{hdf5}: ")


def test_more_than_a_video_has_is_not_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with h5py.File(tmp_path / "huge.h5", "w") as content:
        content.create_dataset("features", (1 << 20, 1 << 20), np.float32, chunks=(64, 64))
    with zipfile.ZipFile(tmp_path / "bomb.npz", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a.npy", bytes(1 << 20))
    monkeypatch.setattr("cliptrace.models.clips.files._MOST_BYTES", 1 << 19)
    files = FeatureFiles(tmp_path, 4)
    for name in ("huge.h5", "bomb.npz"):
        assert said(files, Path(name).stem) == f"{tmp_path / name}: more than 1,024 MiB of features of one video"


def test_what_is_no_file_of_features(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(UsageError) as error:
        FeatureFiles(tmp_path / "none", 4)
    assert str(error.value) == f"{tmp_path / 'none'}: no such file or folder of features"
    file = tmp_path / "text.hdf5"
    file.write_text("hello")
    with pytest.raises(UsageError) as error:
        FeatureFiles(file, 4)
    assert str(error.value).startswith(f"{file}: not an HDF5 file, or damaged: ")
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(CliptraceError) as missing:
        FeatureFiles(file, 4)
    assert str(missing.value) == f"{file}: HDF5 needs h5py: pip install 'cliptrace[hdf5]'"
