"""cliptrace groups: a gallery against itself → groups of whole copies, what they share in part, which one to keep."""

from __future__ import annotations

import dataclasses
import functools
from collections import defaultdict
from collections.abc import Iterator, Sequence

import apache_beam as beam

from cliptrace.models.backbones.background import Background
from cliptrace.models.ssan.inference import spd_config
from cliptrace.pipelines.asking import STORED_WAVE
from cliptrace.pipelines.counting import counting
from cliptrace.pipelines.keeping import keeping
from cliptrace.pipelines.models import feature_config, needed_descriptor
from cliptrace.pipelines.running import is_template, run_pipeline, waves
from cliptrace.schemas.config import (
    DEDUP_MIN_SCORE,
    GROUPS_MIN_SECONDS,
    KEEP_RULES,
    QUERY_KEYFRAMES,
    BackboneConfig,
    GroupsBy,
    KeepRule,
)
from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.records import Match, Searched, VideoSource
from cliptrace.transforms.aligning import AlignCandidates
from cliptrace.transforms.grouping import grouped, rows_of, write_groups
from cliptrace.transforms.matching import Found, MatchConfig
from cliptrace.transforms.near import FindNear, write_pairs
from cliptrace.transforms.results import WriteParts, match_from_json, read_rows
from cliptrace.transforms.store import decisions, files, ledger
from cliptrace.transforms.store.catalogue import Entry, list_videos
from cliptrace.transforms.store.decisions import Rejections
from cliptrace.transforms.store.gallery import Gallery
from cliptrace.transforms.store.live import SharedVideos
from cliptrace.transforms.stored import source_of
from cliptrace.transforms.storing import to_lines
from cliptrace.transforms.together import BATCH_KEYFRAMES, FindTogether, cut, write_floors


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroupsOptions:
    """min_score: None for DEDUP_MIN_SCORE, or what suits another backbone than the default one. by: what says which
    videos are compared, all frames, or the descriptors of whole videos."""

    gallery: str
    output: str
    keep: tuple[KeepRule, ...] = KEEP_RULES
    min_score: float | None = None
    min_seconds: float = GROUPS_MIN_SECONDS
    by: GroupsBy = "frame"
    threads: int = 3
    resume: bool = False
    beam_args: Sequence[str] = ()


@dataclasses.dataclass(frozen=True)
class Job:
    """A run that has been decided on, and nothing done. entries: the gallery's videos by id; sources: those that are
    compared, of each content one; equal: ids of those of one content."""

    options: GroupsOptions
    gallery: Gallery
    backbone: BackboneConfig
    matching: MatchConfig
    entries: dict[str, Entry]
    sources: list[VideoSource]
    equal: list[list[str]]
    output: str

    @property
    def scratch(self) -> str:
        return f"{self.output}.parts"

    @property
    def meeting(self) -> str:
        """The file that says what meets, and how."""
        return files.join(self.scratch, "meeting.parquet")

    def part(self, number: int) -> str:
        return files.join(self.scratch, f"{number:06}")

    def keyframes_of(self, source: VideoSource) -> int:
        return self.entries[source.video_id].video.keyframes


@dataclasses.dataclass(frozen=True, kw_only=True)
class GroupsReport:
    """groups: how many, of ``grouped`` videos. largest: members of the largest one. parts: pairs that share a part.
    failed: ids of videos that could not be compared; dead_letters: file, None for none. truncated: ids of videos of
    which not all pairs were compared. rejected: pairs that a person has decided to be no match, in whole or in
    part. resumed: videos that a run before had compared."""

    output: str
    videos: int = 0
    groups: int = 0
    grouped: int = 0
    largest: int = 0
    parts: int = 0
    failed: frozenset[str] = frozenset()
    truncated: tuple[str, ...] = ()
    rejected: int = 0
    resumed: int = 0
    elapsed_s: float = 0.0
    dead_letters: str | None = None


def build(pipeline: beam.Pipeline, videos: Sequence[VideoSource], job: Job, part: str) -> None:
    """videos, with all of larger id → pairs that show frames of one another → matches, both ways → one part."""
    batches = list(cut(sorted(videos, key=lambda video: video.video_id), job.keyframes_of, BATCH_KEYFRAMES))
    live = SharedVideos(job.gallery)
    asked = pipeline | "Batches" >> beam.Create(batches) | "SpreadBatches" >> beam.Reshuffle()
    find = FindTogether if job.options.by == "frame" else FindNear
    found = asked | "FindTogether" >> find(job.gallery, job.matching, job.backbone, live, job.meeting)
    pairs = found.good | "Pairs" >> beam.FlatMap(Found.pairs)
    matches = pairs | "AlignCandidates" >> AlignCandidates(job.gallery, job.matching, job.options.threads, live)
    told = found.good | "Told" >> beam.Map(Found.told)
    records = (matches.good, matches.rejected, told, *found.failures, *matches.failures)
    records | "MatchesAndFailures" >> beam.Flatten() | "WriteParts" >> WriteParts(part)


