"""cliptrace evaluate."""

from __future__ import annotations

import argparse

from cliptrace.pipelines.cli.parsers import Commands, add_command


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = add_command(commands, "evaluate", "measure matches against the truth")
    parser.set_defaults(run=_run)
    parser.add_argument(
        "--truth", required=True, metavar="CSV", help="query_id,ref_id,query_start,query_end,ref_start,ref_end"
    )
    parser.add_argument("--matches", required=True, metavar="FILE", help="what cliptrace match wrote")


def _run(options: argparse.Namespace) -> int:
    from cliptrace.models.metrics.files import read_matches, read_truth
    from cliptrace.models.metrics.report import evaluate

    result = evaluate(read_truth(options.truth), read_matches(options.matches))
    for name, score in (("VCSL", result.vcsl), ("VCDB", result.vcdb)):
        print(f"{name + ':':<20} F1 {score.f1:.4f}, precision {score.precision:.4f}, recall {score.recall:.4f}")
    print(f"{'VSC22 segment AP:':<20} {result.segment_ap:.4f}")
    print(f"{'mAP:':<20} {result.mean_average_precision:.4f}")
    if error := result.boundary_error:
        spread = f"mean {error.mean_s:.3f} s, median {error.median_s:.3f} s"
        print(f"{'boundary error:':<20} {spread}, {error.segments} segments")
    print(f"{'pairs:':<20} {result.true_pairs} true, {result.predicted_pairs} predicted, {result.found_pairs} found")
    return 0
