"""A bundle as a folder of a Triton model repository: the model, its ``config.pbtxt``, and a check of one against the other.

Needs neither torch nor a Triton server. The settings are explained, with the figures behind them, in docs/triton.md.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from .backends.padding import fixed_lengths
from .bundle import Bundle
from .encoding import EncodingSpec
from .errors import BundleNotFoundError, ConfigurationError, ExportError, MissingExtraError
from .writing import check_replaceable, folder_written_whole, write_whole

CONFIG, VERSION, WARMUP = "config.pbtxt", "1", "warmup"
Kind = Literal["cpu", "gpu", "tensorrt"]
Precision = Literal["fp32", "fp16"]

#: Rows that one execution may have. On a CPU core a row costs the same alone and in company, so larger batches only add waiting.
_MAX_BATCH: dict[Kind, int] = {"cpu": 8, "gpu": 64, "tensorrt": 64}
#: Copies of the model that run at the same time.
_N_INSTANCES: dict[Kind, int] = {"cpu": 2, "gpu": 2, "tensorrt": 1}
#: What Triton takes a tensor for, by onnxruntime's name of its type.
_TYPES = {"tensor(int64)": "TYPE_INT64", "tensor(float)": "TYPE_FP32"}


@dataclass(frozen=True, slots=True)
class ShapeProfile:
    """Shapes that a TensorRT plan must be built for, as ``(rows, tokens)`` of both inputs."""

    least: tuple[int, int]
    usual: tuple[int, int]
    most: tuple[int, int]

    @classmethod
    def of(cls, spec: EncodingSpec) -> ShapeProfile:
        """From one row of the shortest fixed length to the largest batch of the longest one."""
        lengths, most = fixed_lengths(spec), _MAX_BATCH["tensorrt"]
        return cls((1, lengths[0]), (most // 4, lengths[min(1, len(lengths) - 1)]), (most, lengths[-1]))

    def as_text(self, shape: tuple[int, int]) -> str:
        """``input_ids:1x16,attention_mask:1x16``, as trtexec takes it."""
        return ",".join(f"{name}:{shape[0]}x{shape[1]}" for name in ("input_ids", "attention_mask"))

    def trtexec_arguments(self) -> list[str]:
        """``--minShapes=... --optShapes=... --maxShapes=...``"""
        shapes = (("min", self.least), ("opt", self.usual), ("max", self.most))
        return [f"--{name}Shapes={self.as_text(shape)}" for name, shape in shapes]


def write_repository(
    bundle: Bundle,
    output: str | Path,
    *,
    kind: Kind = "cpu",
    precision: Precision = "fp32",
    name: str = "turn_detection",
    n_instances: int | None = None,
) -> Path:
    """Write ``output/name``: ``config.pbtxt``, ``1/`` with the model, ``warmup/``. An older folder of that name is replaced as a whole.

    Args:
        bundle: opened and checked.
        output: the repository; made if it does not exist.
        kind: ``cpu`` serves the bundle's int8 graph on CPU cores, ``gpu`` its plain graph on GPUs; ``tensorrt`` expects a plan, which
            only the GPU that will run it can build: ``1/`` stays empty for ``scripts/convert_to_tensorrt.sh``.
        precision: of the plain graph.
        name: of the model; a second one serves two bundles side by side.
        n_instances: copies of the model that run at the same time (on every GPU); on a CPU, the cores that Triton may use.

    Raises:
        BundleNotFoundError: the bundle holds no plain graph of this precision.
        ConfigurationError: a name or number that makes no sense.
        ExportError: the graph does not fit the configuration; nothing was written.
        OutputError: the folder holds something else, or cannot be written.
        MissingExtraError: the extra ``triton`` is not installed.
    """
    graph = source_graph(bundle, kind, precision)
    text = config_text(bundle, kind=kind, name=name, n_instances=n_instances)
    check_config_against_graph(text, graph)
    folder = Path(output) / name
    check_replaceable(folder, CONFIG)
    folder.parent.mkdir(parents=True, exist_ok=True)
    with folder_written_whole(folder, replaces=CONFIG) as made:
        (made / VERSION).mkdir()
        if kind != "tensorrt":
            shutil.copyfile(graph, made / VERSION / "model.onnx")
        (made / WARMUP).mkdir()
        for length in fixed_lengths(bundle.manifest.encoding):
            write_whole(made / WARMUP / f"mask_{length}", np.ones(length, "<i8").tobytes())
        write_whole(made / CONFIG, text)
    return folder


def check_kind(text: str) -> Kind:
    """Raises ConfigurationError if there is no such kind."""
    for kind in get_args(Kind):
        if text == kind:
            return kind  # type: ignore[no-any-return]
    raise ConfigurationError(f"unknown kind '{text}': {', '.join(get_args(Kind))}")


def check_precision(text: str) -> Precision:
    """Raises ConfigurationError if there is no such precision."""
    for precision in get_args(Precision):
        if text == precision:
            return precision  # type: ignore[no-any-return]
    raise ConfigurationError(f"unknown precision '{text}': {', '.join(get_args(Precision))}")


def source_graph(bundle: Bundle, kind: Kind, precision: Precision = "fp32") -> Path:
    """The ONNX file of a bundle that Triton serves, or that its plan is built from.

    Raises:
        BundleNotFoundError: the bundle holds no plain graph of this precision.
    """
    if kind == "cpu":
        return bundle.model_path
    # GPUs gain nothing from dynamic int8: its operators run on the CPU there, and TensorRT refuses them.
    plain = bundle.folder / "plain" / ("model.fp16.onnx" if precision == "fp16" else "model.onnx")
    if not plain.is_file():
        option = " --fp16" if precision == "fp16" else ""
        raise BundleNotFoundError(
            f"{bundle.folder} holds no {plain.relative_to(bundle.folder)}, which kind '{kind}' needs: "
            f"'turn-detection export_onnx CKPT{option}' writes one, --kind cpu needs none"
        )
    return plain


def config_text(
    bundle: Bundle, *, kind: Kind = "cpu", name: str = "turn_detection", n_instances: int | None = None
) -> str:
    """The text of ``config.pbtxt``.

    Raises:
        ConfigurationError: a name or number that makes no sense.
        MissingExtraError: the extra ``triton`` is not installed.
    """
    from .backends.triton_protocol import DIGEST_KEY, bundle_digest

    if not name.replace("-", "_").isidentifier():
        raise ConfigurationError(f"'{name}' is no name for a model: letters, digits, - and _ only")
    n_instances = _N_INSTANCES[kind] if n_instances is None else n_instances
    if not 1 <= n_instances <= 1024:
        raise ConfigurationError(f"the number of instances must be from 1 to 1024, got {n_instances}")
    spec = bundle.manifest.encoding
    parameters = {DIGEST_KEY: bundle_digest(bundle.manifest)} | _ENGINE_PARAMETERS[kind]
    if kind == "tensorrt":
        profile = ShapeProfile.of(spec)
        parameters |= {
            f"profile_{key}": profile.as_text(shape)
            for key, shape in (("min", profile.least), ("opt", profile.usual), ("max", profile.most))
        }
    return "\n".join(
        (
            "# Written by 'turn-detection export_triton'; docs/triton.md explains the settings.",
            f'name: "{name}"',
            *_ENGINE[kind],
            f"max_batch_size: {_MAX_BATCH[kind]}",
            "input [",
            '  { name: "input_ids" data_type: TYPE_INT64 dims: [ -1 ] },',
            '  { name: "attention_mask" data_type: TYPE_INT64 dims: [ -1 ] }',
            "]",
            'output [ { name: "logits" data_type: TYPE_FP32 dims: [ 2 ] } ]',
            *_BATCHING[kind],
            f"instance_group [ {{ count: {n_instances} kind: {'KIND_CPU' if kind == 'cpu' else 'KIND_GPU'} }} ]",
            "version_policy { latest { num_versions: 1 } }",
            *(
                f'parameters {{ key: "{key}" value: {{ string_value: "{value}" }} }}'
                for key, value in parameters.items()
            ),
            *_warmup(fixed_lengths(spec)),
            "",
        )
    )


def check_config_against_graph(text: str, graph: Path) -> None:
    """Parse a ``config.pbtxt`` with NVIDIA's own schema and compare its tensors with a graph's.

    Raises:
        ExportError: it does not parse, or names, types or ranks differ.
        MissingExtraError: the extra ``triton`` is not installed.
    """
    try:
        from google.protobuf import text_format
        from tritonclient.grpc import model_config_pb2
    except ImportError as error:
        raise MissingExtraError("Writing a Triton repository", "triton", error.name) from error
    import onnxruntime

    try:
        config = text_format.Parse(text, model_config_pb2.ModelConfig())
    except text_format.ParseError as error:
        raise ExportError(f"{CONFIG} does not parse: {error}") from error
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(str(graph), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no common base but Exception
        raise ExportError(f"onnxruntime cannot load {graph} ({type(error).__name__}); nothing was written") from error
    for entries, nodes in ((config.input, session.get_inputs()), (config.output, session.get_outputs())):
        said = sorted(
            (entry.name, model_config_pb2.DataType.Name(entry.data_type), _dims(entry.dims)) for entry in entries
        )
        # A configuration leaves the batch out, a graph has it in front.
        found = sorted((node.name, _TYPES.get(node.type, node.type), _dims(node.shape[1:])) for node in nodes)
        if said != found:
            raise ExportError(f"{CONFIG} says {said}, {graph} has {found}; nothing was written")


def _dims(shape: Sequence[Any]) -> tuple[int, ...]:
    return tuple(size if isinstance(size, int) and size > 0 else -1 for size in shape)


_ENGINE: dict[Kind, tuple[str, ...]] = {
    "cpu": ('backend: "onnxruntime"', 'default_model_filename: "model.onnx"'),
    "gpu": ('backend: "onnxruntime"', 'default_model_filename: "model.onnx"'),
    "tensorrt": ('platform: "tensorrt_plan"', 'default_model_filename: "model.plan"'),
}
_ENGINE_PARAMETERS: dict[Kind, dict[str, str]] = {
    # Instances side by side use the cores; threads inside one would only wait for each other.
    "cpu": {"intra_op_thread_count": "1", "inter_op_thread_count": "1", "enable_mem_arena": "0"},
    "gpu": {},
    "tensorrt": {},
}
#: A longer queue is refused at once (503 on our side), so that a caller can ask elsewhere; who gave up waiting leaves the queue by
#: himself, because his call is cancelled, and the limit of a minute is for clients that never do.
_QUEUE = "  default_queue_policy { timeout_action: REJECT default_timeout_microseconds: 60000000 max_queue_size: 512 }"
_BATCHING: dict[Kind, tuple[str, ...]] = {
    "cpu": ("dynamic_batching {", "  max_queue_delay_microseconds: 0", _QUEUE, "}"),
    "gpu": ("dynamic_batching {", "  max_queue_delay_microseconds: 300", _QUEUE, "}"),
    "tensorrt": (
        "dynamic_batching {",
        "  preferred_batch_size: [ 16, 32, 64 ]",
        "  max_queue_delay_microseconds: 300",
        _QUEUE,
        "}",
    ),
}


def _warmup(lengths: Sequence[int]) -> list[str]:
    """A made-up item of every fixed length before the model counts as ready."""
    return [
        f'model_warmup {{ name: "{length} tokens" batch_size: 1\n'
        f'  inputs {{ key: "input_ids" value: {{ data_type: TYPE_INT64 dims: [ {length} ] zero_data: true }} }}\n'
        f'  inputs {{ key: "attention_mask" value: {{ data_type: TYPE_INT64 dims: [ {length} ] input_data_file: "mask_{length}" }} }}\n'
        "}"
        for length in lengths
    ]
