"""What benchmarks.alignment.ssan found, as tables, and beside those of the paper."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from benchmarks.harness.seeds import shown
from benchmarks.harness.tables import Table

Result = Mapping[str, Any]

_INTRODUCTION = (
    "settings chosen on their validation splits together, among {tuned_among:,} distractors; {backbone}. `tn` "
    "is our temporal network, in seconds, without a graph library; *as published* it counts in frames, is a graph of "
    "networkx, and finds nothing that plays backwards."
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


def ssan(result: Result) -> Iterator[Table]:
    counts = list(next(iter(result["distractors"].values())))
    measures = list(next(iter(result["program"].values())))
    introduction = _INTRODUCTION.format(tuned_among=result["tuned_among"], backbone=result["data"]["backbone"])
    above = f"{_splits(result)}; {introduction}\n\n"
    for choice, methods in result["aligners"].items():
        yield Table(
            f"{above}Aligners on identical maps, {choice}:",
            ("", "VCSL P", "R", "F1", "VCDB F1", "segment AP", "mAP", "boundary s, mean", "ms a map"),
            [(name, *_of_aligner(row)) for name, row in methods.items()],
        )
        above = ""
    yield Table(
        "Ways to choose keyframes, with SPD: share of the basis frames (8 a second) that is stored, megabytes of "
        "embeddings for an hour of video, mean distance of a basis frame to the nearest one that is stored:",
        ("", "stored", "MB an hour", "s away", "VCSL F1", "VCDB F1", "segment AP", "boundary s, mean"),
        [(name, *_of_keyframes(row)) for name, row in result["keyframes"].items()],
    )
    for measure, key in (("VCSL F1", "f1"), ("Segment AP", "segment_ap")):
        yield Table(
            f"{measure} with so many distractors in the gallery:",
            ("", *(f"{int(count):,}" for count in counts)),
            [(name, *(shown(row[count][key]) for count in counts)) for name, row in result["distractors"].items()],
        )
    yield Table(
        "Distractors that begin with the same intro, drawn or filmed: share of pairs that are matched for it:",
        ("", "without stop-list", "with stop-list"),
        [
            (f"{kind}, {aligner}", *(f"{ways[f'{way} stop-list']:.2f}" for way in ("without", "with")))
            for kind, methods in result["intros"].items()
            for aligner, ways in methods.items()
        ],
    )
    yield Table(
        "cliptrace index, match and evaluate with their defaults, and the same in process; first seed:",
        ("", *(measure.replace("_", " ") for measure in measures)),
        [(name, *(f"{row[measure]:.4f}" for measure in measures)) for name, row in result["program"].items()],
    )


def beside_the_paper(result: Result) -> Iterator[Table]:
    yield Table(
        "**The paper's table 2 beside ours.** Theirs: the first fold of VCDB. Ours: the attack bench. "
        f"{_splits(result)}.",
        ("paper", "ratio", "VCDB F1", "here", "ratio", "VCDB F1", "VCSL F1"),
        [
            (
                *(method, f"{ratio:.3f}", f"{f1 / 100:.3f}", name),
                *_shown(row["stored"], row["vcdb"]["f1"], row["vcsl"]["f1"]),
            )
            for name, (method, ratio, f1) in _PAPER.items()
            if (row := result["keyframes"].get(name))
        ],
    )


def _splits(result: Result) -> str:
    return f"Test splits of seeds {', '.join(map(str, result['seed']))}, mean (min–max)"


def _of_aligner(row: Result) -> list[str]:
    vcsl = (row["vcsl"][part] for part in ("precision", "recall", "f1"))
    ranked = _shown(*vcsl, row["vcdb"]["f1"], row["segment_ap"], row["mean_average_precision"])
    return [*ranked, _boundary(row), shown(row["milliseconds_a_map"], 2)]


def _of_keyframes(row: Result) -> list[str]:
    costs = (shown(row["stored"]), shown(row["megabytes_an_hour"], 2), shown(row["away_s"], 2))
    return [*costs, *_shown(row["vcsl"]["f1"], row["vcdb"]["f1"], row["segment_ap"]), _boundary(row)]


def _boundary(row: Result) -> str:
    return shown(row["boundary_error"] and row["boundary_error"]["mean_s"], 2)


def _shown(*measures: Any) -> list[str]:
    return [shown(measure) for measure in measures]
