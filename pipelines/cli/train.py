"""cliptrace train."""

from __future__ import annotations

import argparse
import dataclasses
import sys

from cliptrace.pipelines.cli.parsers import Commands, add_command, positive
from cliptrace.schemas.config import DEFAULT_BACKBONE
from cliptrace.schemas.errors import CliptraceError

_UNCALIBRATED = "to be calibrated with benchmarks.calibration"


def add_to(commands: Commands[argparse.ArgumentParser]) -> None:
    parser = add_command(commands, "train", "train a model on your own footage")
    parser.set_defaults(run=_run)
    parser.add_argument(
        "model",
        choices=("descriptor", "ske", "spd", "ssan"),
        help="descriptor: the frame embedding; ske: the keyframe selector; spd: the segment detector; "
        "ssan: the last two, each for itself and then together",
    )
    parser.add_argument("--data", required=True, nargs="+", metavar="DIR", help="folders of videos and images")
    parser.add_argument(
        "--output", required=True, metavar="DIR", help="weights, log and checkpoint; an interrupted training goes on"
    )
    parser.add_argument("--steps", type=positive, metavar="N", help="batches (default: those of the built-in one)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="default: 0")
    parser.add_argument(
        "--backbone",
        default=DEFAULT_BACKBONE,
        metavar="NAME|FILE",
        help="whose embeddings ske, spd and ssan learn from (default: %(default)s)",
    )


def _run(options: argparse.Namespace) -> int:
    from pathlib import Path

    data, output = [Path(folder) for folder in options.data], Path(options.output)
    given = {"seed": options.seed, **({} if options.steps is None else {"steps": options.steps})}
    try:
        if options.model == "descriptor":
            from cliptrace.models.descriptor import train as descriptor

            descriptor.run(data, output, descriptor.TrainConfig(**given))
            use = "a backbone for cliptrace index --backbone"
        else:
            from cliptrace.models.backbones.registry import load_config
            from cliptrace.models.ssan import train as ssan

            run, config, use = {
                "ske": (ssan.run_ske, ssan.SKE_CONFIG, "a keyframe selector; it goes to models/weights/ske"),
                "spd": (ssan.run_spd, ssan.SPD_CONFIG, f"a segment detector, {_UNCALIBRATED}"),
                "ssan": (
                    ssan.run_ssan,
                    ssan.SSAN_CONFIG,
                    f"a keyframe selector and a segment detector, {_UNCALIBRATED}",
                ),
            }[options.model]
            run(data, output, load_config(options.backbone), dataclasses.replace(config, **given))
    except ImportError as error:
        raise CliptraceError(f"cliptrace train needs {error.name}: pip install 'cliptrace[train]'") from error
    print(f"{options.output}: {use}", file=sys.stderr)
    return 0
