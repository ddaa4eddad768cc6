"""deploy/kubernetes against the schemas of Kubernetes, and against the server. No cluster runs here."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import kubernetes_validate
import pytest
import yaml

from turn_detection import __version__
from turn_detection.serve.app import create_app
from turn_detection.serve.metrics import Meter
from turn_detection.serve.settings import ENVIRONMENT_PREFIX, load_settings

FOLDER = Path(__file__).parents[2] / "deploy" / "kubernetes"
FILES = sorted(FOLDER.rglob("*.yaml"))
#: Not of Kubernetes itself: values for a Helm chart, and a kind of the Prometheus operator.
FOREIGN = {"prometheus-adapter-values.yaml", "pod-monitor.yaml"}
#: The oldest that knows every field used here, and the newest with a schema.
VERSIONS = ("1.30.0", "1.37.0")


def read(name: str) -> Any:
    return yaml.safe_load((FOLDER / name).read_text(encoding="utf-8"))


@pytest.fixture(scope="module")
def pod() -> dict[str, Any]:
    spec: dict[str, Any] = read("deployment.yaml")["spec"]["template"]["spec"]
    return spec


@pytest.fixture(scope="module")
def server(pod: dict[str, Any]) -> dict[str, Any]:
    (container,) = pod["containers"]
    return dict(container)


@pytest.fixture(scope="module")
def routes() -> set[str]:
    """What the server answers to."""
    return set(create_app(load_settings([], {})).openapi()["paths"])


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("path", [path for path in FILES if path.name not in FOREIGN], ids=lambda path: path.name)
def test_a_manifest_follows_the_schema(path: Path, version: str) -> None:
    kubernetes_validate.validate(yaml.safe_load(path.read_text(encoding="utf-8")), version, strict=True)


def test_the_schema_notices_a_misspelt_field() -> None:
    document = read("deployment.yaml")
    document["spec"]["template"]["spec"]["terminationGraceSeconds"] = 30
    with pytest.raises(kubernetes_validate.ValidationError):
        kubernetes_validate.validate(document, VERSIONS[-1], strict=True)


def test_one_folder_can_be_applied_as_a_whole() -> None:
    assert not FOREIGN & {path.name for path in FOLDER.glob("*.yaml")}, "a cluster without operators must take it"
    names = [
        (document["kind"], document["metadata"]["name"])
        for document in map(read, (path.name for path in FOLDER.glob("*.yaml")))
    ]
    assert len(names) == len(set(names)) == 4


def test_probes_ports_and_settings_are_the_servers(server: dict[str, Any], routes: set[str]) -> None:
    (port,) = server["ports"]
    assert port["containerPort"] == load_settings([], {}).port
    paths = {name: server[f"{name}Probe"]["httpGet"]["path"] for name in ("startup", "liveness", "readiness")}
    assert paths == {"startup": "/healthz", "liveness": "/healthz", "readiness": "/readyz"}
    assert set(paths.values()) <= routes
    values = {entry["name"]: entry.get("value", "a token") for entry in server["env"]}
    assert all(name.startswith(ENVIRONMENT_PREFIX) for name in values)
    config = load_settings([], values)
    assert (config.token, config.parallel_calls) == ("a token", 1)
    (exposed,) = read("service.yaml")["spec"]["ports"]
    assert exposed["targetPort"] == port["name"]


def test_a_pod_that_goes_gets_the_time_it_takes(pod: dict[str, Any], server: dict[str, Any]) -> None:
    pause_s = server["lifecycle"]["preStop"]["sleep"]["seconds"]
    assert pod["terminationGracePeriodSeconds"] > pause_s + load_settings([], {}).shutdown_grace_s
    readiness = server["readinessProbe"]
    assert pause_s >= 5, f"endpoints need a moment; readiness asks every {readiness['periodSeconds']} s"


def test_service_links_cannot_become_settings(pod: dict[str, Any]) -> None:
    assert pod["enableServiceLinks"] is False
    for path in FILES:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
        if document.get("kind") == "Service":
            link = document["metadata"]["name"].upper().replace("-", "_") + "_PORT"
            assert not link.startswith(ENVIRONMENT_PREFIX)


@pytest.mark.parametrize("name", ["deployment.yaml", "optional/triton-deployment.yaml"])
def test_pods_are_confined_and_limited(name: str) -> None:
    spec = read(name)["spec"]["template"]["spec"]
    assert spec["securityContext"]["runAsNonRoot"] is True
    assert spec["automountServiceAccountToken"] is False
    for container in spec["containers"] + spec.get("initContainers", []):
        assert container["securityContext"]["readOnlyRootFilesystem"] is True
        assert container["securityContext"]["capabilities"] == {"drop": ["ALL"]}
        assert set(container["resources"]) == {"requests", "limits"}
        assert {"cpu", "memory"} <= set(container["resources"]["limits"])
        assert not container["image"].endswith(":latest")
        if container["image"].startswith("turn-detection:"):
            assert container["image"] == f"turn-detection:{__version__}"


def test_everything_selects_the_deployments_pods() -> None:
    labels = read("deployment.yaml")["spec"]["template"]["metadata"]["labels"]
    assert read("deployment.yaml")["spec"]["selector"]["matchLabels"] == labels
    assert read("service.yaml")["spec"]["selector"] == labels
    assert read("pdb.yaml")["spec"]["selector"]["matchLabels"] == labels
    assert read("optional/pod-monitor.yaml")["spec"]["selector"]["matchLabels"] == labels
    assert read("optional/network-policy.yaml")["spec"]["podSelector"]["matchLabels"] == labels
    triton = read("optional/triton-deployment.yaml")["spec"]["template"]["metadata"]["labels"]
    assert read("optional/triton-service.yaml")["spec"]["selector"] == triton
    assert read("optional/network-policy.yaml")["spec"]["egress"][0]["to"][0]["podSelector"]["matchLabels"] == triton


def test_both_autoscalers_are_one_and_change_nothing_but_the_metric() -> None:
    plain, other = read("hpa.yaml"), read("optional/hpa-latency.yaml")
    assert plain["spec"].pop("metrics") != other["spec"].pop("metrics")
    assert plain == other
    assert plain["spec"]["scaleTargetRef"]["name"] == read("deployment.yaml")["metadata"]["name"]
    assert plain["spec"]["minReplicas"] > read("pdb.yaml")["spec"]["maxUnavailable"]
    assert "replicas" not in read("deployment.yaml")["spec"]


def test_the_metrics_to_scale_on_exist(routes: set[str]) -> None:
    rules = read("optional/prometheus-adapter-values.yaml")["rules"]["custom"]
    made = {rule["name"]["as"] for rule in rules}
    asked = {metric["pods"]["metric"]["name"] for metric in read("optional/hpa-latency.yaml")["spec"]["metrics"]}
    assert asked == made
    meter = Meter()
    meter.request_seconds.labels("/infer", "200").observe(0.01)
    exposed = meter.exposition().decode()
    for rule in rules:
        series = rule["seriesQuery"].partition("{")[0]
        assert f"\n{series}{{" in exposed or f"\n{series} " in exposed
        for chosen in re.findall(r'route=~"([^"]+)"', rule["metricsQuery"]):
            assert set(chosen.split("|")) <= routes


def test_prometheus_reads_the_port_of_the_server(server: dict[str, Any], routes: set[str]) -> None:
    (endpoint,) = read("optional/pod-monitor.yaml")["spec"]["podMetricsEndpoints"]
    assert endpoint["port"] == server["ports"][0]["name"]
    assert endpoint["path"] in routes
