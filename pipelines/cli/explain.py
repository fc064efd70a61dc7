"""cliptrace explain."""

from __future__ import annotations

import argparse

from cliptrace.pipelines.cli.parsers import Commands, add_command


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = add_command(commands, "explain", "draw which regions of a video's frames its vector is made of")
    parser.set_defaults(run=_run)
    parser.add_argument("video", metavar="VIDEO", help="a local file; its first 72 s are shown")
    parser.add_argument("--output", required=True, metavar="PNG", help="the picture")
    parser.add_argument(
        "--weights",
        default="star_gnn",
        metavar="FOLDER",
        help="what cliptrace train star-gnn made; default: those that ship",
    )


def _run(options: argparse.Namespace) -> int:
    from cliptrace.pipelines.explain import ExplainOptions, run

    report = run(ExplainOptions(video=options.video, output=options.output, weights=options.weights))
    print(f"{options.output}: {report.shown} of {report.keyframes} keyframes, plain pooling and STAR-GNN below them")
    return 0
