"""How fast indexing, asking and having nothing to do are, as tables."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from benchmarks.harness.tables import Table

BASELINE = "ffmpeg to 8 fps 224x224"
STEPS = ("search", "candidates", "align", "total")
Result = dict[str, Any]


def index_throughput(result: Result) -> Iterator[Table]:
    data, baseline = result["data"], result["methods"][BASELINE]["wall_s"]
    yield Table(
        f"{data['videos']} videos, {data['seconds'] / 60:.1f} minutes; medians of {result['runs']} runs in one "
        f"session; cliptrace in a fresh process, start-up included, with {data['backbone']}.",
        ("", "wall s", "CPU s", "× real time", "peak MB", "speed / ffmpeg to 8 fps"),
        [
            (
                name,
                *(f"{row[figure]:.1f}" for figure in ("wall_s", "cpu_s", "real_time")),
                f"{row['peak_mb']:,.0f}",
                f"{baseline / row['wall_s']:.3f}",
            )
            for name, row in result["methods"].items()
        ],
    )
    yield Table(
        "Where the time of one timed run goes (wall seconds are summed over threads that wait for each other):",
        ("", "CPU s", "wall s", "calls"),
        [
            (name.strip(), f"{row['cpu_s']:.1f}", f"{row['wall_s']:.1f}" if row["wall_s"] else "", f"{row['calls']:,}")
            for name, row in result["profile"]["parts"].items()
        ],
    )


def query_latency(result: Result) -> Iterator[Table]:
    sizes = result["sizes"]
    steps = (*STEPS, "per keyframe")
    before = [None, *sizes[:-1]]
    engines = {
        "exact": "exact is `--engine exact`",
        "milvus": "milvus the embedded Milvus Lite",
        "milvus server": f"milvus server a server ({result['data'].get('server')}) with HNSW, "
        "which has indexed all and come to rest before it is asked",
    }
    asked_were = ", ".join(said for engine, said in engines.items() if any(engine in row["engines"] for row in sizes))
    rows = [
        (smaller and smaller["engines"][engine], row, engine, row["engines"][engine])
        for smaller, row in zip(before, sizes, strict=True)
        for engine in row["engines"]
    ]
    yield Table(
        f"Milliseconds a query, p50 / p95 of {result['data']['queries']} queries, by gallery size, with "
        f"{result['data']['backbone']}; {asked_were}. Queries have two keyframes a second here, which is what is "
        "searched of one that has more; growth is that of the engine's median total from the size above.",
        ("keyframes", "videos", "engine", *steps, "growth"),
        [
            (
                f"{row['keyframes']:,}",
                f"{row['videos']:,}",
                engine,
                *(f"{times['p50']:,.1f} / {times['p95']:,.1f}" for times in map(asked["milliseconds"].get, steps)),
                f"{_total(asked) / _total(smaller):.2f}" if smaller else "",
            )
            for smaller, row, engine, asked in rows
        ],
    )
    yield Table(
        "Opening the stores, one query included, and the share of queries whose best match is their origin. Of exact, "
        "the first time after a gallery has grown: its file is made from Parquet. Loaded, where it was measured: "
        "until what is new since the size above is stored and indexed.",
        ("keyframes", "engine", "opening ms", "recall@1", "loaded, s"),
        [
            (
                f"{row['keyframes']:,}",
                engine,
                f"{asked['open_ms']:,.0f}",
                f"{asked['recall_at_1']:.2f}",
                f"{asked['load_s']:,.0f}" if "load_s" in asked else "",
            )
            for _, row, engine, asked in rows
        ],
        detail=True,
    )


def index_kinds(result: Result) -> Iterator[Table]:
    data, kinds = result["data"], result["kinds"]
    refused = [kind for kind, row in kinds.items() if "refused" in row]
    without = f" Not of this server: {', '.join(refused)}." if refused else ""
    yield Table(
        f"{data['keyframes']:,} keyframes of {data['videos']:,} videos on a Milvus server, {data['queries']} queries; "
        "recall is of the eight nearest videos of each frame; loaded is until all is merged and indexed; milliseconds, "
        f"p50 / p95.{without}",
        ("index", "recall", "a query", "a frame", "loaded, s"),
        [
            (
                kind,
                f"{row['recall']:.3f}",
                *(f"{ms['p50']:.{digits}f} / {ms['p95']:.{digits}f}" for ms, digits in _of_query_and_frame(row)),
                f"{row['load_s']:.0f}",
            )
            for kind, row in kinds.items()
            if "refused" not in row
        ],
    )


def _of_query_and_frame(row: Result) -> list[tuple[dict[str, float], int]]:
    return [(row["milliseconds"]["query"], 0), (row["milliseconds"]["frame"], 2)]


def known_videos(result: Result) -> Iterator[Table]:
    places = {"files": "local files", "bucket": f"a bucket, {result['data']['latency_s'] * 1000:.0f} ms a request"}
    yield Table(
        "`cliptrace index` of a manifest whose every video is known and unchanged, in a fresh process, start-up "
        "included. The bucket is a local folder that answers like one.",
        ("known videos", "in", "seconds", "CPU s", "s per 100,000", "peak MB"),
        [
            (
                f"{row['videos']:,}",
                places[row["in"]],
                f"{row['seconds']:.1f}",
                f"{row['cpu_s']:.1f}",
                f"{row['seconds'] / row['videos'] * 1e5:.1f}",
                f"{row['peak_mb']:,}",
            )
            for row in result["rows"]
        ],
    )


def _total(row: Result) -> float:
    return float(row["milliseconds"]["total"]["p50"])


def decoding(result: Result) -> Iterator[Table]:
    shipped = result["ways"]["as shipped"]
    yield Table(
        "What is found where less is decoded, or more cheaply: CPU seconds of `cliptrace index` and of the ffmpeg in "
        f"it, and how well `cliptrace match` finds copies; test split, {result['data']['backbone']}.",
        ("", "CPU s", "of it ffmpeg", "ffmpeg, share", "VCSL F1", "VCSL recall", "VCDB F1", "segment AP"),
        [
            (
                name,
                f"{row['index_cpu_s']:.1f}",
                f"{row['decode_cpu_s']:.1f}",
                f"{row['decode_cpu_s'] / shipped['decode_cpu_s']:.2f}",
                *(f"{row[figure]:.3f}" for figure in ("vcsl_f1", "vcsl_recall", "vcdb_f1", "segment_ap")),
            )
            for name, row in result["ways"].items()
        ],
    )
