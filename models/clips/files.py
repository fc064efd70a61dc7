"""Ready-made clip features, as data sets publish them: one HDF5 file for all videos, or a file a video in a folder.

| what | where a video's float[K, D] is |
| --- | --- |
| ActivityNet's C3D, PCA 500 | dataset ``v_<id>/c3d_features`` of the HDF5 file |
| another HDF5 file | dataset ``<id>/c3d_features``, ``v_<id>`` or ``<id>`` |
| a folder | ``<id>`` or ``v_<id>`` with .npy, .npz, .h5 or .hdf5, each with one array, or one named ``features`` |

A file may come from anywhere: nothing is unpickled, no link of an HDF5 file into other files is followed, and what a
file says of its size is looked at before it is read.
"""

from __future__ import annotations

import contextlib
import tokenize
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path, PurePath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cliptrace.schemas.errors import CliptraceError, UsageError

Floats = NDArray[np.float32]

_HDF5 = (".h5", ".hdf5")
_SUFFIXES = (".npy", ".npz", *_HDF5)
_USUAL = "features"
_MOST_BYTES = 1 << 30
"""Of a video's features: an hour of 2048 numbers every eighth of a second is a quarter of it."""
_TOO_MUCH = f"more than {_MOST_BYTES >> 20:,} MiB of features of one video"
_DAMAGE = (
    OSError,
    ValueError,
    TypeError,
    EOFError,
    KeyError,
    RuntimeError,
    MemoryError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)
"""What the readers raise for files that are not what they say."""


class FeatureFiles:
    """dimension: D, which all features must have."""

    def __init__(self, path: Path, dimension: int) -> None:
        """path: an HDF5 file or a folder. UsageError where there is neither."""
        if not path.exists():
            raise UsageError(f"{path}: no such file or folder of features")
        self.path, self.dimension = path, dimension
        if path.is_file():
            with _opened(path):
                pass

    def __contains__(self, video_id: str) -> bool:
        if self.path.is_dir():
            return self._file(video_id) is not None
        with _opened(self.path) as content:
            return _dataset_name(content, video_id) is not None

    def read(self, video_id: str) -> Floats:
        """float32[K, D], K at least 1; rows may be zeros. UsageError that names the file where the video is not there
        or its features are not what they must be."""
        if self.path.is_dir():
            file = self._file(video_id)
            if file is None:
                raise UsageError(f"{self.path}: no features of video {video_id!r} ({', '.join(_SUFFIXES)})")
            return self._checked(str(file), _read_file(file))
        with _opened(self.path) as content:
            name = _dataset_name(content, video_id)
            if name is None:
                raise UsageError(f"{self.path}: no features of video {video_id!r}")
            where = f"{self.path}, {name}"
            return self._checked(where, _read_dataset(where, content[name]))

    def _file(self, video_id: str) -> Path | None:
        files = (self.path / f"{name}{suffix}" for name in _names(video_id) for suffix in _SUFFIXES)
        return next((file for file in files if file.is_file()), None)

    def _checked(self, where: str, features: NDArray[Any]) -> Floats:
        _check_shape(where, features)
        if features.shape[1] != self.dimension:
            raise UsageError(f"{where}: features of {features.shape[1]} numbers, not {self.dimension}")
        with np.errstate(over="ignore"):
            rows = np.ascontiguousarray(features, np.float32)
        if not np.isfinite(rows).all():
            raise UsageError(f"{where}: features that are not finite (NaN or infinity)")
        return rows


def _names(video_id: str) -> Iterator[str]:
    """What a video may be called; no way out of the folder."""
    if PurePath(video_id).name == video_id:
        yield video_id
        yield f"v_{video_id}"


def _check_shape(where: str, features: Any) -> None:
    """features: an array, or a dataset that has not been read."""
    if features.ndim != 2 or features.dtype.kind != "f" or not len(features):
        shape = f"{features.dtype}[{', '.join(map(str, features.shape))}]"
        raise UsageError(f"{where}: {shape} is not float[K, D] with at least one row")
    if features.size * features.dtype.itemsize > _MOST_BYTES:
        raise UsageError(f"{where}: {_TOO_MUCH}")


def _read_file(file: Path) -> NDArray[Any]:
    if file.suffix in _HDF5:
        with _opened(file) as content:
            name = _only(file, [name for name in content if _is_own_dataset(content, name)])
            return _read_dataset(str(file), content[name])
    try:
        return _read_npz(file) if file.suffix == ".npz" else np.lib.format.open_memmap(file, mode="r")
    except _DAMAGE as error:
        raise UsageError(f"{file}: not an array of numpy: {error}") from error


def _read_npz(file: Path) -> NDArray[Any]:
    with zipfile.ZipFile(file) as archive:
        if sum(each.file_size for each in archive.infolist()) > _MOST_BYTES:
            raise UsageError(f"{file}: {_TOO_MUCH}")
    with np.load(file, allow_pickle=False) as arrays:
        return np.asarray(arrays[_only(file, arrays.files)])


def _only(file: Path, names: list[str]) -> str:
    if len(names) == 1:
        return names[0]
    if _USUAL in names:
        return _USUAL
    raise UsageError(f"{file}: {len(names)} arrays ({', '.join(names)}), none of which is named {_USUAL!r}")


@contextlib.contextmanager
def _opened(file: Path) -> Iterator[Any]:
    """Anew for each video: batches are made in another process, and an open HDF5 file does not survive a fork."""
    try:
        import h5py
    except ImportError as error:
        raise CliptraceError(f"{file}: HDF5 needs h5py: pip install 'cliptrace[hdf5]'") from error
    try:
        with h5py.File(file, "r") as content:
            yield content
    except _DAMAGE as error:
        raise UsageError(f"{file}: not an HDF5 file, or damaged: {error}") from error


def _dataset_name(content: Any, video_id: str) -> str | None:
    names = list(_names(video_id))[::-1]
    return next((name for name in _candidates(names) if _is_own_dataset(content, name)), None)


def _candidates(names: list[str]) -> Iterator[str]:
    for name in names:
        yield f"{name}/c3d_features"
    yield from names


def _is_own_dataset(content: Any, name: str) -> bool:
    """Whether each step of the way is there, in this very file, and a dataset at its end."""
    import h5py

    for part in name.split("/"):
        if not isinstance(content, h5py.Group) or not isinstance(content.get(part, getlink=True), h5py.HardLink):
            return False
        content = content[part]
    return isinstance(content, h5py.Dataset)


def _read_dataset(where: str, dataset: Any) -> NDArray[Any]:
    if dataset.external or dataset.is_virtual:
        raise UsageError(f"{where}: its numbers are in another file")
    _check_shape(where, dataset)
    return np.asarray(dataset[:])
