"""What an index run tells: numbers and ids, which the command line puts into words."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from cliptrace.transforms.sources import Listing
from cliptrace.transforms.store import ledger
from cliptrace.transforms.store.pruning import Missing
from cliptrace.transforms.store.recognition import Recognition


@dataclasses.dataclass(frozen=True)
class Skipped:
    """Sources that a run leaves alone. removed: ids of videos that were taken out, and are kept out. older: than
    ``since_s``. left: for the next run, by ``limit``. other_files: that are no videos, and their kinds. loops: links
    to folders that were listed already."""

    unchanged: int
    known_failures: int
    removed: tuple[str, ...]
    older: int
    left: int
    other_files: Mapping[str, str]
    loops: int

    @classmethod
    def of(cls, plan: ledger.Plan, found: Recognition, listing: Listing) -> Skipped:
        removed = (*plan.removed, *found.kept_out)
        unchanged = plan.unchanged + sum(not known.has_moved for known in found.updates)
        counts = (unchanged, plan.known_failures, removed, plan.older, plan.left)
        return cls(*counts, listing.ignored, len(listing.loops))


@dataclasses.dataclass(frozen=True)
class Recognised:
    """Ids of videos that need no embedding. moved: their files are elsewhere now. copies: files with the content of
    stored ones. gone: from the folders that were named. out_of_reach: gone, or on a disk that is not mounted."""

    moved: tuple[str, ...]
    copies: tuple[str, ...]
    gone: tuple[str, ...]
    out_of_reach: tuple[str, ...]

    @classmethod
    def of(cls, found: Recognition, missing: Missing) -> Recognised:
        moved = sorted(known.source.video_id for known in found.updates if known.has_moved)
        copies = sorted(known.source.video_id for known in found.copies)
        return cls(tuple(moved), tuple(copies), tuple(sorted(missing.gone)), tuple(missing.out_of_reach))


@dataclasses.dataclass(frozen=True)
class Rehearsal:
    """What a run would do. work: id and uri of each video, and why: new, changed or retry. recognised: what it would
    not embed; also what it would take out, as ``pruned`` says. exists: the gallery does."""

    work: tuple[dict[str, str], ...]
    recognised: Recognised
    pruned: bool
    skipped: Skipped
    gallery: str
    exists: bool


@dataclasses.dataclass(frozen=True, kw_only=True)
class IndexReport:
    """What became of a run.

    run: its name. gallery: its folder, which holds ``in_gallery`` videos now. indexed, failed: videos. partly_decoded,
    replaced: ids of indexed ones: of files that break off, and that took the place of others. recognised: what was not
    embedded anew; its ``gone`` were taken out if ``pruned``. outdated: ids of further video streams of files that have
    changed, which were taken out. one_of_several: ids of files whose other video streams were left out.
    left_to_the_job: videos that a template will index. video_s: seconds of video decoded, in elapsed_s. dead_letters:
    folder; None for none.
    """

    run: str
    gallery: str
    in_gallery: int
    indexed: int
    failed: int
    partly_decoded: tuple[str, ...]
    replaced: tuple[str, ...]
    recognised: Recognised
    pruned: bool
    outdated: tuple[str, ...]
    one_of_several: tuple[str, ...]
    skipped: Skipped
    left_to_the_job: int
    keyframes: int
    video_s: float
    elapsed_s: float
    dead_letters: str | None
