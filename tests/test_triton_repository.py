"""The model repository that is written from a bundle, and the one that is kept in git."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import pytest
from google.protobuf import text_format
from onnx import TensorProto
from tritonclient.grpc import model_config_pb2

from turn_detection.backends.padding import fixed_lengths
from turn_detection.backends.triton_protocol import DIGEST_KEY, bundle_digest
from turn_detection.bundle import Bundle, open_bundle
from turn_detection.encoding import EncodingSpec
from turn_detection.errors import BundleNotFoundError, ConfigurationError, ExportError, OutputError
from turn_detection.triton_repository import (
    CONFIG,
    Kind,
    ShapeProfile,
    check_config_against_graph,
    check_kind,
    check_precision,
    config_text,
    write_repository,
)

ROOT = Path(__file__).parents[1]
KINDS: tuple[Kind, ...] = ("cpu", "gpu", "tensorrt")


@pytest.fixture
def bundle(toy_bundle: Path) -> Bundle:
    """A toy bundle that also holds plain graphs."""
    (toy_bundle / "plain").mkdir()
    for name in ("model.onnx", "model.fp16.onnx"):
        (toy_bundle / "plain" / name).write_bytes((toy_bundle / "model.onnx").read_bytes() + b"")
    return open_bundle(toy_bundle)


def parsed(text: str) -> Any:
    return text_format.Parse(text, model_config_pb2.ModelConfig())


def test_the_configuration_in_git_is_the_one_of_the_shipped_model() -> None:
    kept = (ROOT / "models" / "turn_detection" / CONFIG).read_text(encoding="utf-8")
    assert kept == config_text(open_bundle()), (
        "run 'turn-detection export_triton' and commit models/turn_detection/config.pbtxt"
    )


@pytest.mark.parametrize("kind", KINDS)
def test_the_configuration_says_what_the_client_will_look_for(kind: Kind, bundle: Bundle) -> None:
    config = parsed(config_text(bundle, kind=kind, name="turns", n_instances=3))
    assert config.name == "turns"
    assert {(entry.name, entry.data_type, tuple(entry.dims)) for entry in config.input} == {
        ("input_ids", model_config_pb2.TYPE_INT64, (-1,)),
        ("attention_mask", model_config_pb2.TYPE_INT64, (-1,)),
    }
    assert config.parameters[DIGEST_KEY].string_value == bundle_digest(bundle.manifest)
    assert config.max_batch_size >= 8
    assert 0 <= config.dynamic_batching.max_queue_delay_microseconds <= 500, "a lone question pays all of it"
    assert 0 < config.dynamic_batching.default_queue_policy.max_queue_size <= 1000, "a queue has an end"
    (group,) = config.instance_group
    assert group.count == 3
    assert group.kind == (group.KIND_CPU if kind == "cpu" else group.KIND_GPU)
    assert [warmup.inputs["input_ids"].dims[0] for warmup in config.model_warmup] == list(
        fixed_lengths(bundle.manifest.encoding)
    )


def test_instances_on_a_cpu_run_on_one_thread_each(bundle: Bundle) -> None:
    assert parsed(config_text(bundle)).parameters["intra_op_thread_count"].string_value == "1"


def test_the_profile_of_a_plan_spans_every_question_that_a_client_sends(bundle: Bundle) -> None:
    config = parsed(config_text(bundle, kind="tensorrt"))
    assert config.platform == "tensorrt_plan"
    profile = ShapeProfile.of(bundle.manifest.encoding)
    lengths = fixed_lengths(bundle.manifest.encoding)
    assert profile.least == (1, lengths[0])
    assert profile.most == (config.max_batch_size, lengths[-1])
    assert all(
        low <= usual <= high for low, usual, high in zip(profile.least, profile.usual, profile.most, strict=True)
    )
    assert config.parameters["profile_max"].string_value == "input_ids:64x152,attention_mask:64x152"
    assert profile.trtexec_arguments()[2] == f"--maxShapes={config.parameters['profile_max'].string_value}"
    assert max(config.dynamic_batching.preferred_batch_size) == config.max_batch_size


def test_a_profile_fits_a_layout_with_a_single_length() -> None:
    profile = ShapeProfile.of(EncodingSpec(max_context_tokens=1, max_message_tokens=2))
    assert profile.least[1] == profile.usual[1] == profile.most[1] == 8


@pytest.mark.parametrize(("kind", "files"), [("cpu", ["1/model.onnx"]), ("gpu", ["1/model.onnx"]), ("tensorrt", [])])
def test_the_folder_holds_model_configuration_and_warm_up(
    kind: Kind, files: list[str], bundle: Bundle, tmp_path: Path
) -> None:
    folder = write_repository(bundle, tmp_path / "new" / "models", kind=kind)
    assert folder == tmp_path / "new" / "models" / "turn_detection"
    assert (folder / CONFIG).read_text(encoding="utf-8") == config_text(bundle, kind=kind)
    masks = [f"warmup/mask_{length}" for length in fixed_lengths(bundle.manifest.encoding)]
    found = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    assert found == sorted([CONFIG, *files, *masks])
    assert (folder / "1").is_dir()
    np.testing.assert_array_equal(np.frombuffer((folder / masks[0]).read_bytes(), "<i8"), np.ones(16))
    assert sorted(path.name for path in folder.parent.iterdir()) == ["turn_detection"], "nothing is left over"


def test_a_gpu_gets_the_plain_graph_of_the_precision_asked_for(bundle: Bundle, tmp_path: Path) -> None:
    model = onnx.load(bundle.folder / "plain" / "model.fp16.onnx")
    model.doc_string = "half"
    onnx.save(model, bundle.folder / "plain" / "model.fp16.onnx")
    folder = write_repository(bundle, tmp_path, kind="gpu", precision="fp16")
    assert onnx.load(folder / "1" / "model.onnx").doc_string == "half"


def test_a_bundle_without_a_plain_graph_says_how_to_get_one(toy_bundle: Path, tmp_path: Path) -> None:
    for kind in ("gpu", "tensorrt"):
        with pytest.raises(BundleNotFoundError, match="export_onnx CKPT --fp16"):
            write_repository(open_bundle(toy_bundle), tmp_path, kind=kind, precision="fp16")  # type: ignore[arg-type]
    assert not (tmp_path / "turn_detection").exists()


def test_an_older_folder_is_replaced_and_somebody_elses_is_not(bundle: Bundle, tmp_path: Path) -> None:
    folder = write_repository(bundle, tmp_path)
    write_repository(bundle, tmp_path, kind="tensorrt")
    assert not (folder / "1" / "model.onnx").exists(), "a model of the older kind would be served"
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "thesis.txt").write_text("years of work")
    with pytest.raises(OutputError, match=r"holds no config\.pbtxt"):
        write_repository(bundle, tmp_path, name="mine")
    assert (tmp_path / "mine" / "thesis.txt").is_file()


def _int32(model: onnx.ModelProto) -> None:
    model.graph.input[0].type.tensor_type.elem_type = TensorProto.INT32


def _renamed(model: onnx.ModelProto) -> None:
    model.graph.output[0].name = "scores"
    model.graph.node[-1].output[0] = "scores"


@pytest.mark.parametrize("change", [_renamed, _int32])
def test_a_graph_that_does_not_fit_is_not_written(
    change: Callable[[onnx.ModelProto], None], bundle: Bundle, tmp_path: Path
) -> None:
    model = onnx.load(bundle.folder / "plain" / "model.onnx")
    change(model)
    onnx.save(model, bundle.folder / "plain" / "model.onnx")
    with pytest.raises(ExportError, match="nothing was written"):
        write_repository(bundle, tmp_path, kind="gpu")
    assert not (tmp_path / "turn_detection").exists()


def test_a_configuration_of_another_rank_or_form_is_refused(bundle: Bundle) -> None:
    text = config_text(bundle)
    with pytest.raises(ExportError, match=r"says .* has"):
        check_config_against_graph(text.replace("dims: [ 2 ]", "dims: [ 2, 1 ]"), bundle.model_path)
    with pytest.raises(ExportError, match="does not parse"):
        check_config_against_graph(text + "nonsense: 1\n", bundle.model_path)


@pytest.mark.parametrize(
    "values", [{"name": "a b"}, {"name": ""}, {"name": "../x"}, {"n_instances": 0}, {"n_instances": 5000}]
)
def test_names_and_numbers_that_make_no_sense_are_refused(
    values: dict[str, Any], bundle: Bundle, tmp_path: Path
) -> None:
    with pytest.raises(ConfigurationError):
        write_repository(bundle, tmp_path, **values)


def test_kinds_and_precisions_are_known_by_name() -> None:
    assert [check_kind(kind) for kind in KINDS] == list(KINDS)
    assert check_precision("fp16") == "fp16"
    with pytest.raises(ConfigurationError, match="unknown kind 'tpu': cpu, gpu, tensorrt"):
        check_kind("tpu")
    with pytest.raises(ConfigurationError, match="unknown precision 'int4': fp32, fp16"):
        check_precision("int4")


def command(*arguments: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "turn_detection.commands", "export_triton", *arguments],
        cwd=cwd, capture_output=True, text=True, timeout=120,
    )  # fmt: skip


def test_the_command_writes_models_and_says_where(bundle: Bundle, tmp_path: Path) -> None:
    done = command(str(bundle.folder), "--instances", "5", cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert "toy for cpu -> models/turn_detection" in done.stdout
    assert (tmp_path / "models" / "turn_detection" / CONFIG).read_text() == config_text(bundle, n_instances=5)
    plan = command(str(bundle.folder), "--kind", "tensorrt", "--name", "plan", cwd=tmp_path)
    assert "scripts/convert_to_tensorrt.sh" in plan.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--kind", "tpu"), "unknown kind 'tpu'"),
        (("--kind", "gpu"), "plain/model.onnx"),
        (("nowhere",), "no bundle at nowhere"),
        (("--train.seed=1",), "export_triton takes no settings"),
    ],
)
def test_the_command_refuses_in_one_line(arguments: tuple[str, ...], words: str, tmp_path: Path) -> None:
    done = command(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1
    assert not (tmp_path / "models").exists()


def test_without_the_extra_the_command_names_it(tmp_path: Path) -> None:
    code = "import sys; sys.modules['tritonclient'] = None; sys.argv[1:] = ['export_triton']; from turn_detection.commands import main; main()"
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=60)
    assert done.returncode == 2
    assert "pip install 'turn-detection[triton]'" in done.stderr
