"""What is said to a Triton server and how its answers are read: the KServe v2 protocol over gRPC, without a connection.

The messages are NVIDIA's (``tritonclient``); the calls go over gRPC's own channel, which several threads may share, as NVIDIA's
client class may not be.
"""

from __future__ import annotations

import hashlib
import json
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from ..bundle import Manifest
from ..encoding import Encoder
from ..errors import BackendError, BackendTimeoutError, BackendUnavailableError, InvalidInputError, MissingExtraError
from .padding import Part, fixed_lengths

try:
    import grpc
    from tritonclient.grpc import model_config_pb2, service_pb2
except ImportError as error:
    raise MissingExtraError("Asking a Triton server", "triton", error.name) from error

INPUTS, OUTPUT = ("input_ids", "attention_mask"), "logits"
#: Key in the server's configuration of the model under which the exporter leaves :func:`bundle_digest`.
DIGEST_KEY = "bundle_sha256"

#: CANCELLED is how a server that ends leaves questions which it had taken; calls that we cancel never get here.
_UNAVAILABLE = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.NOT_FOUND,
    grpc.StatusCode.RESOURCE_EXHAUSTED,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.ABORTED,
)
#: Errors that Triton's core or gRPC word, from names and shapes. Others may quote the engine, and an engine may quote its input.
_OWN_WORDS = (*_UNAVAILABLE, grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.UNIMPLEMENTED)


def bundle_digest(manifest: Manifest) -> str:
    """Identity of the weights and the tokenizer of a bundle: SHA-256 over the digests of its files, in the order of their names."""
    lines = "".join(f"{record.sha256}  {name}\n" for name, record in sorted(manifest.files.items()))
    return hashlib.sha256(lines.encode()).hexdigest()


@dataclass(frozen=True, slots=True)
class TritonModel:
    """A model in a Triton server, and what it must be.

    Attributes:
        url: gRPC target: ``host:8001``; ``dns:///name:8001`` or ``ipv4:10.0.0.1:8001,10.0.0.2:8001`` for several servers in turn.
        name: of the model in the server's repository.
        digest: of the bundle that the server's model must come from; see :func:`bundle_digest`.
        lengths: tokens that rows are padded to.
        pad_id: token id of padding.
        timeout_s: for an answer, from the call on, connecting included.

    Raises:
        InvalidInputError: an empty url or name, or a timeout that is not positive.
    """

    url: str
    name: str
    digest: str
    lengths: tuple[int, ...]
    pad_id: int
    timeout_s: float = 1.0

    def __post_init__(self) -> None:
        if not self.url or not self.name:
            raise InvalidInputError("a Triton server needs a url such as 127.0.0.1:8001 and the name of a model")
        if "://" in self.url and not self.url.startswith("dns://"):
            raise InvalidInputError(
                f"the Triton url '{self.url}' must be host:port of its gRPC service, without http://"
            )
        if not self.timeout_s > 0:
            raise InvalidInputError(f"timeout_s must be above 0, got {self.timeout_s!r}")

    @classmethod
    def of(
        cls, manifest: Manifest, encoder: Encoder, *, url: str, name: str = "turn_detection", timeout_s: float = 1.0
    ) -> TritonModel:
        """The model that ``export_triton`` made from a bundle with this manifest."""
        lengths = fixed_lengths(manifest.encoding)
        return cls(url, name, bundle_digest(manifest), lengths, encoder.pad_id, timeout_s)


@dataclass(frozen=True, slots=True)
class Deadline:
    """When an answer of ``model`` is worthless (``time.monotonic``)."""

    model: TritonModel
    timeout_s: float
    until_s: float

    @classmethod
    def after(cls, model: TritonModel, timeout_s: float) -> Deadline:
        return cls(model, timeout_s, time.monotonic() + timeout_s)

    def left_s(self) -> float:
        """Seconds until then.

        Raises:
            BackendTimeoutError: it has passed.
        """
        left_s = self.until_s - time.monotonic()
        if left_s <= 0:
            raise self.missed()
        return left_s

    def missed(self) -> BackendTimeoutError:
        return BackendTimeoutError(f"Triton at {self.model.url} did not answer within {self.timeout_s * 1e3:.0f} ms")


