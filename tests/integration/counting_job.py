"""python counting_job.py FILE BEAM_OPTION…: counts ticks in Beam's state, and writes every count down."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import apache_beam as beam
from apache_beam.coders import VarIntCoder
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.transforms.periodicsequence import PeriodicImpulse
from apache_beam.transforms.userstate import ReadModifyWriteStateSpec


class Count(beam.DoFn):
    COUNT = ReadModifyWriteStateSpec("count", VarIntCoder())

    def __init__(self, output: str) -> None:
        self._output = output

    def process(self, _: object, count: object = beam.DoFn.StateParam(COUNT)) -> Iterable[int]:
        number = (count.read() or 0) + 1  # type: ignore[attr-defined]
        count.write(number)  # type: ignore[attr-defined]
        with Path(self._output).open("a") as file:
            file.write(f"{number}\n")
        return [number]


def main(output: str, beam_args: list[str]) -> None:
    with beam.Pipeline(options=PipelineOptions(beam_args)) as pipeline:
        ticks = pipeline | "Tick" >> PeriodicImpulse(fire_interval=1.0)
        ticks | "OneKey" >> beam.WithKeys(0) | "Count" >> beam.ParDo(Count(output))


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])
