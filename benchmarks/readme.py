"""Puts the figures of benchmarks/results into README, model card and docs/dedup.md, so that none is typed by hand.

python -m benchmarks.readme [--check]
"""

from __future__ import annotations

import argparse
import collections
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import dedup_tables
from benchmarks.attacks.edits import EDITS, SEVERITIES
from benchmarks.environment import describe
from benchmarks.report import RESULTS
from benchmarks.seeds import shown

ROOT = Path(__file__).parent.parent
BEGIN, END = "<!-- results -->\n", "<!-- /results -->"
Result = dict[str, Any]


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.readme", description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; 1 where the README is out of date")
    check = parser.parse_args(argv).check
    stale = False
    for file, sections in DOCUMENTS.items():
        written = (ROOT / file).read_text(encoding="utf-8")
        new = with_results(written, RESULTS, sections)
        stale |= new != written
        if not check:
            (ROOT / file).write_text(new, encoding="utf-8")
    return int(check and stale)


def with_results(text: str, results: Path, sections: Mapping[str, Callable[[Result], str]]) -> str:
    """``text`` with what stands between the marks made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    rendered = []
    for name, render in sections.items():
        result = json.loads((results / f"{name}.json").read_text(encoding="utf-8"))
        rendered.append(f"{render(result)}\n<sub>`{result['command']}` · {describe(result)}</sub>\n")
    return f"{before}{BEGIN}\n" + "\n".join(rendered) + f"\n{END}{after}"


def _table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    lines = [columns, ["---", *["---:"] * (len(columns) - 1)], *rows]
    return "".join("| " + " | ".join(map(str, line)) + " |\n" for line in lines)


def _backbone(result: Result) -> str:
    """Results that name none are older than the second one."""
    return str(result["data"].get("backbone", "efficientnet_lite0"))


def _copies(result: Result) -> str:
    methods = [
        (
            name,
            *(f"{row['vcsl'][part]:.3f}" for part in ("precision", "recall", "f1")),
            f"{row['vcdb']['f1']:.3f}",
            f"{row['segment_ap']:.3f}",
            f"{row['mean_average_precision']:.3f}",
            f"{row['boundary_error']['mean_s']:.2f} / {row['boundary_error']['median_s']:.2f}",
            f"{row['milliseconds_a_map']:.2f}" if row["milliseconds_a_map"] is not None else "",
        )
        for name, row in result["methods"].items()
    ]
    columns = ("", "VCSL P", "R", "F1", "VCDB F1", "segment AP", "mAP", "boundary s, mean / median", "ms a map")
    best = result["best"]
    others = [name for name in result["per_edit"] if name != best]
    edits = [
        (
            edit.replace("_", " "),
            *(
                f"{row[column]['vcdb_recall']:.2f} of {row[column]['segments']}" if row[column]["segments"] else ""
                for column in (*SEVERITIES, "all")
            ),
            *(f"{result['per_edit'][name][edit]['all']['vcdb_recall']:.2f}" for name in others),
        )
        for edit, row in result["per_edit"][best].items()
    ]
    keyframes = [
        (
            name,
            f"{row['stored_per_second']:.2f}",
            f"{row['searched_per_second']:.2f}",
            f"{row['vcsl']['f1']:.3f}",
            f"{row['vcdb']['f1']:.3f}",
            f"{row['segment_ap']:.3f}",
            f"{row['boundary_error']['median_s']:.2f}",
        )
        for name, row in result["keyframes"].items()
    ]
    data = result["data"]["test"]
    return (
        f"### Aligners\n\nThe attack bench: edits made by ffmpeg from real footage, with exact truth; frames embedded "
        f"by {_backbone(result)}. Every "
        f"aligner is tuned on the validation split and measured once on the test split: {data['segments']} copied "
        f"segments, {data['gallery']} gallery videos, {data['seconds'] / 60:.0f} minutes of queries.\n\n"
        + _table(columns, methods)
        + f"\nSegments hit on both sides (VCDB recall) by edit, all methods as tuned, {best} by severity:\n\n"
        + _table(("", *(f"{best} {severity}" for severity in SEVERITIES), f"{best} all", *others), edits)
        + "\nKeyframes that the gallery stores and that are searched of a query; the aligners tuned for each:\n\n"
        + _table(
            ("", "stored a second", "searched a second", "VCSL F1", "VCDB F1", "segment AP", "boundary s, median"),
            keyframes,
        )
    )


def _throughput(result: Result) -> str:
    baseline = result["methods"]["ffmpeg to 8 fps 224x224"]["wall_s"]
    methods = [
        (
            name,
            f"{row['wall_s']:.1f}",
            f"{row['cpu_s']:.1f}",
            f"{row['real_time']:.1f}",
            f"{row['peak_mb']:,.0f}",
            f"{baseline / row['wall_s']:.3f}",
        )
        for name, row in result["methods"].items()
    ]
    parts = [
        (name.strip(), f"{row['cpu_s']:.1f}", f"{row['wall_s']:.1f}" if row["wall_s"] else "", f"{row['calls']:,}")
        for name, row in result["profile"]["parts"].items()
    ]
    data = result["data"]
    return (
        f"### Indexing\n\n{data['videos']} videos, {data['seconds'] / 60:.1f} minutes; medians of {result['runs']} "
        f"runs in one session; cliptrace in a fresh process, start-up included, with {_backbone(result)}.\n\n"
        + _table(("", "wall s", "CPU s", "× real time", "peak MB", "speed / ffmpeg to 8 fps"), methods)
        + "\nWhere the time of one timed run goes (wall seconds are summed over threads that wait for each other):\n\n"
        + _table(("", "CPU s", "wall s", "calls"), parts)
    )


def _latency(result: Result) -> str:
    steps = ("search", "candidates", "align", "total", "per keyframe")
    rows = [
        (
            f"{row['keyframes']:,}",
            f"{row['videos']:,}",
            *(f"{row['milliseconds'][step]['p50']:,.1f} / {row['milliseconds'][step]['p95']:,.1f}" for step in steps),
            f"{row['milliseconds']['total']['p50'] / before['milliseconds']['total']['p50']:.2f}" if before else "",
        )
        for before, row in zip([None, *result["sizes"]], result["sizes"], strict=False)
    ]
    return (
        f"### Asking\n\nMilliseconds a query, p50 / p95 of {result['data']['queries']} queries, by gallery size, with "
        f"{_backbone(result)} and the embedded Milvus Lite; growth is that of the median total from the row above.\n\n"
        + _table(("keyframes", "videos", *steps, "growth"), rows)
    )


def _malformed(result: Result) -> str:
    kinds: dict[str, collections.Counter[str]] = {}
    for each in result["outcomes"]:
        kinds.setdefault(each["kind"], collections.Counter())[each["outcome"]] += 1
    rows = [(kind, *(counts[name] for name in ("failed", "partial", "indexed"))) for kind, counts in kinds.items()]
    return (
        f"### Bad input\n\n{len(result['outcomes'])} malformed inputs beside {result['inputs']['good']} good videos, "
        f"in one folder: {len(result['broken_rules'])} broken rules (crash, hang, unclear dead letter, lost "
        f"neighbour), {result['connections']} network connections, foreign file read: "
        f"{'yes' if result['secret_was_read'] else 'no'}.\n\n"
        + _table(("", "dead letter", "indexed in part", "indexed whole"), rows)
    )


def _fuzz(result: Result) -> str:
    columns = ("taken", "refused", "crash", "hang")
    names = {"probe": "what ffprobe says", "manifest": "manifests", "gallery": "files of a gallery"}
    rows = [(names[name], *(f"{row[column]:,}" for column in columns)) for name, row in result["targets"].items()]
    return (
        f"### Worse input\n\n{result['inputs']:,} mutated inputs each; refused: by an error of ours that says why.\n\n"
        + _table(("", *columns), rows)
    )


def _known(result: Result) -> str:
    rows = [
        (
            f"{row['videos']:,}",
            "local files"
            if row["in"] == "files"
            else f"a bucket, {result['data']['latency_s'] * 1000:.0f} ms a request",
            f"{row['seconds']:.1f}",
            f"{row['cpu_s']:.1f}",
            f"{row['seconds'] / row['videos'] * 1e5:.1f}",
            f"{row['peak_mb']:,}",
        )
        for row in result["rows"]
    ]
    return (
        "### Nothing to do\n\n`cliptrace index` of a manifest whose every video is known and unchanged, in a fresh "
        "process, start-up included. The bucket is a local folder that answers like one.\n\n"
        + _table(("known videos", "in", "seconds", "CPU s", "s per 100,000", "peak MB"), rows)
    )


def _descriptor(result: Result) -> str:
    data, found = result["data"], result["end_to_end"]
    frames = [
        (
            name,
            shown(row["recall_at_1"]["macro"]["all"]),
            shown(row["recall_at_1"]["macro"]["severe"]),
            shown(row["micro_ap"]),
            shown(row["false_positives"]["70%"]["video_pairs"], 1),
            shown(row["false_positives"]["70%"]["look_alikes"], 1),
            f"{cost['milliseconds']:.1f}" if (cost := row.get("cost")) else "",
            cost["bytes_a_keyframe"] if cost else "",
        )
        for name, row in result["rows"].items()
    ]
    figures = ("vcsl_f1", "vcdb_f1", "segment_ap", "mean_average_precision")
    matched = [
        (
            name if way == "tuned" else f"{name}, as shipped",
            *(shown(row[way][figure]) for figure in figures),
        )
        for name, row in found.items()
        for way in ("tuned", "shipped")
        if row[way]
    ]
    edits = [
        (edit.replace("_", " "), *(shown(row["edits"][edit]["all"], 2) for row in found.values()))
        for edit in EDITS
        if all(row["edits"].get(edit) for row in found.values())
    ]
    return (
        f"### Frame embeddings\n\nKeyframes of edited copies, searched among {data['distractors']:,} distractors and "
        f"the gallery's frames ({result['split']} split, seeds {', '.join(map(str, result['seed']))}). False positives "
        "per 1,000 frames or frame pairs, at the similarity that recalls 70 % of true pairs: wrongly linked videos, "
        "look-alike scenes.\n\n"
        + _table(
            ("", "recall@1", "of severe edits", "micro-AP", "videos", "look-alikes", "ms a frame", "bytes"),
            frames,
        )
        + "\nEnd to end, the temporal network tuned on the validation split for each, or as shipped:\n\n"
        + _table(("", "VCSL F1", "VCDB F1", "segment AP", "mAP"), matched)
        + "\nSegments hit on both sides (VCDB recall) by edit:\n\n"
        + _table(("", *found), edits)
    )


def _views(result: Result) -> str:
    rows = result["rows"]
    figures = ("vcsl_f1", "vcdb_f1", "segment_ap", "mean_average_precision")
    edits = [
        (edit.replace("_", " "), *(shown(row["edits"][edit]["all"], 2) for row in rows.values()))
        for edit in EDITS
        if all(row["edits"].get(edit) for row in rows.values())
    ]
    return (
        f"### Query-side views\n\n{_backbone(result)} with the settings that ship, test split, seeds "
        f"{', '.join(map(str, result['seed']))}; milliseconds to embed a keyframe of a query on one core.\n\n"
        + _table(
            ("`match --views`", "embeddings", "ms", "VCSL F1", "VCDB F1", "segment AP", "mAP"),
            [
                (name, row["embeddings"], f"{row['milliseconds']:.1f}", *(shown(row[figure]) for figure in figures))
                for name, row in rows.items()
            ],
        )
        + "\nSegments hit on both sides (VCDB recall) by edit:\n\n"
        + _table(("", *rows), edits)
    )


def _faults(result: Result) -> str:
    data, search, same, takedown = (result[name] for name in ("data", "search", "same_matches", "takedown"))
    faults = [
        (
            kind,
            len(outcomes),
            sum(outcome["exit_code"] != 0 for outcome in outcomes),
            sum(bool(outcome["wrong"]) for outcome in outcomes),
        )
        for kind, outcomes in result["faults"].items()
    ]
    alone, during = search["alone"], search["while_indexing"]
    rows = [
        (name, f"{row['p50']:.0f}", f"{row['p95']:.0f}", row["failed"], row["partial"])
        for name, row in (("alone", alone), ("while indexing", during))
    ]
    ratios = (f"{during[part] / alone[part]:.2f}" for part in ("p50", "p95"))
    return (
        f"### Faults\n\n`cliptrace index` of {data['videos']} short videos meets a fault at a random moment; then the "
        "same command runs again, and every row of ledger, Parquet and Milvus is compared.\n\n"
        + _table(("fault", "times", "ended the run", "afterwards not every video once in both stores"), faults)
        + f"\n{search['queries']:,} searches of a Milvus server with {search['keyframes_before']:,} keyframes, while "
        f"another process writes {search['keyframes_written_during_queries']:,}:\n\n"
        + _table(("", "p50 ms", "p95 ms", "failed", "partial"), [*rows, ("ratio", *ratios, "", "")])
        + f"\n{takedown['searchers']} processes run `cliptrace match` on a video that `cliptrace gallery remove` takes "
        f"out meanwhile, in {takedown['removal_s']:.1f} s:\n\n"
        + _table(
            ("", "answers", "failed", "name the video"),
            ((name, row["answers"], row["failed"], row["naming"]) for name, row in takedown["answers"].items()),
        )
        + f"\nMilvus Lite and the server (2.3) on {same['queries']} queries of the attack bench: {same['identical']} "
        f"matches the same to the last digit, {len(same['unlike'])} not.\n"
    )


def _dedup(result: Result) -> str:
    parts = (f"{title}:\n\n{_table(columns, rows)}" for title, columns, rows in dedup_tables.shown(result))
    return "\n".join(parts)


def _ssan(result: Result) -> str:
    aligners = "".join(
        f"\nAligners on identical maps, {choice}:\n\n"
        + _table(
            ("", "VCSL P", "R", "F1", "VCDB F1", "segment AP", "mAP", "boundary s, mean", "ms a map"),
            [
                (
                    name,
                    *(shown(row["vcsl"][part]) for part in ("precision", "recall", "f1")),
                    shown(row["vcdb"]["f1"]),
                    shown(row["segment_ap"]),
                    shown(row["mean_average_precision"]),
                    shown(row["boundary_error"] and row["boundary_error"]["mean_s"], 2),
                    shown(row["milliseconds_a_map"], 2),
                )
                for name, row in methods.items()
            ],
        )
        for choice, methods in result["aligners"].items()
    )
    keyframes = [
        (
            name,
            shown(row["stored"]),
            shown(row["megabytes_an_hour"], 2),
            shown(row["away_s"], 2),
            shown(row["vcsl"]["f1"]),
            shown(row["vcdb"]["f1"]),
            shown(row["segment_ap"]),
            shown(row["boundary_error"] and row["boundary_error"]["mean_s"], 2),
        )
        for name, row in result["keyframes"].items()
    ]
    counts = list(next(iter(result["strangers"].values())))
    strangers = [(name, *(shown(row[count]["f1"]) for count in counts)) for name, row in result["strangers"].items()]
    intros = [
        (f"{kind}, {aligner}", *(f"{ways[f'{way} stop-list']:.2f}" for way in ("without", "with")))
        for kind, methods in result["intros"].items()
        for aligner, ways in methods.items()
    ]
    figures = list(next(iter(result["program"].values())))
    return (
        f"### SSAN\n\nTest splits of seeds {', '.join(map(str, result['seed']))}, mean (min–max); settings chosen on "
        f"their validation splits together; {_backbone(result)}. `tn` is our temporal network, in seconds, without a "
        "graph library; *as published* it counts in frames, is a graph of networkx, and finds nothing that plays "
        "backwards.\n"
        + aligners
        + "\nWays to choose keyframes, with SPD: share of the basis frames (8 a second) that is stored, megabytes of "
        "embeddings for an hour of video, mean distance of a basis frame to the nearest one that is stored:\n\n"
        + _table(
            ("", "stored", "MB an hour", "s away", "VCSL F1", "VCDB F1", "segment AP", "boundary s, mean"),
            keyframes,
        )
        + "\nVCSL F1 with so many strangers' videos in the gallery, SPD as shipped:\n\n"
        + _table(("", *(f"{int(count):,}" for count in counts)), strangers)
        + "\nStrangers that begin with the same intro, drawn or filmed: share of pairs that are matched for it:\n\n"
        + _table(("", "without stop-list", "with stop-list"), intros)
        + "\n`cliptrace index`, `match` and `evaluate` with their defaults, and the same in process:\n\n"
        + _table(
            ("", *(figure.replace("_", " ") for figure in figures)),
            [(name, *(f"{row[figure]:.4f}" for figure in figures)) for name, row in result["program"].items()],
        )
    )


_PAPER = {
    "uniform 8/s": ("uniform + SPD", 1.0, 80.27),
    "uniform 2/s": ("uniform + SPD", 0.25, 73.71),
    "uniform 1/s": ("uniform + SPD", 0.125, 71.59),
    "SKE and SPD, each alone, balanced, queries 8/s": ("SKE + SPD", 0.1981, 76.54),
    "SKE and SPD, each alone, coarse, queries 8/s": ("SKE + SPD", 0.1024, 75.48),
    "SSAN, both jointly, coarse, queries 8/s": ("SSAN", 0.1432, 77.93),
}
"""Our row → what table 2 of SSAN has for it: method, compression ratio, F1 on the first fold of VCDB in percent."""


def _ssan_beside_the_paper(result: Result) -> str:
    rows = [
        (method, f"{ratio:.3f}", f"{f1 / 100:.3f}", name, shown(row["stored"]), *_f1s(row))
        for name, (method, ratio, f1) in _PAPER.items()
        if (row := result["keyframes"].get(name))
    ]
    columns = ("paper", "ratio", "VCDB F1", "here", "ratio", "VCDB F1", "VCSL F1")
    return (
        "**The paper's table 2 beside ours.** Theirs: the first fold of VCDB. Ours: the attack bench, test splits of "
        f"seeds {', '.join(map(str, result['seed']))}, mean (min–max).\n\n" + _table(columns, rows)
    )


def _f1s(row: Result) -> tuple[str, str]:
    return shown(row["vcdb"]["f1"]), shown(row["vcsl"]["f1"])


DOCUMENTS: Mapping[str, Mapping[str, Callable[[Result], str]]] = {
    "README.md": {
        "descriptor": _descriptor,
        "views": _views,
        "ssan": _ssan,
        "copies": _copies,
        "index_throughput": _throughput,
        "query_latency": _latency,
        "known_videos": _known,
        "malformed": _malformed,
        "fuzz": _fuzz,
        "faults": _faults,
    },
    "docs/model-cards/copy_lite0.md": {"descriptor": _descriptor},
    "docs/dedup.md": {"dedup": _dedup},
    "models/ssan/README.md": {"ssan": _ssan_beside_the_paper},
}


if __name__ == "__main__":
    sys.exit(main())
