"""cliptrace gallery: what is in a gallery, and what may be done to it besides indexing."""

from __future__ import annotations

import argparse
import collections
import dataclasses
import sys
from typing import TYPE_CHECKING

from cliptrace.pipelines.cli import decisions
from cliptrace.pipelines.cli.parsers import (
    GOES_ON,
    Commands,
    add_command,
    descriptor_option,
    given,
    index_option,
    model_options,
    work_options,
)
from cliptrace.pipelines.cli.printing import SOME_FAILED, aligned, out_of_reach, put, put_json
from cliptrace.schemas.errors import CliptraceError, UsageError
from cliptrace.schemas.text import escaped, named

if TYPE_CHECKING:  # heavy, and --help must answer at once
    from cliptrace.transforms.store.gallery import Gallery

_MOST_REPAIRS = 5
"""Repairing the ledger, or rows that were mixed up, may bring more to light; then all agrees, or a disk is failing."""
_VIDEO = "a video's id, path or URI"


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    """The parser of ``cliptrace gallery`` and those of its commands."""
    text = "see what is in a gallery, take videos out, check and mend it"
    gallery = commands.add_parser("gallery", help=text, description=f"{text[0].upper()}{text[1:]}.", allow_abbrev=False)
    below = gallery.add_subparsers(dest="gallery_command", required=True, metavar="COMMAND")

    def command(name: str, text: str) -> argparse.ArgumentParser:
        parser = add_command(below, name, text)
        parser.add_argument("--gallery", required=True, metavar="DIR", help="the gallery")
        return parser

    listed = command("list", "list the videos of a gallery")
    listed.add_argument("--removed", action="store_true", help="those that were removed, instead")
    listed.add_argument("--json", action="store_true", help="one JSON object a line")
    listed.set_defaults(run=_list)

    show = command("show", "tell all that is known of a video")
    show.add_argument("video", metavar="VIDEO", help=_VIDEO)
    show.add_argument("--matches", metavar="FILE", help="matches.jsonl or .parquet: list those with the video, too")
    show.set_defaults(run=_show)

    stats = command("stats", "count what a gallery holds")
    stats.add_argument("--json", action="store_true", help="one JSON object")
    stats.set_defaults(run=_stats)

    remove = command("remove", "take videos out, at once and for good: no later run takes them in again")
    remove.add_argument("videos", nargs="+", metavar="VIDEO", help=_VIDEO)
    remove.set_defaults(run=_remove, if_stopped=GOES_ON)

    decisions.add_to(command, _open)

    relocate = command("relocate", "tell that files lie below another folder now; none is opened")
    relocate.add_argument("old", metavar="OLD", help="the folder as the gallery knows it")
    relocate.add_argument("new", metavar="NEW", help="where it is now")
    relocate.set_defaults(run=_relocate)

    prune = command("prune", "take out videos whose files are gone; one that comes back is indexed again")
    prune.add_argument("folders", nargs="+", metavar="FOLDER", help="where the files were; must be there itself")
    prune.add_argument("--dry-run", action="store_true", help="print what would be taken out, and write nothing")
    prune.set_defaults(run=_prune)

    verify = command("verify", "compare Parquet, ledger and Milvus row by row")
    verify.add_argument("--repair", action="store_true", help="make them agree: Parquet and the ledger are the truth")
    verify.set_defaults(run=_verify)

    compact = command("compact", "merge small shards, and delete what replaced and removed videos have left")
    compact.set_defaults(run=_compact, if_stopped=GOES_ON)

    reindex = command(
        "reindex", "make a gallery anew with other models; the old build answers until the new one is done"
    )
    reindex.set_defaults(run=_reindex, if_stopped=GOES_ON)
    model_options(reindex)
    index_option(reindex)
    descriptor_option(reindex, "; alone: made of the stored keyframes, without decoding")
    work_options(reindex)
    reindex.add_argument("--retry-failed", action="store_true", help="try videos again that could not be indexed anew")
    reindex.add_argument("--without-failed", action="store_true", help="leave them behind")
    reindex.add_argument("--rollback", action="store_true", help="instead, let the build before this one answer again")

    reinstate = command("reinstate", "let videos that were removed be indexed again")
    reinstate.add_argument("videos", nargs="+", metavar="VIDEO", help=_VIDEO)
    reinstate.set_defaults(run=_reinstate)


