"""The rehearsal of a job: graphs of index and match as a cluster would get them, and what is told of bad ones."""

from __future__ import annotations

import argparse
import dataclasses
import functools
import json
import re
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import apache_beam as beam
import pytest
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from packaging.requirements import Requirement

from cliptrace.models.weights import WEIGHTS
from cliptrace.pipelines import cli, groups, preflight
from cliptrace.pipelines.cli.preflight import job_of
from cliptrace.pipelines.index import IndexOptions, new_manifest
from cliptrace.pipelines.models import moments_config
from cliptrace.pipelines.preflight import image
from cliptrace.pipelines.preflight.stages import Stage, stages, strings
from cliptrace.schemas.records import VideoSource
from cliptrace.transforms.store.gallery import Gallery
from tests.pipeline.clip_network import write_clip_network
from tests.unit.transforms import memory_files

MILVUS = "http://milvus:19530"
ON_DATAFLOW = ["--", "--runner=DataflowRunner", "--sdk_container_image=registry.example/cliptrace:1"]
MAIN = "holds code of __main__: put it into a module that workers can import"


@pytest.fixture
def bucket() -> Iterator[dict[str, bytes]]:
    """mem://b with a gallery and two videos."""
    memory_files.FILES.clear()
    Gallery.create("mem://b/g", new_manifest(IndexOptions(sources=(), gallery="mem://b/g", milvus=MILVUS)))
    memory_files.FILES |= {"mem://b/v/a.mp4": b"video", "mem://b/v/b.mp4": b"video"}
    yield memory_files.FILES
    memory_files.FILES.clear()


def steps_of(printed: str) -> dict[str, str]:
    """What the table says of each step."""
    rows = printed.split("\n\n")[0].splitlines()[1:]
    return {re.split(r"  +", row)[0]: re.split(r"  +", row)[3] for row in rows}


def test_an_index_job_is_fit_for_a_cluster(bucket: dict[str, bytes], capsys: pytest.CaptureFixture[str]) -> None:
    before = dict(bucket)
    code = cli.main(["preflight", "index", "mem://b/v", "--gallery", "mem://b/g", *ON_DATAFLOW])
    printed = capsys.readouterr().out
    assert (code, set(steps_of(printed).values())) == (0, {"OK"}), printed
    assert {
        "ExtractFeatures/Begin/Run/ParDo(_IsolatedDoFn)",
        "ExtractFeatures/Decode/Run/ParDo(_IsolatedDoFn)",
        "StoreFeatures/Commit/ParDo(_Commit)",
        "RecordFailures/Record",
    } <= set(steps_of(printed))
    assert re.search(r"RecordFailures/GroupByVideo +group_by_key +TupleCoder\[\w+, IterableCoder\[\w+\]\] +OK", printed)
    assert printed.endswith(f"{len(steps_of(printed))} steps, 0 of them wrong\n")
    assert bucket == before


def test_so_is_a_first_one_that_would_make_the_gallery(
    bucket: dict[str, bytes], capsys: pytest.CaptureFixture[str]
) -> None:
    line = ["index", "mem://b/v", "--gallery", "mem://b/new", "--milvus", MILVUS, "--limit", "1", *ON_DATAFLOW]
    assert cli.main(["preflight", *line]) == 0, capsys.readouterr().out
    assert not any("new" in path for path in bucket)


def test_a_match_job_is_fit_for_a_cluster(bucket: dict[str, bytes], capsys: pytest.CaptureFixture[str]) -> None:
    code = cli.main(
        ["preflight", "match", "mem://b/v", "--gallery", "mem://b/g", "--output", "mem://b/m.jsonl", *ON_DATAFLOW]
    )
    printed = capsys.readouterr().out
    assert (code, set(steps_of(printed).values())) == (0, {"OK"}), printed
    assert {"FindCandidates/Search/Run/ParDo(_IsolatedDoFn)", "WriteParts/WritePart", "Conclude", "Clear"} <= set(
        steps_of(printed)
    )


def test_so_is_one_that_asks_with_a_gallery(bucket: dict[str, bytes], capsys: pytest.CaptureFixture[str]) -> None:
    places = ["--from-gallery", "mem://b/g", "--gallery", "mem://b/g", "--output", "mem://b/m.jsonl"]
    code = cli.main(["preflight", "match", *places, *ON_DATAFLOW])
    steps = steps_of(printed := capsys.readouterr().out)
    assert (code, set(steps.values())) == (0, {"OK"}), printed
    assert {"ReadStored/Read/Run/ParDo(_IsolatedDoFn)", "ExactCopies/Compare/Run/ParDo(_IsolatedDoFn)"} <= set(steps)


