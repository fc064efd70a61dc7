"""The gallery as one opens it in Python: index videos, match queries, see and take out what is stored."""

from __future__ import annotations

import contextlib
import dataclasses
import datetime
import html
import os
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from cliptrace.models.runtime import Device
from cliptrace.pipelines import index, match, moments, search
from cliptrace.pipelines.index_report import IndexReport
from cliptrace.pipelines.match import MatchReport
from cliptrace.pipelines.models import feature_config
from cliptrace.pipelines.running import new_run
from cliptrace.schemas.config import DEFAULT_VIEWS, QUERY_KEYFRAMES, TOP, KeyframeConfig, MatchMode, Retrieval
from cliptrace.schemas.decisions import Decision
from cliptrace.schemas.errors import UsageError
from cliptrace.schemas.records import Failure, Match, Segment
from cliptrace.transforms import results
from cliptrace.transforms.features import FeatureConfig
from cliptrace.transforms.matching import MatchConfig
from cliptrace.transforms.moments import MomentConfig
from cliptrace.transforms.store import deciding
from cliptrace.transforms.store.decisions import read_decisions
from cliptrace.transforms.store.engines import engine_of
from cliptrace.transforms.store.gallery import Gallery as Store
from cliptrace.transforms.store.gallery import StoredVideo, locked, read_videos
from cliptrace.transforms.store.removal import Removal, remove
from cliptrace.transforms.store.stops import update_stops

Paths = str | os.PathLike[str] | Sequence[str | os.PathLike[str]]
"""A file, a folder, a glob or a manifest, or several of them."""
_THREADS = (os.cpu_count() or 1) + 1


