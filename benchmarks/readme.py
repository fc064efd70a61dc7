"""Puts the figures of benchmarks/results into README, docs and models/ssan, so that none is typed by hand.

python -m benchmarks.readme [--check]
"""

from __future__ import annotations

import argparse
import collections
import json
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks import dedup_tables, ssan_tables, summary
from benchmarks.attacks.edits import EDITS, SEVERITIES
from benchmarks.environment import describe
from benchmarks.look_alike import tables as look_alikes
from benchmarks.report import RESULTS, markdown
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


def with_results(text: str, results: Path, sections: Mapping[str, Callable[..., str]]) -> str:
    """``text`` with what stands between the marks made anew, of all that was measured.

    A section may be of several results (``one+another``); where each was measured is then said by what it links to.
    """
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    rendered = []
    for name, render in sections.items():
        measured = [results / f"{each}.json" for each in name.split("+")]
        if not all(path.is_file() for path in measured):
            continue
        found = [json.loads(path.read_text(encoding="utf-8")) for path in measured]
        said = f"\n<sub>`{found[0]['command']}` · {describe(found[0])}</sub>\n" if len(found) == 1 else ""
        rendered.append(f"{render(*found)}{said}")
    return f"{before}{BEGIN}\n" + "\n".join(rendered) + f"\n{END}{after}"


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
    data = result["data"]["test"]
    return (
        f"### Aligners\n\nThe attack bench: edits made by ffmpeg from real footage, with exact truth; frames embedded "
        f"by {_backbone(result)}. Every "
        f"aligner is tuned on the validation split, among {result['data']['tuned_among']:,} videos of strangers, and "
        f"measured once on the test split: {data['segments']} copied segments, {data['gallery']} gallery videos, "
        f"{data['seconds'] / 60:.0f} minutes of queries.\n\n"
        + markdown(columns, methods)
        + f"\nSegments hit on both sides (VCDB recall) by edit, all methods as tuned, {best} by severity:\n\n"
        + markdown(("", *(f"{best} {severity}" for severity in SEVERITIES), f"{best} all", *others), edits)
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
        + markdown(("", "wall s", "CPU s", "× real time", "peak MB", "speed / ffmpeg to 8 fps"), methods)
        + "\nWhere the time of one timed run goes (wall seconds are summed over threads that wait for each other):\n\n"
        + markdown(("", "CPU s", "wall s", "calls"), parts)
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
        f"{_backbone(result)} and the embedded Milvus Lite; queries have two keyframes a second here, as "
        "`cliptrace match --keyframes uniform:2` asks for, a quarter of its default; growth is that of the median "
        "total from the row above.\n\n" + markdown(("keyframes", "videos", *steps, "growth"), rows)
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
        + markdown(("", "dead letter", "indexed in part", "indexed whole"), rows)
    )


def _fuzz(result: Result) -> str:
    columns = ("taken", "refused", "crash", "hang")
    names = {"probe": "what ffprobe says", "manifest": "manifests", "gallery": "files of a gallery"}
    rows = [(names[name], *(f"{row[column]:,}" for column in columns)) for name, row in result["targets"].items()]
    return (
        f"### Worse input\n\n{result['inputs']:,} mutated inputs each; refused: by an error of ours that says why.\n\n"
        + markdown(("", *columns), rows)
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
        + markdown(("known videos", "in", "seconds", "CPU s", "s per 100,000", "peak MB"), rows)
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
        + markdown(
            ("", "recall@1", "of severe edits", "micro-AP", "videos", "look-alikes", "ms a frame", "bytes"),
            frames,
        )
        + "\nEnd to end, the temporal network tuned on the validation split for each, or as shipped:\n\n"
        + markdown(("", "VCSL F1", "VCDB F1", "segment AP", "mAP"), matched)
        + "\nSegments hit on both sides (VCDB recall) by edit:\n\n"
        + markdown(("", *found), edits)
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
        + markdown(
            ("`match --views`", "embeddings", "ms", "VCSL F1", "VCDB F1", "segment AP", "mAP"),
            [
                (name, row["embeddings"], f"{row['milliseconds']:.1f}", *(shown(row[figure]) for figure in figures))
                for name, row in rows.items()
            ],
        )
        + "\nSegments hit on both sides (VCDB recall) by edit:\n\n"
        + markdown(("", *rows), edits)
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
        + markdown(("fault", "times", "ended the run", "afterwards not every video once in both stores"), faults)
        + f"\n{search['queries']:,} searches of a Milvus server with {search['keyframes_before']:,} keyframes, while "
        f"another process writes {search['keyframes_written_during_queries']:,}:\n\n"
        + markdown(("", "p50 ms", "p95 ms", "failed", "partial"), [*rows, ("ratio", *ratios, "", "")])
        + f"\n{takedown['searchers']} processes run `cliptrace match` on a video that `cliptrace gallery remove` takes "
        f"out meanwhile, in {takedown['removal_s']:.1f} s:\n\n"
        + markdown(
            ("", "answers", "failed", "name the video"),
            ((name, row["answers"], row["failed"], row["naming"]) for name, row in takedown["answers"].items()),
        )
        + f"\nMilvus Lite and the server (2.3) on {same['queries']} queries of the attack bench: {same['identical']} "
        f"matches the same to the last digit, {len(same['unlike'])} not.\n"
    )


def _dedup(result: Result) -> str:
    parts = (f"{title}:\n\n{markdown(columns, rows)}" for title, columns, rows in dedup_tables.shown(result))
    return "\n".join(parts)


DOCUMENTS: Mapping[str, Mapping[str, Callable[..., str]]] = {
    "README.md": {"ssan+look_alike+index_throughput+query_latency": summary.section},
    "docs/results.md": {
        "descriptor": _descriptor,
        "views": _views,
        "ssan": ssan_tables.section,
        "copies": _copies,
        "look_alike": look_alikes.section,
        "index_throughput": _throughput,
        "query_latency": _latency,
        "known_videos": _known,
        "malformed": _malformed,
        "fuzz": _fuzz,
        "faults": _faults,
    },
    "docs/model-cards/copy_lite0.md": {"descriptor": _descriptor},
    "docs/dedup.md": {"dedup": _dedup},
    "models/ssan/README.md": {"ssan": ssan_tables.beside_the_paper},
}


if __name__ == "__main__":
    sys.exit(main())