def prepare(options: GroupsOptions) -> Job:
    """UsageError for what is wrong with the options, the gallery or its models. Writes nothing."""
    gallery = Gallery.load(options.gallery)
    if gallery is None:
        raise UsageError(f"{options.gallery}: no gallery here (no gallery.json); make one with cliptrace index")
    if not options.output.endswith((".jsonl", ".parquet")):
        raise UsageError(f"--output {options.output}: the name must end in .jsonl or .parquet")
    if is_template(options.beam_args):
        raise UsageError("--template_location: groups are made when all pairs are compared; a template ends before")
    if options.by == "descriptor":
        needed_descriptor(gallery)
    backbone = feature_config(gallery, "cpu", options.threads, keyframes=QUERY_KEYFRAMES).backbone  # none is chosen
    Background.of(backbone)  # what is wrong with it is told before the work
    matching = MatchConfig.suited_to(backbone, min_score=options.min_score)
    if options.min_score is None and matching.aligner == "spd":
        matching = dataclasses.replace(matching, min_score=DEDUP_MIN_SCORE)
    entries = {entry.video.video_id: entry for entry in list_videos(gallery)}
    by_content: dict[str, list[str]] = defaultdict(list)
    rejections = Rejections(gallery.home)
    for video_id, entry in entries.items():
        sha256 = entry.video.content_sha256
        is_told_apart = not sha256 or rejections.on(sha256, sha256)
        by_content[f"of {video_id}" if is_told_apart else sha256].append(video_id)
    alone = sorted(copies[0] for copies in by_content.values())
    sources = [source_of(entries[video_id].video) for video_id in alone if entries[video_id].video.keyframes]
    equal = [copies for copies in by_content.values() if len(copies) > 1]
    return Job(options, gallery, backbone, matching, entries, sources, equal, files.absolute(options.output))


def run(job: Job) -> GroupsReport:
    """Compare every video with every other; write the groups at once when all are done.

    What is done of a run that ends before is kept beside its output (pipelines/keeping.py).
    """
    options, sources = job.options, job.sources
    todo = list(waves(sources, options.beam_args, STORED_WAVE, job.keyframes_of))
    home, root = job.gallery.home, job.gallery.root
    detector = spd_config() if job.matching.aligner == "spd" else None
    first = options.by == "descriptor" and job.gallery.manifest.descriptor
    asked = (root, ledger.shards(root), decisions.state_of(home), job.backbone, job.matching, detector, first)
    with keeping(job.scratch, todo, asked, options.resume) as kept:
        resumed = kept.queries
        with counting(len(sources) - resumed) as counts:
            if kept.done < len(todo):
                _write_meeting(job)
            for number, wave in kept.left():
                part = job.part(number)
                files.remove_folder(part)  # what an earlier run has left there
                run_pipeline(functools.partial(build, videos=wave, job=job, part=part), options.beam_args)
        return dataclasses.replace(_concluded(job, len(todo)), resumed=resumed, elapsed_s=counts.elapsed_s)


def _write_meeting(job: Job) -> None:
    compared = [source.video_id for source in job.sources]
    if job.options.by == "frame":
        write_floors(job.meeting, job.gallery, compared, job.matching, job.backbone)
    else:
        write_pairs(job.meeting, job.gallery, compared)


def _concluded(job: Job, parts: int) -> GroupsReport:
    """The output, written from the parts."""
    folders = [job.part(number) for number in range(parts)]

    def matches() -> Iterator[Match]:
        for folder in folders:
            yield from map(match_from_json, read_rows([folder], "matches.jsonl"))

    found = grouped(matches, job.equal, job.options.min_seconds)
    now = {entry.video.video_id: entry for entry in list_videos(job.gallery)}  # some may have been removed
    rows = list(rows_of(found, now, job.options.keep))
    write_groups(job.output, rows)
    letters = list({row["video_id"]: row for row in read_rows(folders, "failures.jsonl")}.values())
    failures_path = job.output.rsplit(".", 1)[0] + ".failures.jsonl"
    if letters:
        files.write_bytes(failures_path, to_lines(letters))
    else:
        files.remove([failures_path])
    counts = [row["count"] for row in rows if row["group"]]
    searched = [Searched(**row) for row in read_rows(folders, "queries.jsonl")]
    return GroupsReport(
        output=job.options.output,
        videos=len(now),
        groups=len(counts),
        grouped=sum(counts),
        largest=max(counts, default=0),
        parts=len(found.parts),
        failed=frozenset(row["video_id"] for row in letters),
        truncated=tuple(sorted({each.query_id for each in searched if each.truncated})),
        rejected=-(-sum(each.rejected for each in searched) // 2),
        dead_letters=failures_path if letters else None,
    )