def test_a_job_that_makes_groups_is_fit_for_a_cluster(bucket: dict[str, bytes]) -> None:
    job = groups.prepare(groups.GroupsOptions(gallery="mem://b/g", output="mem://b/g.jsonl"))
    entries = {"a": SimpleNamespace(video=SimpleNamespace(keyframes=1))}
    job = dataclasses.replace(job, entries=entries)  # type: ignore[arg-type]
    build = functools.partial(groups.build, videos=[VideoSource("a", "mem://b/v/a.mp4")], job=job, part=job.part(0))
    wrong, steps = preflight.examine(preflight.ClusterJob(build, job.gallery), ON_DATAFLOW[1:])
    assert (wrong, [step for step in steps if step.wrong]) == ([], [])
    names = {step.name for step in steps}
    assert {f"FindTogether/{part}/Run/ParDo(_IsolatedDoFn)" for part in ("Meet", "Find")} <= names


def test_what_workers_do_not_have_is_told(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "a.mp4").touch()
    root, video = tmp_path / "gallery", tmp_path / "a.mp4"
    line = ["index", str(video), "--gallery", str(root)]
    assert cli.main(["preflight", *line, "--", "--runner=DataflowRunner"]) == 2
    assert capsys.readouterr().err == (
        f"cliptrace: error: {root}: the embedded Milvus serves one process, and --runner=DataflowRunner starts others: "
        "name a server with --milvus URI when the gallery is made\n"
    )
    assert cli.main(["preflight", *line]) == 1
    printed = capsys.readouterr().out
    bad = {name: why for name, why in steps_of(printed).items() if why != "OK"}
    place = f"names {root}, a place on this machine, which workers do not have"
    assert bad == dict.fromkeys(["StoreFeatures/Commit/ParDo(_Commit)", "RecordFailures/Record"], place)
    assert printed.split("\n\n")[1].splitlines() == [
        f"WRONG: the gallery {root} is a folder of this machine: workers need one on an object store",
        "WRONG: the embedded Milvus is a file that one process holds: workers need a server (--milvus http://HOST:PORT)",
        f"WRONG: 1 of 1 videos are files of this machine, as {video}",
        f"{len(steps_of(printed))} steps, 2 of them wrong; 3 more things are wrong",
    ]
    assert not root.exists()


def test_a_missing_image_is_told(bucket: dict[str, bytes], capsys: pytest.CaptureFixture[str]) -> None:
    line = ["index", "mem://b/v", "--gallery", "mem://b/g", "--", "--runner=DataflowRunner"]
    assert cli.main(["preflight", *line]) == 1
    assert (
        "WRONG: workers would have neither ffmpeg nor cliptrace: name the image with --sdk_container_image\n"
        in capsys.readouterr().out
    )


def test_an_output_on_this_machine_is_told(bucket: dict[str, bytes], capsys: pytest.CaptureFixture[str]) -> None:
    line = ["match", "mem://b/v", "--gallery", "mem://b/g", "--output", "/here/m.jsonl", "--maps", "/here/maps"]
    assert cli.main(["preflight", *line]) == 1
    printed = capsys.readouterr().out
    assert "WRONG: --output /here/m.jsonl is on this machine: workers need a place on an object store\n" in printed
    assert "WRONG: --maps /here/maps is on this machine: workers need a place on an object store\n" in printed
    assert (
        "names /here/maps, a place on this machine"
        in steps_of(printed)["AlignCandidates/Align/Run/ParDo(_IsolatedDoFn)"]
    )