class Gallery:
    """Videos that queries are compared with: a folder, or a place on an object store."""

    def __init__(self, path: str) -> None:
        self.path = path

    @classmethod
    def open(cls, path: str | os.PathLike[str]) -> Gallery:
        """UsageError where there is none."""
        return cls(cls(os.fspath(path)).store.home)

    @property
    def store(self) -> Store:
        """The build that answers now, for the transforms of a pipeline of one's own."""
        store = Store.load(self.path)
        if store is None:
            raise UsageError(f"{self.path}: no gallery here (no gallery.json); make one with Gallery.create")
        return store

    @classmethod
    def create(
        cls,
        path: str | os.PathLike[str],
        *,
        backbone: str | None = None,
        keyframes: KeyframeConfig | None = None,
        stored_views: tuple[str, ...] | None = None,
        descriptor: str | None = None,
        moments: str | None = None,
        milvus: str | None = None,
    ) -> Gallery:
        """A new gallery, or the one that is there. UsageError where that was made with other models.

        backbone: a built-in one, or a file that describes one. stored_views: what else of each keyframe is
        stored; None for the picture in a picture where one is found. descriptor: of each video as a whole, star_gnn,
        mean, parts or none; None for star_gnn, or mean with another backbone than the default. moments: clip features
        that are stored, too, by which ``match(mode="moment")`` finds what happens: lite0_motion, or a file that
        describes a clip network or features that are there already. milvus: address of a server; None for the embedded
        one.
        """
        asked = index.IndexOptions(
            sources=(),
            gallery=os.fspath(path),
            backbone=backbone,
            keyframes=keyframes,
            stored_views=stored_views,
            descriptor=descriptor,
            moments=moments,
            milvus=milvus,
        )
        index.check_options(asked)
        with locked(asked.gallery):
            return cls(index.open_or_create(asked).home)

    def index(
        self,
        sources: Paths,
        *,
        device: Device = "cpu",
        threads: int = _THREADS,
        retry_failed: bool = False,
        prune: bool = False,
        beam_args: Sequence[str] = (),
    ) -> IndexReport:
        """Bring the gallery up to date with the videos. Those that it knows are left alone.

        threads: videos decoded at a time. prune: take out videos whose files are gone from the folders that are named.
        beam_args: Beam's own options, for another runner.
        """
        asked = index.IndexOptions(
            sources=_texts(sources),
            gallery=self.path,
            device=device,
            threads=threads,
            retry_failed=retry_failed,
            prune=prune,
            beam_args=beam_args,
        )
        return index.run(index.prepare(asked))

    def match(
        self,
        queries: Paths | Gallery,
        *,
        mode: MatchMode = "copy",
        locator: str | None = None,
        min_score: float | None = None,
        top_k: int | None = None,
        top_m: int = 0,
        aligner: str | None = None,
        views: tuple[str, ...] = DEFAULT_VIEWS,
        keyframes: KeyframeConfig | None = None,
        stop_list: bool = True,
        since: datetime.datetime | None = None,
        retrieval: Retrieval = "frame",
        device: Device = "cpu",
        threads: int = _THREADS,
    ) -> Matches:
        """Which seconds of the queries come from which seconds of which video of the gallery.

        mode: "moment" asks instead in which seconds the same happens as in a query, in a gallery that was created with
        ``moments``; locator: what finds it, None for the default.
        queries: files, or a gallery, which may be this one: its videos as they are stored, without decoding. since:
        then, only pairs of which one was indexed since; local time where it has no time zone.
        min_score: lowest score of a segment; None for what suits the backbone, or the locator. top_k: gallery videos
        that are compared with a query at most; None for all that look like a second of it, and for 20 where moments are
        looked for. top_m: the nearest that are told even below min_score. The rest as ``cliptrace match``, which also
        searches on other runners, whose workers write to a place of their own.
        """
        with tempfile.TemporaryDirectory(prefix="cliptrace-") as folder:
            asked = match.MatchOptions(
                queries=() if isinstance(queries, Gallery) else _texts(queries),
                from_gallery=queries.path if isinstance(queries, Gallery) else "",
                since_s=since.timestamp() if since else None,
                gallery=self.path,
                output=f"{folder}/matches.jsonl",
                mode=mode,
                locator=locator,
                aligner=aligner,
                top_k=top_k,
                top_m=top_m,
                min_score=min_score,
                no_stop_list=not stop_list,
                views=views,
                keyframes=keyframes,
                retrieval=retrieval,
                device=device,
                threads=threads,
            )
            report = match.run(match.prepare(asked))
            failures = results.read_rows([folder], Path(report.dead_letters).name) if report.dead_letters else []
        found = tuple(map(results.match_from_json, report.matches))
        kept = dataclasses.replace(report, output="", dead_letters=None)  # the files are gone
        return Matches(found, tuple(Failure(**row) for row in failures), kept)

    def search(
        self, queries: Paths, *, top: int = TOP, device: Device = "cpu", threads: int = _THREADS
    ) -> search.SearchReport:
        """Which videos of the gallery are most like the queries as a whole: ``ranked``, at most ``top`` of each.

        UsageError where the gallery's videos have no descriptors.
        """
        asked = search.SearchOptions(
            queries=_texts(queries), gallery=self.path, top=top, device=device, threads=threads
        )
        return search.run(search.prepare(asked))

    def videos(self) -> dict[str, StoredVideo]:
        """What answers may name, by id."""
        return read_videos(self.store)

    def remove(self, videos: str | Sequence[str]) -> Removal:
        """Take videos out, by id or uri, at once and for good: no later run takes them in again.

        CliptraceError where one is not there, and then nothing is removed.
        """
        return remove(self.store, [videos] if isinstance(videos, str) else list(videos), new_run())

    def reject(self, a: str, b: str, *, segment: Segment | None = None, note: str = "") -> None:
        """Two videos are no match: no later search or dedup names the pair, or, with ``segment``, these seconds of it;
        neither as a copy nor, with ``mode="moment"``, for what happens in them.

        a, b: ids or uris of videos of the gallery, or else files, as of a match's query and reference. UsageError where
        one is neither.
        """
        deciding.reject(self.store, a, b, segment, note)

    def accept(self, a: str, b: str, *, segment: Segment | None = None) -> None:
        """Take back what ``reject`` said. UsageError where nothing of it was said."""
        deciding.accept(self.store, a, b, segment)

    def rejected(self) -> list[Decision]:
        """What was rejected and not taken back, the oldest first."""
        return read_decisions(self.store.home)

    @contextlib.contextmanager
    def writing(self) -> Iterator[Store]:
        """Hold the gallery for a pipeline of one's own that writes to it; at the end what it wrote can be searched."""
        with locked(self.path):
            store = self.store.migrated()
            yield store
            with store.vectors() as vectors:
                vectors.flush()
            update_stops(store)

    def features(self, *, device: Device = "cpu", threads: int = _THREADS) -> FeatureConfig:
        """How its videos become embeddings, for a pipeline of one's own."""
        return feature_config(self.store, device, threads)

    def query_features(
        self,
        *,
        views: tuple[str, ...] = DEFAULT_VIEWS,
        keyframes: KeyframeConfig = QUERY_KEYFRAMES,
        device: Device = "cpu",
        threads: int = _THREADS,
    ) -> FeatureConfig:
        """As ``features``, of queries: by default with 8 keyframes a second, whatever the gallery has."""
        return feature_config(self.store, device, threads, views, keyframes)

    def matching(
        self, *, aligner: str | None = None, min_score: float | None = None, top_k: int | None = None
    ) -> MatchConfig:
        """How it is searched, for a pipeline of one's own; None for what suits its models."""
        backbone = self.features().backbone
        engine = engine_of(self.store, None)
        return MatchConfig.suited_to(backbone, aligner=aligner, min_score=min_score, top_k=top_k, engine=engine)

    def clip_features(self, *, device: Device = "cpu", threads: int = _THREADS) -> FeatureConfig:
        """How queries become clip features, by which moments are found, for a pipeline of one's own. UsageError where
        the gallery stores none."""
        return moments.with_clips(self.features(device=device, threads=threads), self.store, None)

    def finding_moments(
        self, *, locator: str | None = None, min_score: float | None = None, top_k: int | None = None
    ) -> MomentConfig:
        """How its moments are found, for a pipeline of one's own; None for what suits its clip features. UsageError
        where it stores none."""
        return moments.suited(self.store, engine_of(self.store, None), locator, top_k, min_score)

    def __repr__(self) -> str:
        return f"Gallery({self.path!r})"