def _open(root: str) -> Gallery:
    from cliptrace.transforms.store.gallery import Gallery

    gallery = Gallery.load(root)
    if gallery is None:
        raise UsageError(f"{root}: no gallery here (no gallery.json); make one with cliptrace index")
    return gallery


def _list(options: argparse.Namespace) -> int:
    from cliptrace.pipelines.cli.gallery_reports import clock
    from cliptrace.transforms.store.catalogue import list_videos
    from cliptrace.transforms.store.takedown import read_tombstones

    gallery = _open(options.gallery)
    if options.removed:
        tombstones = read_tombstones(gallery.home)
        if options.json:
            put_json(map(dataclasses.asdict, tombstones))
        else:
            rows = (f"{clock(t.time):<17} {escaped(t.video_id)}" for t in tombstones)
            put([f"{'removed (UTC)':<17} video", *rows] if tombstones else [])
        return 0
    entries = list_videos(gallery)
    if options.json:
        put_json(
            {
                "video_id": entry.video.video_id,
                "uri": entry.video.uri,
                "seconds": round(entry.video.decoded_s, 3),
                "keyframes": entry.video.keyframes,
                "indexed": entry.indexed,
                "metadata": entry.video.metadata,
            }
            for entry in entries
        )
    else:
        rows = (
            f"{entry.video.decoded_s:>10.1f} {entry.video.keyframes:>10,}  {clock(entry.indexed):<16}  "
            f"{escaped(entry.video.video_id)}"
            for entry in entries
        )
        put([f"{'seconds':>10} {'keyframes':>10}  {'indexed (UTC)':<16}  video", *rows] if entries else [])
    return 0


def _show(options: argparse.Namespace) -> int:
    from cliptrace.pipelines.cli.gallery_reports import facts_of, matches_with
    from cliptrace.transforms.store.catalogue import describe_video

    gallery = _open(options.gallery)
    for number, description in enumerate(describe_video(gallery, options.video)):
        put([""] if number else [])
        put(aligned({escaped(name): escaped(value) for name, value in facts_of(gallery, description).items()}))
        if options.matches:
            put(matches_with(options.matches, description.last.video_id))
    return 0


def _stats(options: argparse.Namespace) -> int:
    from cliptrace.pipelines.models import describe
    from cliptrace.transforms.store.catalogue import gallery_stats

    gallery = _open(options.gallery)
    stats = gallery_stats(gallery)
    manifest = gallery.manifest
    if options.json:
        put_json([dataclasses.asdict(stats)])
        return 0
    per_kind = ", ".join(f"{kind} {size:,}" for kind, size in stats.bytes.items())
    lines = {
        "videos": f"{stats.videos:,}",
        "hours of video": f"{stats.seconds / 3600:.2f}",
        "keyframes": f"{stats.keyframes:,}",
        "failed": f"{stats.failed:,}",
        "removed": f"{stats.removed:,}",
        "bytes": f"{sum(stats.bytes.values()):,} ({per_kind})",
        "shards": f"{stats.shards:,} of {stats.runs:,} runs",
        "backbone": describe(manifest.backbone),
        "keyframe selector": str(manifest.keyframes),
        "video descriptor": str(manifest.descriptor or ""),
        "clip features": str(manifest.moments or ""),
        "vector store": gallery.vectors_address,
        "format": str(manifest.format_version),
    }
    put(aligned({name: escaped(value) for name, value in lines.items()}))
    return 0


def _remove(options: argparse.Namespace) -> int:
    from cliptrace.pipelines.running import new_run
    from cliptrace.transforms.store.removal import remove

    gallery = _open(options.gallery)
    removal = remove(gallery, options.videos, new_run())
    lines = {
        "removed": named(removal.video_ids),
        "same content, still stored": named(removal.same_content),
        "gallery": gallery.home,
    }
    print("\n".join(aligned(lines)), file=sys.stderr)
    return 0


