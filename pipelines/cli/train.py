"""cliptrace train."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from cliptrace.models.methods import METHODS
from cliptrace.pipelines.cli.parsers import GOES_ON, Commands, add_command, positive, whole_number
from cliptrace.schemas.config import DEFAULT_BACKBONE
from cliptrace.schemas.errors import CliptraceError


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = add_command(commands, "train", "train a model on your own footage")
    parser.set_defaults(run=_run, if_stopped=GOES_ON)
    parser.add_argument(
        "model",
        choices=tuple(METHODS),
        help="; ".join(f"{method.name}: {method.summary}" for method in METHODS.values()),
    )
    parser.add_argument("--data", required=True, nargs="+", metavar="DIR", help="folders of videos and images")
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="weights, log and checkpoint; an interrupted training goes on"
    )
    parser.add_argument("--steps", type=positive, metavar="N", help="batches (default: those of the built-in one)")
    parser.add_argument("--seed", type=whole_number, default=0, metavar="N", help="default: 0")
    parser.add_argument(
        "--backbone",
        default=DEFAULT_BACKBONE,
        metavar="NAME|FILE",
        help="whose embeddings ske, spd and ssan learn from (default: %(default)s)",
    )


def _run(options: argparse.Namespace) -> int:
    method, data = METHODS[options.model], [Path(folder) for folder in options.data]
    try:
        method.train(data, Path(options.output), backbone=options.backbone, seed=options.seed, steps=options.steps)
    except ImportError as error:
        raise CliptraceError(f"cliptrace train needs {error.name}: pip install 'cliptrace[train]'") from error
    print(f"{options.output}: {method.use}", file=sys.stderr)
    return 0
