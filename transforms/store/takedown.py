"""Tombstones: videos that were removed. No answer names them and no run takes them in, until they are reinstated.

One small file a video, named by its key: whether a video is removed can be asked at any moment by looking for one file.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence

from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import tombstone_path
from cliptrace.transforms.store import files


@dataclasses.dataclass(frozen=True, slots=True)
class Tombstone:
    """uri: the file that was indexed, which stays out under other ids, too; "" where none was, or for another stream of
    a file that stays. time: since 1970."""

    video_id: str
    uri: str
    time: float


def bury(root: str, tombstones: Sequence[Tombstone]) -> None:
    for tombstone in tombstones:
        path = files.join(root, tombstone_path(tombstone.video_id))
        files.write_bytes(path, json.dumps(dataclasses.asdict(tombstone)).encode())


def read_tombstones(root: str) -> list[Tombstone]:
    """All of a gallery, by id."""
    tombstones = []
    for path in _paths(root):
        try:
            tombstones.append(Tombstone(**json.loads(files.read_bytes(path))))
        except (OSError, ValueError, TypeError) as error:
            raise CliptraceError(
                f"{path}: not readable as a tombstone ({files.reason(error)}): "
                "delete it if no video was removed, else remove the video once more"
            ) from error
    return sorted(tombstones, key=lambda tombstone: tombstone.video_id)


def removed_keys(root: str) -> frozenset[int]:
    """Keys of all removed videos, from the names of the tombstones alone."""
    return frozenset(int(path.rsplit("/", 1)[1].removesuffix(".json"), 16) for path in _paths(root))


def is_removed(root: str, video_id: str) -> bool:
    return files.exists(files.join(root, tombstone_path(video_id)))


def lift(root: str, video_id: str) -> None:
    files.remove([files.join(root, tombstone_path(video_id))])


def _paths(root: str) -> list[str]:
    return files.find(root, f"removed/{'[0-9a-f]' * 16}.json")
