"""A vector store for benches that ask none."""

from __future__ import annotations

from collections.abc import Sequence

from cliptrace.schemas.records import FrameFeatures


class NoVectors:
    """Takes everything, and keeps nothing."""

    def replace(self, videos: Sequence[FrameFeatures], generation: int) -> dict[str, str]:
        return {}

    def delete_older(self, video_ids: Sequence[str], generation: int) -> None: ...

    def flush(self) -> None: ...
