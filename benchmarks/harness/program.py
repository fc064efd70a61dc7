"""``cliptrace index``, ``match`` and ``evaluate`` on an attack bench, in this process, with their defaults."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import resource
import tempfile
from collections.abc import Sequence

from benchmarks.attacks.build import Dataset
from cliptrace.models.metrics.files import read_matches, read_truth
from cliptrace.models.metrics.report import Evaluation, evaluate
from cliptrace.pipelines import cli
from cliptrace.schemas.errors import CliptraceError


@dataclasses.dataclass(frozen=True, slots=True)
class Ran:
    """index_cpu_s: of indexing, this process and those that it started; decode_cpu_s: of the latter, which decode."""

    evaluation: Evaluation
    index_cpu_s: float
    decode_cpu_s: float


def ran(dataset: Dataset, index_options: Sequence[str] = ()) -> Ran:
    """CliptraceError where a command fails."""
    with tempfile.TemporaryDirectory() as folder:
        gallery, output = f"{folder}/gallery", f"{folder}/matches.jsonl"
        before = _used()
        _run("index", str(dataset.gallery), "--gallery", gallery, *index_options)
        own, children = (now - then for now, then in zip(_used(), before, strict=True))
        _run("match", str(dataset.queries), "--gallery", gallery, "--output", output)
        found = evaluate(read_truth(str(dataset.root / "truth.csv")), read_matches(output))
    return Ran(found, own + children, children)


def _run(*command: str) -> None:
    with contextlib.redirect_stderr(io.StringIO()) as said:
        if cli.main(list(command)) != 0:
            raise CliptraceError(f"cliptrace {command[0]} failed: {said.getvalue()}")


def _used() -> tuple[float, float]:
    """CPU seconds of this process, and of those that it started and that have ended."""
    both = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    own, children = (usage.ru_utime + usage.ru_stime for usage in both)
    return own, children
