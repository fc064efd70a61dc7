"""All questions whose figures are recorded: how each is asked, and what its figures must not fall behind.

Floors lie about two hundredths below what was recorded when they were set; what must never happen has none to spare.
Times have no floor: they are of one machine.
"""

from __future__ import annotations

import dataclasses
import math
import os
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from benchmarks.harness.command import RESULTS


@dataclasses.dataclass(frozen=True, slots=True)
class Floor:
    """path: keys of the results, joined by " > ", numbers in lists, * for all. What ends at a list is its length."""

    path: str
    least: float = -math.inf
    most: float = math.inf


@dataclasses.dataclass(frozen=True, slots=True)
class Entry:
    """module: as in ``python -m MODULE``. needs: files without which it cannot be asked. Both may name variables."""

    module: str
    arguments: str = ""
    needs: tuple[str, ...] = ()
    floors: tuple[Floor, ...] = ()

    @property
    def name(self) -> str:
        return self.module.rpartition(".")[2]

    @property
    def results(self) -> Path:
        return RESULTS / f"{self.name}.json"

    def command(self) -> list[str]:
        return ["-m", self.module, *map(os.path.expandvars, shlex.split(self.arguments))]

    def missing(self) -> list[str]:
        return [each for each in self.needs if not Path(os.path.expandvars(each)).exists()]


def fallen(entry: Entry, result: dict[str, Any]) -> Iterator[str]:
    """In words, what does not keep to a floor."""
    for floor in entry.floors:
        for figure in figures(result, floor.path.split(" > ")):
            if not floor.least <= figure <= floor.most:
                limit = f"at least {floor.least:g}" if figure < floor.least else f"at most {floor.most:g}"
                yield f"{entry.name}: {floor.path} is {figure:g}, not {limit}"


def figures(found: Any, path: list[str]) -> Iterator[float]:
    """Every figure at the end of the path. KeyError, IndexError where there is none."""
    if not path:
        yield float(len(found) if isinstance(found, list) else found)
    elif path[0] == "*":
        for each in found.values() if isinstance(found, dict) else found:
            yield from figures(each, path[1:])
    else:
        yield from figures(found[int(path[0])] if isinstance(found, list) else found[path[0]], path[1:])


_TRAINED = "bench-out/trained"
_SHIPPED = "aligners > shipped balanced, queries 8/s > spd, as shipped"

