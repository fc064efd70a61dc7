"""The unit files and the CronJob: what they run is what the program takes, and secrets come from where they should."""

from __future__ import annotations

import configparser
import shlex
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from cliptrace.pipelines.cli import make_parser

DEPLOY = Path(__file__).parents[3] / "deploy"


@pytest.fixture
def job() -> dict[str, Any]:
    cronjob: dict[str, Any] = yaml.safe_load((DEPLOY / "kubernetes" / "cronjob.yaml").read_text())
    assert (cronjob["apiVersion"], cronjob["kind"]) == ("batch/v1", "CronJob")
    assert cronjob["spec"]["concurrencyPolicy"] == "Forbid"
    spec: dict[str, Any] = cronjob["spec"]["jobTemplate"]["spec"]
    return spec


def test_the_cronjob_runs_what_the_program_takes(job: dict[str, Any]) -> None:
    (container,) = job["template"]["spec"]["containers"]
    options = make_parser().parse_args(container["args"])
    assert (options.command, options.gallery) == ("index", "s3://bucket/gallery")
    assert options.report == "s3://bucket/reports/index.json"


def test_the_cronjob_does_not_repeat_what_would_end_the_same(job: dict[str, Any]) -> None:
    assert job["template"]["spec"]["restartPolicy"] == "Never"  # which a podFailurePolicy needs
    (rule,) = job["podFailurePolicy"]["rules"]
    assert rule == {
        "action": "FailJob",
        "onExitCodes": {"containerName": "cliptrace", "operator": "In", "values": [2, 3]},
    }


def test_the_cronjob_takes_secrets_from_secrets_and_gives_few_rights(job: dict[str, Any]) -> None:
    pod = job["template"]["spec"]
    (container,) = pod["containers"]
    variables = {each["name"]: each for each in container["env"]}
    assert "secretKeyRef" in variables["CLIPTRACE_MILVUS_TOKEN"]["valueFrom"]
    assert not [word for word in container["args"] if "token" in word.lower() or "key" in word.lower()]
    assert pod["automountServiceAccountToken"] is False
    assert pod["securityContext"]["runAsNonRoot"] is True
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }


def unit(name: str) -> configparser.ConfigParser:
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment, method-assign]
    parser.read(DEPLOY / "systemd" / name)
    return parser


def test_the_service_runs_what_the_program_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    service = unit("cliptrace-index.service")["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    assert program == "/opt/cliptrace/.venv/bin/cliptrace"
    options = make_parser().parse_args([*arguments, "--gallery", "of the environment"])
    assert options.report.startswith("/var/lib/cliptrace/")
    assert service["SuccessExitStatus"] == "3"
    assert service["NoNewPrivileges"] == "yes"
    assert unit("cliptrace-index.timer")["Timer"]["OnCalendar"] == "hourly"


@pytest.mark.skipif(not shutil.which("systemd-analyze"), reason="systemd-analyze is not installed")
def test_systemd_takes_the_units(tmp_path: Path) -> None:
    """With a program that exists here: that of the unit lies in /opt."""
    for source in (DEPLOY / "systemd").glob("cliptrace-index.*"):
        text = source.read_text().replace("/opt/cliptrace/.venv/bin/cliptrace", "/bin/true")
        text = text.replace("User=cliptrace", "User=root").replace("Group=cliptrace", "Group=root")
        (tmp_path / source.name).write_text(text)
    units = sorted(str(path) for path in tmp_path.iterdir())
    assert len(units) == 2
    done = subprocess.run(
        ["systemd-analyze", "verify", *units], capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, [line for line in done.stderr.splitlines() if "cliptrace" in line]) == (0, [])


def test_systemd_would_see_a_mistake(tmp_path: Path) -> None:
    """So that the test above can fail."""
    if not shutil.which("systemd-analyze"):
        pytest.skip("systemd-analyze is not installed")
    (tmp_path / "cliptrace-index.service").write_text("[Service]\nExecStart=/no/such/program\nProtectSystem=maybe\n")
    command = ["systemd-analyze", "verify", str(tmp_path / "cliptrace-index.service")]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert "cliptrace-index.service" in done.stderr
