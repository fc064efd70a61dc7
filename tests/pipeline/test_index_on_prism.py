"""cliptrace index on Beam's Prism runner: another process has the job, this one the workers and the embedded store."""

from __future__ import annotations

import re
import time
from pathlib import Path

import apache_beam as beam
import pytest

from cliptrace.pipelines.prism import find_prism
from cliptrace.pipelines.running import run_pipeline
from cliptrace.schemas.errors import CliptraceError
from tests.pipeline.gallery_reading import frames, index, stored


@pytest.fixture
def prism() -> str:
    try:
        return find_prism()
    except CliptraceError as error:
        pytest.skip(str(error))


def options(prism: str) -> list[str]:
    return ["--runner=PrismRunner", f"--prism_location={prism}", "--prism_log_level=error"]


@pytest.mark.slow
def test_a_job_outlasts_the_five_minutes_after_which_beam_would_end_it(prism: str) -> None:
    begin = time.monotonic()
    run_pipeline(lambda pipeline: pipeline | beam.Create([330]) | beam.Map(time.sleep), options(prism))
    assert time.monotonic() - begin > 330


def test_prism_makes_the_gallery_that_this_process_makes(
    prism: str, videos: Path, gallery: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    code, text = index(capsys, videos, "--gallery", tmp_path / "gallery", "--", *options(prism))
    assert code == 3, text  # broken.mp4
    assert stored(tmp_path / "gallery") == stored(gallery)
    assert frames(tmp_path / "gallery") == frames(gallery)
    assert re.search(rf"^keyframes: +{len(frames(gallery))}$", text, re.MULTILINE)
