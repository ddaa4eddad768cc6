"""Dockerfile and docker-compose.yml against their schemas, and against the package that they start. No engine runs here."""

from __future__ import annotations

import json
import re
from importlib.resources import files
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from turn_detection import __version__
from turn_detection.serve.settings import ENVIRONMENT_PREFIX, ServeConfig, load_settings

from .dockerfile import Stage, read_stages

ROOT = Path(__file__).parents[2]
VARIABLE = re.compile(r"\$\{(\w+)(:[-+])?([^}]*)\}")


@pytest.fixture(scope="module")
def stages() -> dict[str, Stage]:
    return {stage.name: stage for stage in read_stages(ROOT / "Dockerfile")}


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    document: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8"))
    return document


def interpolated(text: str, environment: dict[str, str]) -> str:
    """``${NAME:-default}`` and ``${NAME:+instead}`` as compose reads them."""

    def value(match: re.Match[str]) -> str:
        name, operator, word = match.groups()
        given = environment.get(name, "")
        return (word if given else "") if operator == ":+" else given or word

    return VARIABLE.sub(value, text)


def settings(service: dict[str, Any], stage: Stage, environment: dict[str, str]) -> ServeConfig:
    """What a server in this service's container would be set to."""
    given = {name: interpolated(str(value), environment) for name, value in service.get("environment", {}).items()}
    return load_settings([], stage.environment() | given)


def published(service: dict[str, Any]) -> tuple[str, str, int]:
    """Address, port outside, port inside."""
    (mapping,) = service["ports"]
    address, outside, inside = interpolated(mapping, {}).split(":")
    return address, outside, int(inside)


def active(compose: dict[str, Any], *profiles: str) -> set[str]:
    return {
        name
        for name, service in compose["services"].items()
        if "profiles" not in service or set(service["profiles"]) & set(profiles)
    }


def test_the_compose_file_follows_the_specification(compose: dict[str, Any]) -> None:
    schema = json.loads(files("check_jsonschema.builtin_schemas.vendor").joinpath("compose-spec.json").read_text())
    jsonschema.validate(compose, schema)
    broken = {**compose, "services": {"server": {"image": "x", "heathcheck": {}}}}
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(broken, schema)


def test_each_profile_starts_what_the_file_says(compose: dict[str, Any]) -> None:
    assert active(compose) == {"server"}
    assert active(compose, "triton") == {"server", "server-triton", "triton"}
    assert active(compose, "triton-cpu") == {"server", "server-triton", "triton-cpu", "triton-cpu-model"}
    assert active(compose, "mlflow") == {"server", "mlflow"}


def test_the_servers_settings_are_ones_that_it_has(compose: dict[str, Any], stages: dict[str, Stage]) -> None:
    services = compose["services"]
    embedded = settings(services["server"], stages["serve"], {})
    assert embedded == load_settings([], {"TURN_DETECTION_SERVE_HOST": "0.0.0.0"}), "otherwise the shipped defaults"
    remote = settings(services["server-triton"], stages["serve"], {})
    assert (remote.backend, remote.triton_url, remote.bundle) == ("triton", "triton:8001", None)
    chosen = {
        "TURN_DETECTION_SERVE_TOKEN": "secret",
        "TURN_DETECTION_BUNDLE": "/srv/mine",
        "TURN_DETECTION_SERVE_WORKERS": "3",
    }
    for name in ("server", "server-triton"):
        config = settings(services[name], stages["serve"], chosen)
        assert (config.token, config.bundle, config.workers) == ("secret", "/bundle", 3)
        assert interpolated(services[name]["volumes"][0], chosen) == "/srv/mine:/bundle:ro"


def test_ports_agree_and_are_open_to_this_machine_only(compose: dict[str, Any], stages: dict[str, Stage]) -> None:
    port = load_settings([], {}).port
    assert stages["serve"].one("EXPOSE") == str(port)
    assert stages["serve"].environment()["TURN_DETECTION_SERVE_PORT"] == str(port)
    assert published(compose["services"]["server"]) == ("127.0.0.1", str(port), port)
    assert published(compose["services"]["server-triton"]) == ("127.0.0.1", "9091", port)
    assert published(compose["services"]["mlflow"]) == ("127.0.0.1", "8080", int(stages["mlflow"].one("EXPOSE")))
    assert not any("ports" in compose["services"][name] for name in ("triton", "triton-cpu")), "Triton knows no tokens"


