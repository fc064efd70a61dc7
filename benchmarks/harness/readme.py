"""Puts the figures of benchmarks/results into README and documents, so that none is typed by hand.

python -m benchmarks.harness.readme [--check]
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence

from benchmarks.alignment.ssan_tables import beside_the_paper, ssan
from benchmarks.alignment.tables import alignment
from benchmarks.dedup.tables import dedup
from benchmarks.descriptor.tables import descriptor, views
from benchmarks.faults.tables import faults
from benchmarks.harness.command import RESULTS
from benchmarks.harness.environment import describe
from benchmarks.harness.summary import summary
from benchmarks.harness.tables import Table
from benchmarks.hostile.tables import fuzz, malformed, odd_files
from benchmarks.look_alike.tables import look_alike
from benchmarks.search.tables import frames, groups, kernels
from benchmarks.speed.tables import decoding, index_kinds, index_throughput, known_videos, query_latency
from benchmarks.star_gnn.tables import descriptor_cost, lattice_cost, star_gnn, two_stages

ROOT = RESULTS.parents[1]
BEGIN, END = "<!-- results -->\n", "<!-- /results -->"
Section = tuple[str, str, Callable[..., Iterable[Table]]]
"""A heading, if any, the name of the results, or several (one+another), and their tables."""


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.harness.readme", description=__doc__.split("\n")[0])
    parser.add_argument("--check", action="store_true", help="change nothing; 1 where a document is out of date")
    check = parser.parse_args(argv).check
    stale = False
    for file, sections in DOCUMENTS.items():
        written = (ROOT / file).read_text(encoding="utf-8")
        new = with_results(written, sections)
        stale |= new != written
        if not check:
            (ROOT / file).write_text(new, encoding="utf-8")
    return int(check and stale)


def with_results(text: str, sections: Iterable[Section]) -> str:
    """``text`` with what stands between the marks made anew."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n" + "\n".join(rendered(*section) for section in sections) + f"\n{END}{after}"


def rendered(heading: str, names: str, tables: Callable[..., Iterable[Table]]) -> str:
    """Where a section is of several results, what it links to says where each was measured."""
    results = [json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8")) for name in names.split("+")]
    shown = "\n".join(table.markdown() for table in tables(*results) if not table.detail)
    above = f"### {heading}\n\n" if heading else ""
    said = f"\n<sub>`{results[0]['command']}` · {describe(results[0])}</sub>\n" if len(results) == 1 else ""
    return f"{above}{shown}{said}"


DOCUMENTS: Mapping[str, Sequence[Section]] = {
    "README.md": (("", "alignment+look_alike+index_throughput+query_latency", summary),),
    "docs/results.md": (
        ("Frame embeddings", "descriptor", descriptor),
        ("Query-side views", "views", views),
        ("SSAN", "ssan", ssan),
        ("Aligners", "alignment", alignment),
        ("Look-alikes", "look_alike", look_alike),
        ("Indexing", "index_throughput", index_throughput),
        ("Decoding", "decoding", decoding),
        ("Asking", "query_latency", query_latency),
        ("What is searched", "frames", frames),
        ("Kernels of exact search", "kernels", kernels),
        ("All pairs of a gallery", "groups", groups),
        ("Nothing to do", "known_videos", known_videos),
        ("Bad input", "malformed", malformed),
        ("Worse input", "fuzz", fuzz),
        ("Odd files", "odd_files", odd_files),
        ("Faults", "faults", faults),
    ),
    "models/star_gnn/README.md": (
        ("Beside what has come since", "star_gnn", star_gnn),
        ("Two stages", "two_stages", two_stages),
        ("What a descriptor costs", "descriptor_cost", descriptor_cost),
        ("The lattice", "lattice_cost", lattice_cost),
    ),
    "docs/model-cards/copy_lite0.md": (("Frame embeddings", "descriptor", descriptor),),
    "deploy/milvus/README.md": (("", "index_kinds", index_kinds),),
    "docs/dedup.md": (("", "dedup", dedup),),
    "models/ssan/README.md": (("", "ssan", beside_the_paper),),
}


if __name__ == "__main__":
    sys.exit(main())
