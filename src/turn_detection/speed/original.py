"""The original system's model as a detector: the same text rules, tokenizer and calibration as ours, another network.

The original serves a RuModernBERT-base of 150 million weights in fp32 and pads every request to 512 tokens. Its weights are not
public; a network of the same shape with random ones takes the same time, see :mod:`.network`.
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime

from ..bundle import open_bundle
from ..detector import TurnDetector
from ..encoding import EncodedBatch, Encoder
from ..errors import BackendError, ExportError, MissingExtraError

N_LAYERS, VOCABULARY, SEED = 22, 50_368, 0
#: Tokens that the original pads every request to.
SERVED_TOKENS = 512
GRAPH, REFERENCE = "original.onnx", "reference.npz"
#: Largest difference between the logits of torch and of the exported graph; float32 sums in another order differ by less.
_TOLERANCE = 1e-3


@dataclass(frozen=True, slots=True)
class Original:
    """A written network of the original's shape."""

    path: Path
    n_layers: int
    n_parameters: int
    n_bytes: int
    logits: np.ndarray  # (2, 24) -> (2, 2) float32: torch's answer to reference_batch()

    @property
    def is_whole(self) -> bool:
        """Whether it is as deep as the original; a smaller one only shows that the comparison works."""
        return self.n_layers == N_LAYERS


class OriginalBackend:
    """An engine for the original's graph, see :class:`~turn_detection.backends.base.Backend`.

    Args:
        session: from :func:`open_graph`; several engines may share it.
        padded_to: pad every row to so many tokens; to the longest row of the batch without it.
    """

    def __init__(self, session: Any, *, padded_to: int | None = None) -> None:
        self._session = session
        self._padded_to = padded_to

    def logits(self, batch: EncodedBatch) -> np.ndarray:
        """``(batch, 2) float32``; ids that another tokenizer has beyond the original's vocabulary are folded into it."""
        ids, mask = batch.input_ids % VOCABULARY, batch.attention_mask
        if self._padded_to is not None:
            missing = ((0, 0), (0, self._padded_to - ids.shape[1]))
            ids, mask = np.pad(ids, missing), np.pad(mask, missing)
        (logits,) = self._session.run(["logits"], {"input_ids": ids, "attention_mask": mask})
        return np.asarray(logits, np.float32)


def open_graph(path: Path) -> Any:
    """An onnxruntime session with one thread and else with onnxruntime's defaults, memory arena included: the competitor loses nothing.

    Raises:
        BackendError: onnxruntime refuses the file.
    """
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 3
    try:
        return onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    except Exception as error:  # onnxruntime's exceptions have no common base but Exception
        raise BackendError(f"onnxruntime cannot load {path} ({type(error).__name__})") from error


def reference_batch() -> EncodedBatch:
    """``(2, 24)``: fixed ids, the second row padded."""
    ids = (np.arange(48, dtype=np.int64).reshape(2, 24) * 1009) % VOCABULARY
    mask = np.ones_like(ids)
    mask[1, 15:] = 0
    return EncodedBatch(ids, mask)


def check_extra() -> None:
    """Raise MissingExtraError where the network cannot be made."""
    for name in ("torch", "transformers"):
        if importlib.util.find_spec(name) is None:
            raise MissingExtraError("Comparing with the original's network (--no-original leaves it out)", "cpu", name)


def make_original(folder: Path, n_layers: int = N_LAYERS) -> Original:
    """Write the network into ``folder``, in a process of its own, which gives its memory back.

    Raises:
        MissingExtraError: torch or transformers is not installed.
        ExportError: the process failed.
    """
    check_extra()
    command = [sys.executable, "-m", "turn_detection.speed.network", str(folder), str(n_layers)]
    result = subprocess.run(command, capture_output=True, text=True, check=False)
    if result.returncode:
        last = (result.stderr.strip().splitlines() or [f"exit code {result.returncode}"])[-1]
        raise ExportError(f"the original's network could not be exported: {last}")
    path = folder / GRAPH
    with np.load(folder / REFERENCE) as values:
        logits, n_parameters = values["logits"], int(values["n_parameters"])
    return Original(path, n_layers, n_parameters, path.stat().st_size, logits)


def original_detectors(original: Original, encoder: Encoder) -> tuple[TurnDetector, TurnDetector]:
    """``(unpadded, padded)``: two detectors over one loaded graph, with the encoder of the detector that it is compared with.

    Raises:
        ExportError: the graph does not answer as torch did.
    """
    session = open_graph(original.path)
    plain = OriginalBackend(session)
    error = float(np.abs(plain.logits(reference_batch()) - original.logits).max())
    if not error <= _TOLERANCE:
        raise ExportError(f"the original's graph differs from torch by {error:.1e}, at most {_TOLERANCE:.0e} is right")
    return TurnDetector(plain, encoder), TurnDetector(OriginalBackend(session, padded_to=SERVED_TOKENS), encoder)


def load_original(graph: str, *bundle: str) -> TurnDetector:
    """What a process of the original would load: its graph as it serves, and the tokenizer of ``bundle``."""
    backend = OriginalBackend(open_graph(Path(graph)), padded_to=SERVED_TOKENS)
    return TurnDetector(backend, open_bundle(*bundle).encoder())