def test_a_stopping_server_gets_the_time_it_takes(compose: dict[str, Any]) -> None:
    grace_s = load_settings([], {}).shutdown_grace_s
    for name in ("server", "server-triton"):
        assert int(compose["services"][name]["stop_grace_period"].removesuffix("s")) > grace_s


def test_every_service_is_confined_and_limited(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert service["cap_drop"] == ["ALL"], name
        assert service["security_opt"] == ["no-new-privileges:true"], name
        assert "mem_limit" in service, name
        assert not service.get("privileged"), name
        assert "latest" not in service["image"], name


def test_no_secret_is_written_down() -> None:
    for name in ("Dockerfile", "docker-compose.yml"):
        for line in (ROOT / name).read_text(encoding="utf-8").splitlines():
            if re.search(r"token|password|secret", line, re.IGNORECASE) and not line.lstrip().startswith("#"):
                assert "${" in line, line


def test_triton_containers_serve_where_the_exporter_writes(compose: dict[str, Any]) -> None:
    services = compose["services"]
    for name in ("triton", "triton-cpu"):
        assert "--model-repository=/models" in services[name]["command"]
        assert services[name]["networks"]["default"]["aliases"] == ["triton"]
        assert services[name]["volumes"][0].split(":")[1:] == ["/models", "ro"]
    assert services["triton-cpu-model"]["volumes"][-1] == services["triton-cpu"]["volumes"][0].removesuffix(":ro")
    assert (ROOT / "models" / "turn_detection" / "config.pbtxt").is_file()
    command = services["triton-cpu-model"]["command"]
    assert interpolated(command, {}).split() == ["turn-detection", "export_triton", "--output", "/models"]
    assert interpolated(command, {"TURN_DETECTION_BUNDLE": "x"}).split()[2] == "/bundle"
    assert services["triton"]["deploy"]["resources"]["reservations"]["devices"][0]["capabilities"] == ["gpu"]


def test_one_release_of_nvidia_everywhere(compose: dict[str, Any]) -> None:
    releases = {}
    for path in (
        "docker-compose.yml", "scripts/convert_to_tensorrt.sh", "docs/triton.md", "docs/tensorrt.md",
        "deploy/kubernetes/optional/triton-deployment.yaml",
    ):  # fmt: skip
        found = re.findall(r"nvcr\.io/nvidia/\w+:([\w.-]+)", (ROOT / path).read_text(encoding="utf-8"))
        assert found, path
        releases[path] = set(found)
    assert len(set.union(*releases.values())) == 1, releases


def test_the_image_starts_the_server_as_somebody_without_rights(stages: dict[str, Stage]) -> None:
    serve = stages["serve"]
    assert list(stages) == ["build", "mlflow", "serve"], "a build without a target makes the last stage"
    assert serve.exec_form("CMD") == ["python", "-m", "turn_detection.serve"]
    for name in ("serve", "mlflow"):
        user = stages[name].one("USER")
        assert user.split(":")[0] not in ("0", "root")
        (created,) = [rest for rest in stages[name].all("RUN") if "useradd" in rest]
        assert f"--uid {user.split(':')[0]} " in created
    variables = {name for name in serve.environment() if name.startswith(ENVIRONMENT_PREFIX)}
    assert variables == {"TURN_DETECTION_SERVE_HOST", "TURN_DETECTION_SERVE_PORT"}
    assert "/healthz" in " ".join(serve.exec_form("HEALTHCHECK"))


def test_versions_in_the_images_are_the_packages(stages: dict[str, Stage], compose: dict[str, Any]) -> None:
    assert f'image.version="{__version__}"' in stages["serve"].one("LABEL")
    for service in compose["services"].values():
        if "build" in service:
            assert service["image"].endswith(f":{__version__}")
            assert service["build"]["target"] in stages


def test_only_what_is_copied_is_sent_to_the_engine(stages: dict[str, Stage]) -> None:
    lines = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line[1:] for line in lines if line.startswith("!")}
    assert "*" in lines
    sources = {source for stage in stages.values() for entry in stage.copied() for source in entry[0]}
    assert allowed == sources
    assert all((ROOT / source).exists() for source in sources)
