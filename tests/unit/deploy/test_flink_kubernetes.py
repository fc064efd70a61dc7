"""The Flink cluster on Kubernetes: what its parts call each other, what they may use, and what they may do."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

FILE = Path(__file__).parents[3] / "deploy" / "flink" / "kubernetes.yaml"
Documents = dict[tuple[str, str], dict[str, Any]]


@pytest.fixture(scope="module")
def documents() -> Documents:
    found = [each for each in yaml.safe_load_all(FILE.read_text()) if each]
    return {(each["kind"], each["metadata"]["name"]): each for each in found}


@pytest.fixture(scope="module")
def pods(documents: Documents) -> dict[str, dict[str, Any]]:
    deployments = [each["spec"] for (kind, _), each in documents.items() if kind == "Deployment"]
    for spec in deployments:
        assert spec["selector"]["matchLabels"] == spec["template"]["metadata"]["labels"]
    return {spec["template"]["metadata"]["labels"]["role"]: spec["template"]["spec"] for spec in deployments}


def containers(pods: dict[str, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    return {each["name"]: each for pod in pods.values() for each in pod["containers"]}


def test_it_has_all_parts_and_they_find_each_other(documents: Documents, pods: dict[str, dict[str, Any]]) -> None:
    assert set(documents) == {
        ("ConfigMap", "cliptrace-flink"),
        ("Service", "cliptrace-flink"),
        ("Deployment", "cliptrace-flink-job-manager"),
        ("Deployment", "cliptrace-flink-task-manager"),
    }
    assert {name: [each["name"] for each in pod["containers"]] for name, pod in pods.items()} == {
        "job-manager": ["job-manager", "job-server"],
        "task-manager": ["task-manager", "workers"],
    }
    configuration = yaml.safe_load(documents["ConfigMap", "cliptrace-flink"]["data"]["config.yaml"])
    service = documents["Service", "cliptrace-flink"]
    assert configuration["jobmanager.rpc.address"] == service["metadata"]["name"]
    assert service["spec"]["selector"] == {"app": "cliptrace-flink", "role": "job-manager"}
    ports = {each["name"]: each["port"] for each in service["spec"]["ports"]}
    assert (ports["rpc"], ports["blob"], ports["rest"]) == tuple(
        configuration[key] for key in ("jobmanager.rpc.port", "blob.server.port", "rest.port")
    )
    server = containers(pods)["job-server"]["args"]
    assert {f"--job-port={ports['jobs']}", f"--artifact-port={ports['artifacts']}"} <= set(server)
    slots = configuration["taskmanager.numberOfTaskSlots"]
    replicas = documents["Deployment", "cliptrace-flink-task-manager"]["spec"]["replicas"]
    assert configuration["parallelism.default"] == slots * replicas


def test_jobs_come_back_from_checkpoints(documents: Documents) -> None:
    configuration = yaml.safe_load(documents["ConfigMap", "cliptrace-flink"]["data"]["config.yaml"])
    assert configuration["restart-strategy.type"] == "failure-rate"
    assert "execution.checkpointing.interval" not in configuration  # Beam has to know it, too: --checkpointing_interval
    assert configuration["state.checkpoints.dir"].startswith("s3://")


def test_workers_stand_beside_each_task_manager_with_a_gpu(pods: dict[str, dict[str, Any]]) -> None:
    workers = containers(pods)["workers"]
    assert workers["command"][:3] == ["python", "-m", "apache_beam.runners.worker.worker_pool_main"]
    assert workers["command"][3] == f"--service_port={workers['readinessProbe']['tcpSocket']['port']}"
    assert workers["resources"]["limits"]["nvidia.com/gpu"] == "1"
    variables = {each["name"]: each for each in workers["env"]}
    assert "secretKeyRef" in variables["CLIPTRACE_MILVUS_TOKEN"]["valueFrom"]


def test_every_container_is_bounded_probed_and_has_few_rights(pods: dict[str, dict[str, Any]]) -> None:
    for name, pod in pods.items():
        assert pod["automountServiceAccountToken"] is False, name
        assert pod["securityContext"]["runAsNonRoot"] is True, name
        volumes = {each["name"] for each in pod["volumes"]}
        for container in pod["containers"]:
            assert {"memory", "cpu"} <= set(container["resources"]["requests"]), container["name"]
            assert "memory" in container["resources"]["limits"], container["name"]
            assert {"readinessProbe", "livenessProbe"} <= set(container), container["name"]
            rights = container["securityContext"]
            assert rights["allowPrivilegeEscalation"] is False, container["name"]
            assert rights["capabilities"] == {"drop": ["ALL"]}, container["name"]
            assert {each["name"] for each in container["volumeMounts"]} <= volumes, container["name"]
            assert pod["securityContext"].get("runAsUser") or rights["runAsUser"], container["name"]
    for name in ("job-server", "workers"):  # Flink's own image writes its configuration when it starts
        assert containers(pods)[name]["securityContext"]["readOnlyRootFilesystem"] is True