ENTRIES = (
    Entry("benchmarks.speed.index_throughput"),
    Entry(
        "benchmarks.speed.decoding",
        "--queries 120",
        floors=(
            Floor("ways > as shipped > vcsl_f1", least=0.889),
            Floor("ways > as shipped > vcdb_f1", least=0.922),
            Floor("ways > keyframes express > vcsl_f1", least=0.26),
        ),
    ),
    Entry(
        "benchmarks.speed.query_latency",
        "--server",
        floors=(Floor("sizes > * > engines > * > recall_at_1", least=0.98),),
    ),
    Entry(
        "benchmarks.search.frames",
        floors=(
            Floor("benches > attacks > frames > 2 > vcsl_f1", least=0.89),
            Floor("benches > look-alikes > frames > 2 > vcsl_f1", least=0.83),
            Floor("benches > attacks > frames > 2 > aligned_per_query", most=2.5),
        ),
    ),
    Entry(
        "benchmarks.speed.index_kinds",
        "--keyframes 20000 --queries 10 --kinds FLAT HNSW HNSW_SQ IVF_SQ8 IVF_PQ SCANN IVF_RABITQ AISAQ GPU_CAGRA",
        floors=(Floor("kinds > FLAT > recall", least=0.98), Floor("kinds > HNSW > recall", least=0.9)),
    ),
    Entry("benchmarks.speed.known_videos", floors=(Floor("rows > * > skipped", least=10_000),)),
    Entry(
        "benchmarks.hostile.malformed",
        floors=(Floor("broken_rules", most=0), Floor("connections", most=0), Floor("secret_was_read", most=0)),
    ),
    Entry("benchmarks.hostile.odd_files", floors=(Floor("broken_rules", most=0),)),
    Entry("benchmarks.hostile.fuzz", "--count 8000", floors=(Floor("targets > * > broken", most=0),)),
    Entry(
        "benchmarks.faults",
        floors=(
            Floor("broken_rules", most=0),
            Floor("faults > * > * > wrong", most=0),
            Floor("takedown > answers > begun after its return > naming", most=0),
            Floor("same_matches > unlike", most=0),
        ),
    ),
    Entry(
        "benchmarks.dedup",
        floors=(
            Floor("prism > simultaneous > * > groups_without_one_canonical", most=0),
            Floor("flink > simultaneous > * > groups_without_one_canonical", most=0),
            Floor("prism > simultaneous > * > false", most=0),
            Floor("flink > simultaneous > * > false", most=0),
            Floor("flink > killed > * > groups_without_one_canonical", most=0),
            Floor("prism > same_matches > different", most=0),
            Floor("flink > same_matches > different", most=0),
        ),
    ),
    Entry(
        "benchmarks.alignment",
        floors=(
            Floor("data > candidate_recall", least=0.98),
            Floor("methods > spd, as shipped > vcsl > f1", least=0.902),
            Floor("methods > spd, as shipped > vcdb > f1", least=0.936),
            Floor("methods > spd, as shipped > segment_ap", least=0.93),
            Floor("methods > spd, as shipped > mean_average_precision", least=0.965),
        ),
    ),
    Entry(
        "benchmarks.alignment.ssan",
        f"--trained {_TRAINED}",
        floors=(
            Floor(f"{_SHIPPED} > vcsl > f1 > mean", least=0.877),
            Floor(f"{_SHIPPED} > vcdb > f1 > mean", least=0.928),
            Floor(f"{_SHIPPED} > segment_ap > mean", least=0.916),
            Floor("keyframes > shipped balanced, queries 8/s > vcsl > f1 > mean", least=0.863),
            Floor("keyframes > shipped balanced, queries 8/s > stored > mean", most=0.194),
            Floor("distractors > shipped balanced, queries 8/s, spd as shipped > 10000 > f1 > mean", least=0.877),
            Floor("intros > * > * > with stop-list", most=0.02),
            Floor("program > program > vcsl_f1", least=0.875),
        ),
    ),
    Entry(
        "benchmarks.alignment.calibration",
        floors=(
            Floor("vcsl_f1", least=0.815),
            Floor("expected_calibration_error > after", most=0.019),
            Floor("duplicates > copies > 0", least=353),
            Floor("duplicates > distractors > 0", most=3),
        ),
    ),
    Entry(
        "benchmarks.descriptor",
        "--backbone efficientnet_lite0 --backbone copy_lite0 --end-to-end",
        floors=(
            Floor("rows > copy_lite0 > recall_at_1 > macro > all > mean", least=0.805),
            Floor("rows > copy_lite0 > recall_at_1 > macro > severe > mean", least=0.718),
            Floor("rows > copy_lite0 > micro_ap > mean", least=0.8),
            Floor("rows > copy_lite0 > cost > bytes_a_keyframe", most=512),
            Floor("end_to_end > copy_lite0, normalised > shipped > vcsl_f1 > mean", least=0.794),
            Floor("end_to_end > copy_lite0, normalised > shipped > vcdb_f1 > mean", least=0.9),
        ),
    ),
    Entry(
        "benchmarks.descriptor.views",
        floors=(
            Floor("rows > none > vcsl_f1 > mean", least=0.794),
            Floor("rows > mirror+turns+halves+insets > vcsl_f1 > mean", least=0.757),
        ),
    ),
    Entry(
        "benchmarks.descriptor.design_space",
        "--backbone copy_lite0 --compare "
        f"'head only={_TRAINED}/head-only/config.json' 'last stages={_TRAINED}/last-stages/config.json' "
        f"'all but the stem={_TRAINED}/all-but-the-stem/config.json' --data "
        "$CLIPTRACE_FOOTAGE/intel_iot $CLIPTRACE_FOOTAGE/jigargajjar55__audio-speech-to-sign-language-converter "
        "$CLIPTRACE_FOOTAGE/kwaivgi__liveportrait $CLIPTRACE_FOOTAGE/v-iashin__video_features "
        "$CLIPTRACE_FOOTAGE/artlabss__tennis-tracking $CLIPTRACE_FOOTAGE/microsoft__vlm-video-action-localization "
        "'$CLIPTRACE_FOOTAGE/gmdcsa24/Subject 1' '$CLIPTRACE_FOOTAGE/gmdcsa24/Subject 2'",
        needs=("$CLIPTRACE_FOOTAGE/intel_iot", f"{_TRAINED}/head-only/config.json"),
        floors=(Floor("rows > 0 > micro_ap", least=0.709), Floor("rows > 0 > recall_at_1", least=0.725)),
    ),
    Entry(
        "benchmarks.star_gnn",
        needs=("$CLIPTRACE_FOOTAGE/MANIFEST.tsv", "$CLIPTRACE_FOOTAGE/../pool/MANIFEST.tsv"),
        floors=(
            *(
                Floor(f"seeds > * > test > most or all > {name} > 10000", least=0.69)
                for name in ("STAR-GNN, sgcn, triplet", "mean", "R-MAC")
            ),
            Floor("seeds > * > test > among look-alikes > STAR-GNN, sgcn, triplet > 0", least=0.57),
        ),
    ),
    Entry(
        "benchmarks.star_gnn.two_stages",
        needs=("$CLIPTRACE_FOOTAGE/MANIFEST.tsv", "$CLIPTRACE_FOOTAGE/../pool/MANIFEST.tsv"),
        floors=(Floor("sizes > * > shares > whole > both > recall", least=0.85),),
    ),
    Entry("benchmarks.star_gnn.lattice_cost", floors=(Floor("frames > * > apart", most=1e-5),)),
    Entry("benchmarks.star_gnn.descriptor_cost"),
    Entry(
        "benchmarks.relocalization",
        needs=("$CLIPTRACE_FOOTAGE/MANIFEST.tsv", "$CLIPTRACE_FOOTAGE/../pool/MANIFEST.tsv"),
        floors=(
            Floor("seeds > * > test > map_at_1 > all > anchor-free > 0.5", least=0.69),
            Floor("seeds > * > test > map_at_1 > all > anchor-free > 0.7", least=0.55),
            Floor("seeds > * > test > map_at_1 > all > multi-graph, products > 0.5", least=0.70),
            Floor("seeds > * > test > absent > games > anchor-free > recall", least=0.86),
            Floor("seeds > * > proposals > games > TAG > recall > 30 > average", least=0.62),
        ),
    ),
    Entry("benchmarks.relocalization.index_cost"),
    Entry("benchmarks.relocalization.locating_cost"),
    Entry(
        "benchmarks.search.groups",
        "--sizes 1000 10000 100000 1000000 --footage",
        needs=("$CLIPTRACE_FOOTAGE/MANIFEST.tsv",),
        floors=(Floor("sizes > * > recall", least=1.0), Floor("sizes > * > searched > unlike", most=0)),
    ),
    Entry(
        "benchmarks.search.kernels",
        floors=(Floor("sizes > * > kernels > numpy float32 > recall", least=1.0),),
    ),
    Entry(
        "benchmarks.look_alike",
        floors=(
            Floor("kinds > all > copies_found > match", least=109),
            Floor("kinds > all > copies_found > dedup", least=88),
            Floor("kinds > all > look_alikes_claimed > match", most=9),
            Floor("kinds > all > look_alikes_claimed > dedup", most=3),
            Floor("kinds > all > at > 0.5 > precision", least=0.905),
            Floor("kinds > all > at > 0.5 > recall", least=0.81),
            Floor("kinds > all > expected_calibration_error", most=0.0243),
        ),
    ),
)
