"""Puts the figures of benchmarks/results into README, model card and documents, so that none is typed by hand.

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
from benchmarks.harness.command import RESULTS, Result
from benchmarks.harness.environment import describe
from benchmarks.harness.tables import Table
from benchmarks.hostile.tables import fuzz, malformed
from benchmarks.look_alike.tables import look_alike
from benchmarks.speed.tables import index_throughput, known_videos, query_latency

ROOT = RESULTS.parents[1]
BEGIN, END = "<!-- results -->\n", "<!-- /results -->"
Section = tuple[str, str, Callable[[Result], Iterable[Table]]]
"""A heading, if any, the name of the results, and their tables."""


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


def rendered(heading: str, name: str, tables: Callable[[Result], Iterable[Table]]) -> str:
    result = json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))
    shown = "\n".join(table.markdown() for table in tables(result) if not table.detail)
    above = f"### {heading}\n\n" if heading else ""
    return f"{above}{shown}\n<sub>`{result['command']}` · {describe(result)}</sub>\n"


DOCUMENTS: Mapping[str, Sequence[Section]] = {
    "README.md": (
        ("Frame embeddings", "descriptor", descriptor),
        ("Query-side views", "views", views),
        ("SSAN", "ssan", ssan),
        ("Aligners", "alignment", alignment),
        ("Look-alikes", "look_alike", look_alike),
        ("Indexing", "index_throughput", index_throughput),
        ("Asking", "query_latency", query_latency),
        ("Nothing to do", "known_videos", known_videos),
        ("Bad input", "malformed", malformed),
        ("Worse input", "fuzz", fuzz),
        ("Faults", "faults", faults),
    ),
    "docs/model-cards/copy_lite0.md": (("Frame embeddings", "descriptor", descriptor),),
    "docs/dedup.md": (("", "dedup", dedup),),
    "models/ssan/README.md": (("", "ssan", beside_the_paper),),
}


if __name__ == "__main__":
    sys.exit(main())
