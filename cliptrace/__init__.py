"""Which seconds of this video come from which seconds of which video that we already have?

    import cliptrace

    gallery = cliptrace.Gallery.create("gallery")
    gallery.index("videos")
    for match in gallery.match("upload.mp4"):
        print(match.ref_id, match.segments)

The transforms are for Beam pipelines of one's own. What a name needs is imported when it is first used.
"""

import importlib as _importlib
import typing as _typing

from cliptrace.schemas import __version__

_HOMES: dict[str, tuple[str, ...]] = {
    "cliptrace.gallery": ("Gallery", "Matches"),
    "cliptrace.functions": ("align", "evaluate"),
    "cliptrace.models.alignment.similarity": ("similarity_map",),
    "cliptrace.models.metrics.report": ("Evaluation", "Truth"),
    "cliptrace.pipelines.index": ("IndexReport",),
    "cliptrace.pipelines.match": ("MatchReport",),
    "cliptrace.pipelines.search": ("SearchReport",),
    "cliptrace.schemas.config": ("KeyframeConfig",),
    "cliptrace.schemas.decisions": ("Decision",),
    "cliptrace.schemas.errors": ("CliptraceError", "MediaError", "UsageError"),
    "cliptrace.schemas.records": ("Candidate", "Failure", "FrameFeatures", "Match", "Ranked", "Segment", "VideoSource"),
    "cliptrace.transforms.aligning": ("AlignCandidates",),
    "cliptrace.transforms.features": ("ExtractFeatures",),
    "cliptrace.transforms.matching": ("FindCandidates", "Found"),
    "cliptrace.transforms.moments": ("ExtractClips", "FindMoments"),
    "cliptrace.transforms.sources": ("ReadVideos",),
    "cliptrace.transforms.storing": ("WriteGallery",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "AlignCandidates",
    "Candidate",
    "CliptraceError",
    "Decision",
    "Evaluation",
    "ExtractClips",
    "ExtractFeatures",
    "Failure",
    "FindCandidates",
    "FindMoments",
    "Found",
    "FrameFeatures",
    "Gallery",
    "IndexReport",
    "KeyframeConfig",
    "Match",
    "MatchReport",
    "Matches",
    "MediaError",
    "Ranked",
    "ReadVideos",
    "SearchReport",
    "Segment",
    "Truth",
    "UsageError",
    "VideoSource",
    "WriteGallery",
    "__version__",
    "align",
    "evaluate",
    "similarity_map",
]

if _typing.TYPE_CHECKING:
    from cliptrace.functions import align, evaluate
    from cliptrace.gallery import Gallery, Matches
    from cliptrace.models.alignment.similarity import similarity_map
    from cliptrace.models.metrics.report import Evaluation, Truth
    from cliptrace.pipelines.index_report import IndexReport
    from cliptrace.pipelines.match import MatchReport
    from cliptrace.pipelines.search import SearchReport
    from cliptrace.schemas.config import KeyframeConfig
    from cliptrace.schemas.decisions import Decision
    from cliptrace.schemas.errors import CliptraceError, MediaError, UsageError
    from cliptrace.schemas.records import Candidate, Failure, FrameFeatures, Match, Ranked, Segment, VideoSource
    from cliptrace.transforms.aligning import AlignCandidates
    from cliptrace.transforms.features import ExtractFeatures
    from cliptrace.transforms.matching import FindCandidates, Found
    from cliptrace.transforms.moments import ExtractClips, FindMoments
    from cliptrace.transforms.sources import ReadVideos
    from cliptrace.transforms.storing import WriteGallery


def __getattr__(name: str) -> _typing.Any:
    if name not in _HOME:
        raise AttributeError(f"module 'cliptrace' has no attribute {name!r}")
    value = getattr(_importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