def channel_options(url: str) -> list[tuple[str, Any]]:
    """Options of a gRPC channel that is back about a second after its server is, and that notices a host that vanished."""
    options: list[tuple[str, Any]] = [
        # gRPC's own pauses between attempts grow to two minutes.
        ("grpc.initial_reconnect_backoff_ms", 100),
        ("grpc.min_reconnect_backoff_ms", 500),  # also how long one attempt to connect may take
        ("grpc.max_reconnect_backoff_ms", 1000),
        # Data that nobody acknowledges for so long (a host without power) ends the connection. The pings themselves stay rare:
        # Triton ends connections that ping often.
        ("grpc.keepalive_time_ms", 30_000),
        ("grpc.keepalive_timeout_ms", 2000),
        # One host may be asked for several models of several bundles: no channel is shared behind our back.
        ("grpc.use_local_subchannel_pool", 1),
    ]
    if url.startswith(("dns:", "ipv4:", "ipv6:")):
        # Several servers: each in turn, and a question that one refuses goes to the next. An answer has no side effects.
        retry = {
            "maxAttempts": 3,
            "initialBackoff": "0.01s",
            "maxBackoff": "0.1s",
            "backoffMultiplier": 2,
            "retryableStatusCodes": ["UNAVAILABLE"],
        }
        service = {"loadBalancingConfig": [{"round_robin": {}}], "methodConfig": [{"name": [{}], "retryPolicy": retry}]}
        options.append(("grpc.service_config", json.dumps(service)))
    return options


def infer_request(model: TritonModel, part: Part) -> Any:
    """``ModelInferRequest`` for the rows of one length."""
    request = service_pb2.ModelInferRequest(model_name=model.name)
    for name, values in zip(INPUTS, (part.batch.input_ids, part.batch.attention_mask), strict=True):
        request.inputs.add(name=name, datatype="INT64", shape=values.shape)
        request.raw_input_contents.append(values.astype("<i8", copy=False).tobytes())
    request.outputs.add(name=OUTPUT)
    return request


def read_logits(response: Any, n_rows: int) -> np.ndarray:
    """``(n_rows, 2) float32`` from a ``ModelInferResponse``.

    Raises:
        BackendError: the answer has another name, type or shape.
    """
    found = [(output.name, output.datatype, tuple(output.shape)) for output in response.outputs]
    if found != [(OUTPUT, "FP32", (n_rows, 2))] or [len(raw) for raw in response.raw_output_contents] != [n_rows * 8]:
        raise BackendError(f"Triton must answer with {OUTPUT} FP32 {(n_rows, 2)}, answered with {found}")
    return np.frombuffer(response.raw_output_contents[0], "<f4").reshape(n_rows, 2)


def check_config(model: TritonModel, config: Any) -> int:
    """Compare the server's configuration of the model with what it must be; return its ``max_batch_size``.

    Raises:
        BackendError: it is another model, or one made from another bundle.
    """
    int64, fp32 = model_config_pb2.TYPE_INT64, model_config_pb2.TYPE_FP32
    inputs = {(entry.name, entry.data_type, tuple(entry.dims)) for entry in config.input}
    outputs = {(entry.name, entry.data_type, tuple(entry.dims)) for entry in config.output}
    if inputs != {(name, int64, (-1,)) for name in INPUTS} or outputs != {(OUTPUT, fp32, (2,))}:
        raise BackendError(
            f"the model '{model.name}' in Triton is no turn detector: it must have the inputs {list(INPUTS)} INT64 [-1] and the "
            f"output {OUTPUT} FP32 [2]; write its folder with 'turn-detection export_triton'"
        )
    if config.max_batch_size < 1:
        raise BackendError(f"the model '{model.name}' in Triton must have max_batch_size of at least 1")
    digest = config.parameters[DIGEST_KEY].string_value if DIGEST_KEY in config.parameters else ""
    if digest != model.digest:
        raise BackendError(
            f"the model '{model.name}' in Triton comes from bundle {digest[:12] or 'unknown'}, this side reads bundle "
            f"{model.digest[:12]}: export the repository from the same bundle, or name the bundle that Triton serves"
        )
    return int(config.max_batch_size)


def failure(error: grpc.RpcError, deadline: Deadline) -> BackendError:
    """Our error for one of gRPC's."""
    code, model = error.code(), deadline.model
    if code is grpc.StatusCode.DEADLINE_EXCEEDED:
        return deadline.missed()
    details = f": {_one_line(error.details())}" if code in _OWN_WORDS and error.details() else ""
    if code in _UNAVAILABLE:
        return BackendUnavailableError(f"Triton at {model.url} cannot answer for the model '{model.name}'{details}")
    return BackendError(f"Triton at {model.url} failed on the model '{model.name}' ({code.name}){details}")


def _one_line(text: str) -> str:
    return " ".join(text.split())[:300]
