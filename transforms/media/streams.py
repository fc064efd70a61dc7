"""Which video stream of a file players show. Pure: about what ffprobe says."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

Stream = Mapping[str, Any]


def video_streams(described: Mapping[str, Any]) -> dict[int, Stream]:
    """The video streams that are no covers, by the numbers that ffmpeg gives them (``V:0``, ``V:1`` …)."""
    videos = [s for s in described.get("streams", []) if s.get("codec_type") == "video" and not _is(s, "attached_pic")]
    return {number: stream for number, stream in enumerate(videos) if not _is(stream, "timed_thumbnails")}


def films(videos: Mapping[int, Stream], packets: Sequence[Stream]) -> list[int]:
    """Numbers of the video streams without pictures, which are streams of one packet; of all where all are pictures.

    packets: what ffprobe counted of each stream.
    """
    counted = {stream.get("index"): int(stream.get("nb_read_packets", 0)) for stream in packets}

    def is_picture(stream: Stream) -> bool:
        return _is(stream, "still_image") or counted.get(stream.get("index"), 0) < 2

    return [number for number, stream in videos.items() if not is_picture(stream)] or list(videos)


def shown(videos: Mapping[int, Stream], numbers: Sequence[int], programs: Sequence[Mapping[str, Any]]) -> int:
    """The one of ``numbers`` that players show: one with a readable picture, with the default flag, of the first
    programme, in this order; of equals the first."""
    programmes = [[stream.get("index") for stream in program.get("streams", [])] for program in programs]

    def rank(number: int) -> tuple[bool, bool, int, int]:
        stream = videos[number]
        programme = next((n for n, indexes in enumerate(programmes) if stream.get("index") in indexes), len(programmes))
        return not stream.get("width"), not _is(stream, "default"), programme, number

    return min(numbers, key=rank)


def _is(stream: Stream, flag: str) -> bool:
    return bool(stream.get("disposition", {}).get(flag))