@dataclasses.dataclass(frozen=True, repr=False)
class Matches:
    """What was found, by query, best first. failures: queries that could not be searched, and why."""

    matches: tuple[Match, ...]
    failures: tuple[Failure, ...]
    report: MatchReport

    def __iter__(self) -> Iterator[Match]:
        return iter(self.matches)

    def __len__(self) -> int:
        return len(self.matches)

    def __getitem__(self, number: int) -> Match:
        return self.matches[number]

    def __repr__(self) -> str:
        return f"<{len(self)} matches, {len(self.failures)} failures>"

    def _repr_html_(self) -> str:
        """A table, in a notebook."""
        columns = ("query", "seconds", "reference", "seconds", "score")
        head = "".join(f"<th>{column}</th>" for column in columns)
        body = "".join(
            "<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in row) + "</tr>"
            for each in self
            for row in _rows(each)
        )
        return f"<table><tr>{head}</tr>{body}</table>"


def _rows(each: Match) -> Iterator[tuple[str, ...]]:
    for segment in each.segments:
        yield (
            each.query_id,
            f"{segment.query_start:.1f}–{segment.query_end:.1f}",
            each.ref_id,
            f"{segment.ref_start:.1f}–{segment.ref_end:.1f}",
            f"{segment.score:.2f}",
        )


def _texts(paths: Paths) -> list[str]:
    return [os.fspath(paths)] if isinstance(paths, str | os.PathLike) else [os.fspath(path) for path in paths]