def _relocate(options: argparse.Namespace) -> int:
    from cliptrace.pipelines.running import new_run
    from cliptrace.transforms.store.gallery import locked
    from cliptrace.transforms.store.moving import relocate

    gallery = _open(options.gallery)
    with locked(gallery.home):
        gallery = gallery.migrated()
        done = relocate(gallery, gallery.vectors(), options.old, options.new, new_run())
    lines = {
        "moved": named(done.moved),
        "not there, left as they were": named(done.not_there),
        "gallery": gallery.home,
    }
    print("\n".join(aligned(lines)), file=sys.stderr)
    return SOME_FAILED if done.not_there else 0


def _prune(options: argparse.Namespace) -> int:
    from cliptrace.pipelines.running import new_run
    from cliptrace.transforms.store.gallery import live_attempts, locked
    from cliptrace.transforms.store.pruning import check_folders, missing_from, prune

    gallery = _open(options.gallery)
    check_folders(options.folders)
    if options.dry_run:
        put(escaped(video_id) for video_id in sorted(missing_from(options.folders, live_attempts(gallery)).gone))
        return 0
    with locked(gallery.home):
        gallery = gallery.migrated()
        missing = missing_from(options.folders, live_attempts(gallery))
        prune(gallery, gallery.vectors(), new_run(), missing.gone)
    lines = {
        "gone, taken out": named(list(missing.gone)) or "0",
        "out of reach": out_of_reach(missing.out_of_reach),
        "gallery": gallery.home,
    }
    print("\n".join(aligned(lines)), file=sys.stderr)
    return 0


def _reinstate(options: argparse.Namespace) -> int:
    from cliptrace.pipelines.running import new_run
    from cliptrace.transforms.store.removal import reinstate

    gallery = _open(options.gallery)
    video_ids = reinstate(gallery, options.videos, new_run())
    print(f"reinstated: {named(video_ids)}; have them back with cliptrace index", file=sys.stderr)
    return 0


def _reindex(options: argparse.Namespace) -> int:
    from cliptrace.pipelines import reindex
    from cliptrace.pipelines.cli.progress import Progress
    from cliptrace.pipelines.models import describe

    gallery = _open(options.gallery)
    if options.rollback:
        now = reindex.rollback(gallery)
    else:
        job = reindex.prepare(gallery, reindex.ReindexOptions(**given(reindex.ReindexOptions, options)))
        with Progress("index"):
            now = reindex.run(job)
    lines = {
        "gallery": now.gallery,
        "backbone": describe(now.backbone),
        "keyframes": str(now.keyframes),
        "index": now.index,
        "descriptor": str(now.descriptor or ""),
        "left behind": named(now.left_behind),
    }
    print("\n".join(aligned(lines)), file=sys.stderr)
    return 0


def _compact(options: argparse.Namespace) -> int:
    from cliptrace.pipelines.running import new_run
    from cliptrace.transforms.store.compaction import compact
    from cliptrace.transforms.store.gallery import locked

    gallery = _open(options.gallery)
    with locked(gallery.home):
        gallery = gallery.migrated()
        done = compact(gallery, gallery.vectors(), new_run())
    print(f"files: {done.before:,} before, {done.after:,} after", file=sys.stderr)
    return 0


def _verify(options: argparse.Namespace) -> int:
    """0: they agree; 1: they do not; 3: they do now, but videos were lost that are to be indexed again."""
    from cliptrace.pipelines.cli.gallery_reports import Tally
    from cliptrace.pipelines.running import new_run
    from cliptrace.transforms.store.gallery import locked
    from cliptrace.transforms.store.repairing import repair
    from cliptrace.transforms.store.verification import Kind, compare

    gallery = _open(options.gallery)
    videos_lost = False
    with locked(gallery.home), gallery.vectors() as vectors:
        for _ in range(_MOST_REPAIRS):
            tally = Tally()
            differences = tally.counting(compare(gallery, vectors))
            if options.repair:
                gallery = gallery.migrated()
                repair(gallery, vectors, differences, new_run())
            else:
                collections.deque(differences, maxlen=0)
            if not tally.counts:
                put(["Parquet, ledger and Milvus agree"])
                return 3 if videos_lost else 0
            put(tally.lines("repaired" if options.repair else "with --repair"))
            if not options.repair:
                return 1
            videos_lost = videos_lost or Kind.LOST in tally.counts
    raise CliptraceError(f"{gallery.root}: still differs after {_MOST_REPAIRS} repairs")
