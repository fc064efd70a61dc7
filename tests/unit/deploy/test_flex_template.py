"""The flex template: what metadata.json describes the program takes, and parameters become a command line."""

from __future__ import annotations

import argparse
import json
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from apache_beam.options.pipeline_options import PipelineOptions

from cliptrace.deploy.dataflow.main import COMMANDS, command_line, main, options_of
from cliptrace.pipelines.cli import make_parser
from cliptrace.pipelines.cli.parsers import add_command
from cliptrace.schemas.errors import UsageError

FOLDER = Path(__file__).parents[3] / "deploy" / "dataflow"
PARAMETERS: dict[str, dict[str, Any]] = {
    each["name"]: each for each in json.loads((FOLDER / "metadata.json").read_text())["parameters"]
}
NOT_FOR_A_TEMPLATE = {
    "config": "a file of the launcher's",
    "dry_run": "prints on the launcher, and starts no job",
    "resume": "goes on with what a launcher has kept; a job goes on by itself",
    "verbose": "lists on the launcher",
    "report": "is written when the job begins, and would say nothing of it",
}
TYPES = {"TEXT", "BOOLEAN", "ENUM", "NUMBER", "PUBSUB_SUBSCRIPTION"}

TAKEN = {name: options for name, options in options_of(make_parser()).items() if name in COMMANDS}


def commands_of(parameter: Mapping[str, Any]) -> set[str]:
    return set(parameter.get("parentTriggerValues", COMMANDS))


def test_there_are_index_and_match() -> None:
    assert set(TAKEN) >= {"index", "match"}  # and dedup, where this version has it


@pytest.mark.parametrize("command", sorted(TAKEN))
def test_every_option_is_described(command: str) -> None:
    described = {name for name, parameter in PARAMETERS.items() if command in commands_of(parameter)}
    assert set(TAKEN[command]) - set(NOT_FOR_A_TEMPLATE) <= described


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_every_parameter_is_an_option(name: str) -> None:
    parameter = PARAMETERS[name]
    assert name not in NOT_FOR_A_TEMPLATE
    if name == "command" or beams(name):
        assert commands_of(parameter) == set(COMMANDS)
        return
    for command in commands_of(parameter) & set(TAKEN):
        action = TAKEN[command][name]
        assert (parameter["paramType"] == "BOOLEAN") == (action.nargs == 0)
        if action.choices:
            assert [each["value"] for each in parameter["enumOptions"]] == list(action.choices)


def beams(name: str) -> bool:
    """Whether Beam has an option of this name."""
    parser = argparse.ArgumentParser(allow_abbrev=False)
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)
    return f"--{name}" in parser._option_string_actions


@pytest.mark.parametrize("name", sorted(PARAMETERS))
def test_every_parameter_is_described_as_the_service_wants_it(name: str) -> None:
    parameter = PARAMETERS[name]
    assert re.fullmatch(r"[a-z][a-z_]*", name)
    assert parameter["paramType"] in TYPES
    assert parameter["label"]
    assert parameter["helpText"].endswith((".", "driver"))
    assert ("enumOptions" in parameter) == (parameter["paramType"] == "ENUM")
    assert ("parentTriggerValues" in parameter) == (parameter.get("parentName") == "command")
    for regex in parameter.get("regexes", []):
        re.compile(regex)


def test_what_the_program_insists_on_is_no_more_than_is_asked_for() -> None:
    required = {name for name, parameter in PARAMETERS.items() if not parameter["isOptional"]}
    assert required == {"command", "gallery", "sdk_container_image"}
    assert [each["value"] for each in PARAMETERS["command"]["enumOptions"]] == list(COMMANDS)


BEAM = ["--runner=DataflowRunner", "--template_location=gs://b/t/job_object", "--region=europe-west4"]


