"""scripts/convert_to_tensorrt.sh up to the call of trtexec, whose place a program takes that remembers how it was called.

Whether TensorRT takes the graph and the shapes is tested in test_tensorrt.py with the library itself.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from turn_detection.bundle import open_bundle
from turn_detection.triton_repository import ShapeProfile, write_repository

ROOT = Path(__file__).parents[2]
SCRIPT = ROOT / "scripts" / "convert_to_tensorrt.sh"
#: Writes its arguments beside itself and, when asked to by its name, a plan.
PROGRAM = """#!/usr/bin/env bash
printf '%s\\n' "$@" >"$0.called"
for argument in "$@"; do
  case $argument in
  --saveEngine=/plan/*) ;;
  --saveEngine=*) printf 'a plan' >"${argument#--saveEngine=}" ;;
  type=bind,source=*,target=/plan) folder=${argument#type=bind,source=}; printf 'a plan' >"${folder%,target=/plan}/model.plan" ;;
  esac
done
exit "${PROGRAM_EXITS:-0}"
"""

Convert = Callable[..., subprocess.CompletedProcess[str]]


@pytest.fixture
def folder(toy_bundle: Path, tmp_path: Path) -> Path:
    """A working folder with ``plain/model.onnx``, a repository for TensorRT in ``models`` and an empty ``bin``."""
    plain = tmp_path / "plain"
    plain.mkdir()
    (plain / "model.onnx").write_bytes((toy_bundle / "model.onnx").read_bytes())
    (toy_bundle / "plain").symlink_to(plain)
    write_repository(open_bundle(toy_bundle), tmp_path / "models", kind="tensorrt")
    (tmp_path / "bin").mkdir()
    return tmp_path


@pytest.fixture
def convert(folder: Path) -> Convert:
    """Runs the script in the folder; the programs of ``bin`` come before the machine's own."""

    def run(
        *arguments: str, programs: tuple[str, ...] = ("trtexec",), **environment: str
    ) -> subprocess.CompletedProcess[str]:
        for name in programs:
            (folder / "bin" / name).write_text(PROGRAM)
            (folder / "bin" / name).chmod(0o755)
        kept = {name: value for name, value in os.environ.items() if name not in ("TRTEXEC", "TENSORRT_IMAGE")}
        kept["PATH"] = f"{folder / 'bin'}:{kept['PATH']}"
        return subprocess.run(
            ["bash", SCRIPT, *arguments], cwd=folder, env=kept | environment, capture_output=True, text=True, timeout=60
        )

    return run


def calls(folder: Path, program: str = "trtexec") -> list[str]:
    return (folder / "bin" / f"{program}.called").read_text().splitlines()


def refused(result: subprocess.CompletedProcess[str], code: int, *words: str) -> None:
    assert result.returncode == code, result.stderr
    (line,) = result.stderr.splitlines()
    assert line.startswith("error: ")
    for word in words:
        assert word in line


def left_over(folder: Path) -> list[str]:
    return sorted(path.name for path in (folder / "models" / "turn_detection" / "1").iterdir())


def test_without_arguments_it_takes_what_export_wrote_and_fills_the_repository(
    convert: Convert, folder: Path, toy_bundle: Path
) -> None:
    result = convert()
    assert result.returncode == 0, result.stderr
    assert (folder / "models" / "turn_detection" / "1" / "model.plan").read_text() == "a plan"
    assert left_over(folder) == ["model.plan"]
    assert "built" in result.stdout
    called = calls(folder)
    assert called[0] == f"--onnx={folder / 'plain' / 'model.onnx'}"
    profile = ShapeProfile.of(open_bundle(toy_bundle).manifest.encoding)
    assert [argument for argument in called if "Shapes=" in argument] == profile.trtexec_arguments()
    assert "--stronglyTyped" in called


def test_graph_folder_and_options_of_trtexec_can_be_named(convert: Convert, folder: Path) -> None:
    (folder / "a graph.onnx").write_bytes((folder / "plain" / "model.onnx").read_bytes())
    (folder / "elsewhere").symlink_to(folder / "models" / "turn_detection")
    result = convert("a graph.onnx", "elsewhere/2", "--", "--noTF32", "--device=1")
    assert result.returncode == 0, result.stderr
    assert (folder / "models" / "turn_detection" / "2" / "model.plan").is_file()
    assert calls(folder)[-2:] == ["--noTF32", "--device=1"]
    assert f"--onnx={folder / 'a graph.onnx'}" in calls(folder)


def test_without_trtexec_it_runs_the_container(convert: Convert, folder: Path) -> None:
    result = convert(programs=("docker",))
    assert result.returncode == 0, result.stderr
    assert left_over(folder) == ["model.plan"]
    called = calls(folder, "docker")
    assert called[:4] == ["run", "--rm", "--gpus", "all"]
    assert f"type=bind,source={folder / 'plain'},target=/graph,readonly" in called
    image = called[called.index("trtexec") - 1]
    assert image.startswith("nvcr.io/nvidia/tensorrt:")
    assert "--onnx=/graph/model.onnx" in called


def test_the_image_can_be_replaced(convert: Convert, folder: Path) -> None:
    assert convert(programs=("docker",), TENSORRT_IMAGE="mirror/tensorrt:1").returncode == 0
    assert "mirror/tensorrt:1" in calls(folder, "docker")


def test_an_int8_graph_is_refused_before_anything_runs(convert: Convert, folder: Path) -> None:
    refused(convert(str(open_bundle().model_path)), 2, "int8", "plain/model.onnx")
    assert not (folder / "bin" / "trtexec.called").exists()


@pytest.mark.parametrize("exits", ["1", "137"])
def test_a_failed_build_leaves_the_old_plan(convert: Convert, folder: Path, exits: str) -> None:
    plan = folder / "models" / "turn_detection" / "1" / "model.plan"
    plan.write_text("the old plan")
    refused(convert(PROGRAM_EXITS=exits), 1, "failed")
    assert plan.read_text() == "the old plan"
    assert left_over(folder) == ["model.plan"]


def test_a_build_that_leaves_nothing_is_a_failure(convert: Convert, folder: Path) -> None:
    (folder / "bin" / "nothing").write_text("#!/bin/sh\nexit 0\n")
    (folder / "bin" / "nothing").chmod(0o755)
    refused(convert(TRTEXEC=str(folder / "bin" / "nothing")), 1, "no plan")
    assert left_over(folder) == []


def test_a_repository_for_another_engine_is_refused(convert: Convert, folder: Path, toy_bundle: Path) -> None:
    write_repository(open_bundle(toy_bundle), folder / "for_cpus", kind="cpu")
    refused(convert("plain/model.onnx", "for_cpus/turn_detection/1"), 2, "export_triton", "--kind tensorrt")
    refused(convert("plain/model.onnx", "nowhere/1"), 2, "export_triton", "config.pbtxt")


def test_wrong_arguments_are_explained_in_one_line(convert: Convert, folder: Path) -> None:
    refused(convert("missing.onnx"), 2, "missing.onnx", "export_onnx")
    refused(convert("a", "b", "c"), 2, "--help")
    refused(convert("--fp16"), 2, "--fp16", "--")
    refused(convert(TRTEXEC="/nowhere/trtexec"), 2, "/nowhere/trtexec")
    (folder / "words.onnx").write_text("no graph")
    refused(convert("words.onnx"), 2, "input_ids")


def test_a_machine_with_neither_trtexec_nor_docker_is_told_so(convert: Convert, folder: Path) -> None:
    for name in "bash grep sed realpath dirname basename mktemp rm mkdir cat id chmod sync mv stat".split():
        found = next(path for part in os.environ["PATH"].split(":") if (path := Path(part) / name).exists())
        (folder / "bin" / name).symlink_to(found)
    refused(convert(programs=(), PATH=str(folder / "bin")), 3, "docker", "GPU")


def test_help_names_arguments_and_exit_codes(convert: Convert) -> None:
    result = convert("--help")
    assert result.returncode == 0
    for word in ("[ONNX]", "[OUTPUT_DIR]", "TRTEXEC", "TENSORRT_IMAGE", "Exit codes"):
        assert word in result.stdout
