"""What README and models/ssan/README.md show of benchmarks.ssan."""

from __future__ import annotations

from typing import Any

from benchmarks.report import markdown
from benchmarks.seeds import shown

Result = dict[str, Any]


def section(result: Result) -> str:
    aligners = "".join(
        f"\nAligners on identical maps, {choice}:\n\n"
        + markdown(
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
        f"their validation splits together; {result['data']['backbone']}. `tn` is our temporal network, in seconds, "
        "without a graph library; *as published* it counts in frames, is a graph of networkx, and finds nothing that "
        "plays backwards.\n"
        + aligners
        + "\nWays to choose keyframes, with SPD: share of the basis frames (8 a second) that is stored, megabytes of "
        "embeddings for an hour of video, mean distance of a basis frame to the nearest one that is stored:\n\n"
        + markdown(
            ("", "stored", "MB an hour", "s away", "VCSL F1", "VCDB F1", "segment AP", "boundary s, mean"),
            keyframes,
        )
        + "\nVCSL F1 with so many strangers' videos in the gallery, SPD as shipped:\n\n"
        + markdown(("", *(f"{int(count):,}" for count in counts)), strangers)
        + "\nStrangers that begin with the same intro, drawn or filmed: share of pairs that are matched for it:\n\n"
        + markdown(("", "without stop-list", "with stop-list"), intros)
        + "\n`cliptrace index`, `match` and `evaluate` with their defaults, and the same in process:\n\n"
        + markdown(
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


def beside_the_paper(result: Result) -> str:
    rows = [
        (method, f"{ratio:.3f}", f"{f1 / 100:.3f}", name, shown(row["stored"]), *_f1s(row))
        for name, (method, ratio, f1) in _PAPER.items()
        if (row := result["keyframes"].get(name))
    ]
    columns = ("paper", "ratio", "VCDB F1", "here", "ratio", "VCDB F1", "VCSL F1")
    return (
        "**The paper's table 2 beside ours.** Theirs: the first fold of VCDB. Ours: the attack bench, test splits of "
        f"seeds {', '.join(map(str, result['seed']))}, mean (min–max).\n\n" + markdown(columns, rows)
    )


def _f1s(row: Result) -> tuple[str, str]:
    return shown(row["vcdb"]["f1"]), shown(row["vcsl"]["f1"])