def test_parameters_become_a_command_line() -> None:
    line = command_line(
        [
            "--command=index",
            "--sources=gs://b/videos",
            "--gallery=gs://b/g",
            "--retry_failed=true",
            "--limit=10",
            "--since=",
            *BEAM,
            "--dataflow_service_options=worker_accelerator=type:nvidia-tesla-t4;count:1;install-nvidia-driver",
            "--streaming",
            "--experiments=use_runner_v2",
            "--experiments=no_use_multiple_sdk_containers",
        ]
    )
    assert line == [
        "index",
        "--gallery=gs://b/g",
        "--retry-failed",
        "--limit=10",
        "gs://b/videos",
        "--",
        *BEAM,
        "--dataflow_service_options=worker_accelerator=type:nvidia-tesla-t4;count:1;install-nvidia-driver",
        "--streaming",
        "--experiments=use_runner_v2",
        "--experiments=no_use_multiple_sdk_containers",
    ]
    options = make_parser().parse_args(line[: line.index("--")])
    assert (options.command, options.sources, options.retry_failed, options.limit) == (
        "index",
        ["gs://b/videos"],
        True,
        10,
    )


def test_every_parameter_reaches_the_program(monkeypatch: pytest.MonkeyPatch) -> None:
    values = {
        "aligner": "tn",
        "keyframes": "uniform:2",
        "since": "7d",
        "min_score": "0.5",
        "views": "turns,halves",
        "stored_views": "halves",
        "descriptor": "parts",
        "moments": "lite0_motion",
        "locator": "frames",
        "unmatched": "gs://b/u.jsonl",
        "output": "gs://b/m.jsonl",
    }
    either = ("watch", "notifications")
    for command, left_out in [
        *((command, "") for command in TAKEN if command != "dedup"),
        *(("dedup", e) for e in either),
    ]:
        given = []
        for name, action in TAKEN[command].items():
            if name not in NOT_FOR_A_TEMPLATE and name != left_out:
                number = PARAMETERS[name]["paramType"] == "NUMBER"
                choice = next(iter(action.choices or ()), "1" if number else "gs://b/x")
                given.append(f"--{name}={values.get(name, 'true' if action.nargs == 0 else choice)}")
        line = command_line([f"--command={command}", *given])
        taken = vars(make_parser().parse_args(line[: line.index("--")]))
        assert all(taken[each.split("=")[0][2:]] not in (None, False, "") for each in given)


def test_a_switch_that_is_off_is_left_out() -> None:
    assert command_line(["--command=index", "--retry_failed=False"]) == ["index", "--"]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "command=: must be one of index, match"),
        (["--command=doctor"], "command=doctor: must be one of index, match"),
        (["--command=match", "--limit=7"], "limit: no parameter of match, but of index"),
        (["--command=index", "--retry_failed=maybe"], "retry_failed=maybe: must be true or false"),
    ],
)
def test_what_makes_no_sense_is_told(arguments: list[str], why: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(UsageError) as caught:
        command_line(arguments)
    assert str(caught.value).startswith(why)
    assert main(arguments) == 2
    assert capsys.readouterr().err.startswith(f"cliptrace: error: {why}")


def test_a_new_command_joins_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """dedup, wherever the parser has it."""

    def with_dedup() -> argparse.ArgumentParser:
        parser = make_parser()
        (commands,) = (action for action in parser._actions if isinstance(action, argparse._SubParsersAction))
        if "dedup" not in commands.choices:
            add_command(commands, "dedup", "decide").add_argument("--watch")
        return parser

    monkeypatch.setattr("cliptrace.pipelines.cli.make_parser", with_dedup)
    assert command_line(["--command=dedup", "--watch=gs://b/*.mp4"]) == ["dedup", "--watch=gs://b/*.mp4", "--"]


def test_the_launcher_runs_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--command=match", "--queries=gs://b/q", "--gallery=/no/gallery", "--output=gs://b/m.jsonl"]) == 2
    assert capsys.readouterr().err == (
        "cliptrace: error: /no/gallery: no gallery here (no gallery.json); make one with cliptrace index\n"
    )
