"""Making the stores agree again: from Parquet to Milvus; what the ledger does not name goes."""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Mapping, Sequence

from cliptrace.models.backbones.registry import config_from_json
from cliptrace.models.video_descriptors import open_descriptor
from cliptrace.schemas.config import OTHERS_DESCRIPTOR
from cliptrace.schemas.errors import CliptraceError
from cliptrace.schemas.gallery import VIDEOS, clips_path, generation_of, part_path
from cliptrace.transforms.store import files, ledger
from cliptrace.transforms.store.describing import describe_lacking
from cliptrace.transforms.store.gallery import Gallery, live_attempts, part_name, rewrite
from cliptrace.transforms.store.sweeping import drop_rows, sweep
from cliptrace.transforms.store.vectors import VectorStore
from cliptrace.transforms.store.verification import Difference, Kind

REMEDIES = {
    Kind.LEDGER_DAMAGED: "made anew from the videos shard beside them, or removed with it",
    Kind.LEFT_OVER: "removed",
    Kind.STALE: "removed",
    Kind.UNREADABLE: "removed",
    Kind.LOST: "taken off the ledger, so that cliptrace index takes them in again",
    Kind.MISSING: "written from Parquet",
    Kind.DIFFERENT: "written from Parquet",
    Kind.SURPLUS: "removed",
    Kind.UNDESCRIBED: "made from the stored keyframes",
    Kind.VECTORS_DIFFERENT: "written from Parquet",
    Kind.VECTORS_SURPLUS: "removed",
    Kind.CLIPS_DIFFERENT: "written from Parquet",
    Kind.CLIPS_SURPLUS: "removed",
}


def repair(gallery: Gallery, vectors: VectorStore, differences: Iterable[Difference], run: str) -> None:
    """Deal with each difference as REMEDIES says. Only for who holds the gallery; compare again afterwards.

    run: writes into the ledger what was lost.
    """
    ledger_damaged = False
    rewritten: set[str] = set()
    undescribed: list[str] = []
    lost: list[Difference] = []
    unreadable: list[ledger.Commit] = []
    for difference in differences:
        if difference.kind is Kind.LEDGER_DAMAGED:
            ledger_damaged = True
            _rebuild(gallery, difference.subject)
        elif difference.kind is Kind.LOST:
            lost.append(difference)
        elif difference.kind is Kind.UNDESCRIBED:
            undescribed.append(difference.subject)
        elif difference.kind is Kind.UNREADABLE:
            unreadable.append(ledger.commit_of(difference.subject))
        elif difference.kind is Kind.SURPLUS:
            vectors.delete_keys(difference.keys)
        elif difference.kind is Kind.VECTORS_SURPLUS and vectors.videos:
            vectors.videos.delete_keys(difference.keys)
        elif difference.kind is Kind.CLIPS_SURPLUS and vectors.clips:
            vectors.clips.delete_keys(difference.keys)
        elif difference.kind in (Kind.MISSING, Kind.DIFFERENT, Kind.VECTORS_DIFFERENT, Kind.CLIPS_DIFFERENT):
            rewritten.add(difference.subject)
    if ledger_damaged:
        return
    attempts = ledger.read_attempts(gallery.root)
    _forget(gallery, vectors, ledger.live(attempts), lost, run)
    for commit in unreadable:
        _remove_shards(gallery, ledger.live(ledger.read_attempts(gallery.root)), commit)
    rewrite(gallery, vectors, rewritten)
    sweep(gallery, ledger.read_attempts(gallery.root), contextlib.nullcontext(vectors), run)
    if undescribed:
        _describe(gallery, vectors, undescribed)


def _describe(gallery: Gallery, vectors: VectorStore, video_ids: Sequence[str]) -> None:
    """CliptraceError where this machine's descriptor is another one than the gallery's, or only frames can tell it."""
    config = gallery.manifest.descriptor
    assert config
    descriptor = open_descriptor(config.name, config_from_json(gallery.manifest.backbone, gallery.root))
    if descriptor.sha256 != config.sha256:
        own = OTHERS_DESCRIPTOR if descriptor.needs_regions else config.name
        raise CliptraceError(
            f"{gallery.home}: was described by another {config.name} than this machine has: "
            f"run cliptrace gallery reindex --descriptor {own} --gallery {gallery.home}"
        )
    if descriptor.needs_regions:
        raise CliptraceError(
            f"{gallery.home}: {len(video_ids):,} videos have no descriptor {config.name}, which is made of regions of "
            "frames: cliptrace gallery remove them and index them again, or choose another one with "
            f"cliptrace gallery reindex --descriptor NAME --gallery {gallery.home}"
        )
    live = live_attempts(gallery)
    describe_lacking(gallery, descriptor, [live[video_id] for video_id in video_ids if video_id in live])
    rewrite(gallery, vectors, video_ids)


def _rebuild(gallery: Gallery, ledger_shard: str) -> None:
    """A ledger shard from the videos shard of the same commit; none where there is none, as beside dead letters."""
    commit = ledger.commit_of(ledger_shard)
    written = files.changed_at(ledger_shard)
    try:
        videos = files.read_table(files.join(gallery.root, part_path("videos", *commit)), schema=VIDEOS).to_pylist()
    except CliptraceError:
        files.remove([ledger_shard])
        return
    shared = ("video_id", "uri", "fingerprint", "content_sha256")
    others = {
        **{"status": ledger.INDEXED, "stage": "", "error": "", "attempt": 1},
        **{"time": written, "generation": generation_of(*commit), "content_sample": ""},
    }
    rows = [{**{name: row[name] for name in shared}, "message": row["warning"], **others} for row in videos]
    ledger.write_rows(gallery.root, *commit, rows)


def _forget(
    gallery: Gallery,
    vectors: VectorStore,
    stored: Mapping[str, ledger.Attempt],
    lost: Sequence[Difference],
    run: str,
) -> None:
    """Lost videos are told to the ledger first: what is left of their rows is then no more than stale."""
    vectors.delete_videos([difference.subject for difference in lost])
    reasons = {difference.subject: f"lost: {difference.reason}" for difference in lost}
    for commit, attempts in ledger.by_commit(stored[video_id] for video_id in reasons).items():
        ledger.write_removed(gallery.root, run, part_name(list(attempts)), list(attempts.values()), reasons)
        try:
            drop_rows(gallery, commit, attempts, {})
        except CliptraceError:  # the shard is damaged as a whole
            left = {video_id: attempt for video_id, attempt in stored.items() if video_id not in reasons}
            _remove_shards(gallery, left, commit)


def _remove_shards(gallery: Gallery, left: Mapping[str, ledger.Attempt], commit: ledger.Commit) -> None:
    """A commit's shards; not of frames and clips where those of other commits' live videos are."""
    in_use = _frames_files(gallery, left, commit)
    in_use |= {clips_path(shard) for shard in in_use}
    shards = {part_path(kind, *commit) for kind in ("frames", "clips", "videos")} - in_use
    paths = [files.join(gallery.root, shard) for shard in sorted(shards)]
    files.remove([path for path in paths if files.exists(path)])  # of moved videos the one is elsewhere


def _frames_files(gallery: Gallery, live: Mapping[str, ledger.Attempt], but: ledger.Commit) -> set[str]:
    """Where keyframes of live videos are; without those of one commit."""
    found: set[str] = set()
    for commit, owners in ledger.by_commit(live.values()).items():
        if commit != but:
            path = files.join(gallery.root, part_path("videos", *commit))
            rows = files.read_table(path, ["video_id", "frames_file"]).to_pylist()
            found |= {row["frames_file"] for row in rows if row["video_id"] in owners}
    return found
