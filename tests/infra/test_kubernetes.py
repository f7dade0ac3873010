"""The Kubernetes base agrees with the API's schemas, with the command line and with the settings."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from infra.settings import REPOSITORY, Settings
from streams.cli.help_pages import PANELS
from streams.pipeline.worker.worker_group import group_id

FOLDER = REPOSITORY / "infra/kubernetes"
BASE, EXAMPLE = FOLDER / "base", FOLDER / "example"
VERSION = "1.34"
NOT_OF_THE_API = ("kustomize.config.k8s.io", "keda.sh")
"""Groups whose schemas are not part of Kubernetes."""
COMMANDS = {command for panel in PANELS.values() for command in panel}


def documents(*paths: Path) -> Iterator[dict[str, Any]]:
    for path in paths:
        yield from yaml.safe_load_all(path.read_text())


OBJECTS = list(documents(*sorted(BASE.glob("*.yaml")), EXAMPLE / "namespace.yaml"))
NAMED = {(item["kind"], item.get("metadata", {}).get("name", "")): item for item in OBJECTS}
PODS = [item for item in OBJECTS if "template" in item.get("spec", {})]


def valid(item: dict[str, Any]) -> None:
    if not item["apiVersion"].startswith(NOT_OF_THE_API):
        kubernetes_validate.validate(item, VERSION, strict=True)


def settings_of(pod: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod["spec"]["template"]["spec"]["containers"]
    return dict(container)


@pytest.mark.parametrize("item", OBJECTS, ids=[f"{kind} {name}" for kind, name in NAMED])
def test_an_object_agrees_with_the_schema_of_the_api(item: dict[str, Any]) -> None:
    valid(item)


def test_a_misspelt_field_is_found() -> None:
    worker = NAMED["StatefulSet", "paper-worker"]
    wrong = {**worker, "spec": {**worker["spec"], "replica": 2}}
    with pytest.raises(kubernetes_validate.ValidationError, match="replica"):
        valid(wrong)


def test_the_base_names_all_its_files() -> None:
    listed = yaml.safe_load((BASE / "kustomization.yaml").read_text())["resources"]
    assert {*listed, "kustomization.yaml"} == {path.name for path in BASE.iterdir()}
    example = yaml.safe_load((EXAMPLE / "kustomization.yaml").read_text())
    assert all((EXAMPLE / name).exists() for name in example["resources"])
    assert [generated["name"] for generated in example["secretGenerator"]] == ["paper-secrets"]


@pytest.mark.parametrize("pod", PODS, ids=lambda item: item["metadata"]["name"])
def test_a_pod_runs_a_command_with_the_settings_and_no_rights(pod: dict[str, Any]) -> None:
    spec, container = pod["spec"]["template"]["spec"], settings_of(pod)
    assert container["args"][0] in COMMANDS
    assert container["envFrom"] == [
        {"configMapRef": {"name": "paper-settings"}},
        {"secretRef": {"name": "paper-secrets"}},
    ]
    assert spec["securityContext"]["runAsNonRoot"]
    assert spec["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
    assert not spec["automountServiceAccountToken"]
    assert container["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert container["resources"]["limits"]["memory"] == container["resources"]["requests"]["memory"]
    claims = {claim["metadata"]["name"] for claim in pod["spec"].get("volumeClaimTemplates", [])}
    volumes = claims | {volume["name"] for volume in spec["volumes"]}
    assert volumes == {mount["name"] for mount in container["volumeMounts"]}
    if pod["kind"] != "Job":
        assert {"startupProbe", "readinessProbe", "livenessProbe"} <= container.keys()
        assert pod["spec"]["selector"]["matchLabels"].items() <= pod["spec"]["template"]["metadata"]["labels"].items()


def test_settings_exist_and_the_metrics_are_where_they_say() -> None:
    example = yaml.safe_load((EXAMPLE / "kustomization.yaml").read_text())
    literals = [line.split("=", 1)[0] for line in example["configMapGenerator"][0]["literals"]]
    secrets = [line.split("=", 1)[0] for line in (EXAMPLE / "secrets.env").read_text().splitlines()]
    data = NAMED["ConfigMap", "paper-settings"]["data"]
    assert {name.lower() for name in [*data, *literals, *secrets]} <= set(Settings.model_fields)
    port = int(data["PROCESS_METRICS_ADDRESS"].rpartition(":")[2])
    for kind, name in (("StatefulSet", "paper-worker"), ("Deployment", "paper-sink")):
        assert settings_of(NAMED[kind, name])["ports"] == [{"name": "metrics", "containerPort": port}]
    exporter = settings_of(NAMED["Deployment", "paper-exporter"])
    assert exporter["ports"][0]["containerPort"] == Settings.model_fields["metrics_port"].default


def test_a_worker_keeps_its_name_and_one_at_a_time_is_moved() -> None:
    worker = NAMED["StatefulSet", "paper-worker"]
    (variable,) = settings_of(worker)["env"]
    assert variable == {"name": "WORKER_ID", "valueFrom": {"fieldRef": {"fieldPath": "metadata.name"}}}
    assert worker["spec"]["serviceName"] == NAMED["Service", "paper-worker"]["metadata"]["name"]
    budget = NAMED["PodDisruptionBudget", "paper-worker"]["spec"]
    assert budget == {"maxUnavailable": 1, "selector": worker["spec"]["selector"]}


def test_workers_are_added_while_orders_wait_up_to_the_partitions() -> None:
    scaled = NAMED["ScaledObject", "paper-worker"]["spec"]
    assert ("StatefulSet", scaled["scaleTargetRef"]["name"]) in NAMED
    assert scaled["minReplicaCount"] == NAMED["StatefulSet", "paper-worker"]["spec"]["replicas"]
    assert scaled["maxReplicaCount"] == Settings.model_fields["account_partitions"].default
    (trigger,) = scaled["triggers"]
    assert trigger["type"] == "kafka"
    defaults = Settings.model_construct(topic_prefix="")
    assert trigger["metadata"]["consumerGroup"] == group_id(defaults)
    assert trigger["metadata"]["topic"] == "orders"
    assert trigger["metadata"]["bootstrapServersFromEnv"].lower() in Settings.model_fields


@pytest.mark.skipif(shutil.which("kubectl") is None, reason="kubectl is not installed here")
def test_the_example_renders_to_valid_objects() -> None:
    done = subprocess.run(["kubectl", "kustomize", str(EXAMPLE)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    rendered = list(yaml.safe_load_all(done.stdout))
    assert len(rendered) == len(OBJECTS) - 1 + 1  # Without the kustomization, with the secret.
    for item in rendered:
        valid(item)
        assert item["kind"] == "Namespace" or item["metadata"]["namespace"] == "paper"
    images = {settings_of(item)["image"] for item in rendered if "template" in item.get("spec", {})}
    assert images == {"registry.example/paper-trading-streams:0.1.0"}
