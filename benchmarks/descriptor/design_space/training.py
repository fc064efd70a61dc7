"""Trains the descriptor with more and with fewer layers free, all for the same few steps, for the design space.

python -m benchmarks.descriptor.design_space.training --data DIR… [--steps 200] [--output bench-out]

OUTPUT/trained/NAME   a backbone, its log and its checkpoint; one that is there is not trained again

What is to be compared is these with each other: the shipped descriptor learned for ten times as long.
"""

from __future__ import annotations

import argparse
import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.harness.command import exit_code
from cliptrace.models.descriptor.config import DescriptorTraining
from cliptrace.models.descriptor.examples import Pictures
from cliptrace.models.descriptor.export import write
from cliptrace.models.descriptor.train import train

FIRST_TRAINED = {"head only": "none", "last stages": "block11_expand", "all but the stem": "block1_expand"}
"""Name → DescriptorTraining.first_trained; the last is what ships."""


def run(data: Sequence[Path], output: Path, config: DescriptorTraining) -> dict[str, Path]:
    """Name → config file of the backbone."""
    pictures = Pictures.load(data)
    files = {}
    for name, layer in FIRST_TRAINED.items():
        folder = output / "trained" / name.replace(" ", "-")
        files[name] = folder / "config.json"
        if not files[name].is_file():
            mine = dataclasses.replace(config, first_trained=layer)
            write(train(pictures, folder, mine), pictures, folder, folder.name, mine)
    return files


def main(argv: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.descriptor.design_space.training", description=(__doc__ or "").split("\n")[0]
    )
    parser.add_argument("--data", type=Path, nargs="+", required=True, metavar="DIR", help="footage of training")
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--output", type=Path, default=Path("bench-out"))
    arguments = parser.parse_args(argv)

    def trained() -> int:
        files = run(arguments.data, arguments.output, DescriptorTraining(steps=arguments.steps, seed=arguments.seed))
        print("--compare", *(f"'{name}={file}'" for name, file in files.items()))
        return 0

    return exit_code(trained)


if __name__ == "__main__":
    sys.exit(main())