def test_networks_of_ones_own_are_told(
    bucket: dict[str, bytes], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A clip network and a locator, which learned from its features; stored queries need the latter alone."""
    network, locator = write_clip_network(tmp_path / "network"), tmp_path / "locator"
    made_by = moments_config(str(network))
    shutil.copytree(WEIGHTS / "anchor_free", locator)
    config = json.loads((locator / "config.json").read_text()) | {"clips_sha256": made_by.sha256}
    (locator / "config.json").write_text(json.dumps(config))
    new = ["--gallery", "mem://b/m", "--milvus", MILVUS, "--moments", str(network)]
    wanted = "is on this machine: workers need it in their image, at the same path\n"
    assert cli.main(["preflight", "index", "mem://b/v", *new]) == 1
    assert f"WRONG: --moments {network} {wanted}" in capsys.readouterr().out
    made = IndexOptions(sources=(), gallery="mem://b/m", milvus=MILVUS, moments=str(network))
    Gallery.create("mem://b/m", new_manifest(made))
    asked = ["--gallery", "mem://b/m", "--mode", "moment", "--output", "mem://b/m.jsonl", "--locator"]
    assert cli.main(["preflight", "match", "mem://b/v", *asked, f"anchor_free:{locator}"]) == 1
    told = capsys.readouterr().out
    assert f"WRONG: --locator {locator} {wanted}" in told
    assert f"WRONG: --moments {network} {wanted}" in told
    assert cli.main(["preflight", "match", "--from-gallery", "mem://b/m", *asked, f"anchor_free:{locator}"]) == 1
    told = capsys.readouterr().out
    assert f"WRONG: --locator {locator} {wanted}" in told
    assert f"WRONG: --moments {network} {wanted}" not in told


@pytest.mark.parametrize("once", [[], ["--once"]])
def test_a_dedup_job_is_fit_for_a_cluster(
    bucket: dict[str, bytes], once: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    before = dict(bucket)
    line = ["dedup", "--watch", "mem://b/v", "--gallery", "mem://b/g", "--output", "mem://b/out", *once, *ON_DATAFLOW]
    code = cli.main(["preflight", *line])
    printed = capsys.readouterr().out
    assert (code, set(steps_of(printed).values())) == (0, {"OK"}), printed
    assert {"Settle/Verdicts", "JudgeUploads/Judge/Run/ParDo(_IsolatedDoFn)"} <= set(steps_of(printed))
    assert ("Uploads/Look" in steps_of(printed)) == (not once)
    assert bucket == before


COMMANDS = [
    ["index", "mem://b/v"],
    ["match", "mem://b/v", "--output", "mem://b/m.jsonl"],
    ["dedup", "--watch", "mem://b/v", "--output", "mem://b/out"],
]


@pytest.mark.parametrize("arguments", COMMANDS, ids=lambda arguments: arguments[0])
def test_dataflows_own_runner_takes_the_jobs(bucket: dict[str, bytes], arguments: list[str]) -> None:
    """Up to the request that would start them, with all that the runner changes in the graph."""
    pytest.importorskip("google.cloud.dataflow_v1beta3", reason="needs cliptrace[gcp]")
    from apache_beam.runners.dataflow.dataflow_runner import DataflowRunner

    places = [
        "--project=project",
        "--region=europe-west4",
        "--temp_location=gs://bucket/t",
        "--staging_location=gs://bucket/s",
    ]
    gpu = ["--experiments=no_use_multiple_sdk_containers", "--number_of_worker_harness_threads=1"]
    gpu += ["--dataflow_service_options=worker_accelerator=type:nvidia-tesla-t4;count:1;install-nvidia-driver"]
    worker = ["--sdk_container_image=registry.example/cliptrace:1", "--sdk_location=container"]
    account = ["--service_account_email=cliptrace@project.example", "--no_auth", "--dry_run=True"]
    options = cli.make_parser().parse_args(["preflight", *arguments, "--gallery", "mem://b/g"])
    job = job_of(argparse.Namespace(**vars(options), beam_args=[]))
    streaming = ["--streaming"] * job.streaming
    pipeline = beam.Pipeline(DataflowRunner(), PipelineOptions([*places, *gpu, *worker, *account, *streaming]))
    job.build(pipeline)
    found = stages(pipeline.run().job.proto_pipeline)
    assert len(found) > 30
    assert [stage for stage in found if stage.wrong] == []


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["match", "v", "--gallery", "/no", "--output", "m.jsonl"], "/no: no gallery here (no gallery.json); make"),
        (["index", "/no", "--gallery", "mem://b/g"], "/no: no such file or folder"),
        (["index", "v", "--gallery", "g", "--", "--token=x"], "--token: no secret may be an option; "),
    ],
)
def test_wrong_usage(arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["preflight", *arguments]) == 2
    assert capsys.readouterr().err.startswith(f"cliptrace: error: {why}")


# Graphs that are not cliptrace's


def elsewhere(number: int) -> int:
    """Of a module that only tests can import."""
    return number


def of_main(source: str) -> Callable[..., Any]:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(source, names)
    function: Callable[..., Any] = names["f"]
    return function


def graph_of(function: Callable[..., Any]) -> Any:
    pipeline = beam.Pipeline(FnApiRunner())
    pipeline | "Numbers" >> beam.Create([1]) | "Step" >> beam.Map(function)
    return pipeline.to_runner_api()


def step(graph: Any) -> Stage:
    (found,) = (stage for stage in stages(graph) if stage.name == "Step")
    return found


def test_code_of_an_importable_module_is_fit() -> None:
    assert step(graph_of(functools.partial(max, 1))) == Stage(
        "Step", "beam:transform:pardo:v1", "FastPrimitivesCoder", ()
    )


@pytest.mark.parametrize("source", ["f = lambda x: x", "def f(x): return x", "def g(x): return x\nf = lambda x: g(x)"])
def test_code_of_main_is_told(source: str) -> None:
    assert step(graph_of(of_main(source))).wrong == (MAIN,)


def test_code_of_a_module_that_workers_lack_is_told() -> None:
    (why,) = step(graph_of(elsewhere)).wrong
    assert why == "cannot be loaded: ModuleNotFoundError: No module named 'tests'"


def test_a_place_on_this_machine_is_told() -> None:
    path = "/home/me/model.onnx"
    assert step(graph_of(functools.partial(max, path))).wrong == (
        f"names {path}, a place on this machine, which workers do not have",
    )
    assert step(graph_of(functools.partial(max, "gs://b/model.onnx", "a/b", "/"))).wrong == ()


def test_a_collection_without_a_coder_is_told() -> None:
    graph = graph_of(functools.partial(max, 1))
    (made,) = (each for each in graph.components.transforms.values() if each.unique_name == "Step")
    graph.components.pcollections[made.outputs["None"]].coder_id = "gone"
    assert step(graph).wrong == ("its output has no coder that can be loaded: KeyError: 'gone'",)


def test_steps_of_one_name_are_told() -> None:
    graph = graph_of(functools.partial(max, 1))
    for each in graph.components.transforms.values():
        if each.unique_name == "Numbers/Impulse":
            each.unique_name = "Step"
    assert [stage.wrong for stage in stages(graph) if stage.name == "Step"] == [("2 steps have this name",)] * 2


def test_a_step_that_no_runner_knows_is_told() -> None:
    graph = graph_of(functools.partial(max, 1))
    for each in graph.components.transforms.values():
        if each.unique_name == "Step":
            each.spec.urn = "beam:transform:of_mine:v1"
    assert step(graph).wrong == ("beam:transform:of_mine:v1 is nothing that a runner knows",)


def twice(pipeline: beam.Pipeline) -> None:
    numbers = pipeline | "Numbers" >> beam.Create([1])
    numbers | "Step" >> beam.Map(max, 1)
    numbers | "Step" >> beam.Map(min, 1)


def with_a_generator(pipeline: beam.Pipeline) -> None:
    numbers = (number for number in (1, 2))
    pipeline | "Numbers" >> beam.Create([1]) | "Step" >> beam.Map(lambda _: next(numbers))


@pytest.mark.parametrize(
    ("build", "why"),
    [
        (twice, 'the job cannot be built: A transform with label "Step" already exists'),
        (with_a_generator, "cannot pickle 'generator' object"),
    ],
)
def test_what_cannot_be_built_is_told(build: Callable[[beam.Pipeline], None], why: str) -> None:
    gallery = Gallery("mem://b/g", new_manifest(IndexOptions(sources=(), gallery="mem://b/g", milvus=MILVUS)))
    (wrong,), found = preflight.examine(preflight.ClusterJob(build, gallery), [])
    assert wrong.startswith("the job cannot be built: ")
    assert why in wrong
    assert found == []


def test_what_looks_packed_and_is_not_says_nothing() -> None:
    assert list(strings(b"QlpoOTFBWSZT" + b"A" * 50 + b" eJwr" + b"B" * 40 + b"\xff")) == []


# The image


PINS = {"apache-beam": "2.77.0", "numpy": "2.4.6"}
ASKED = [Requirement("apache-beam>=2.77,<2.78"), Requirement("numpy>=2.1,<3")]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({}, []),
        ({"asked": [*ASKED, Requirement("rich>=13")]}, ["cliptrace wants rich, which is not in the image"]),
        (
            {"pinned": {**PINS, "numpy": "1.26.0"}},
            ["the image has numpy 1.26.0, but cliptrace wants <3,>=2.1"],
        ),
        ({"beam": "2.76.0"}, ["Beam is 2.76.0 here and 2.77.0 in the image: code travels as pickles between them"]),
        ({"python": "3.12"}, ["Python is 3.12 here and 3.11 in the image: code travels as pickles between them"]),
    ],
)
def test_where_the_image_and_this_machine_disagree(changes: dict[str, Any], why: list[str]) -> None:
    agreeing = {"pinned": PINS, "asked": ASKED, "beam": "2.77.0", "python": "3.11"}
    assert list(image.disagreements(**{**agreeing, **changes})) == why


def test_the_image_is_that_of_the_dockerfile() -> None:
    dockerfile = (Path(__file__).parents[3] / "deploy" / "docker" / "Dockerfile").read_text()
    assert set(re.findall(r"^FROM python:(\d+\.\d+)", dockerfile, flags=re.MULTILINE)) == {image.IMAGE_PYTHON}
    assert f"[{','.join(image.EXTRAS)}]" in dockerfile
    assert {"apache-beam", "numpy"} <= {requirement.name for requirement in image.requirements()}
