"""onnxruntime on the CPU: the default engine, in process."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnxruntime

from ..encoding import EncodedBatch
from ..errors import BackendError, InvalidInputError

_INPUTS = {"input_ids", "attention_mask"}


class OnnxBackend:
    """An ONNX graph with inputs ``input_ids`` and ``attention_mask`` ``(batch, n_tokens) int64`` and one output ``(batch, 2)``.

    Args:
        path: the graph.
        n_threads: threads inside one call. One is right where calls come from many threads or processes: two calls side by side
            beat two threads inside a call, and more threads than cores make everything slow.

    Raises:
        InvalidInputError: ``n_threads`` is not a positive integer.
        BackendError: onnxruntime refuses the file, or the graph has other inputs or outputs.
    """

    def __init__(self, path: str | Path, *, n_threads: int = 1) -> None:
        if not isinstance(n_threads, int) or n_threads < 1:
            raise InvalidInputError(f"n_threads must be a positive integer, got {n_threads!r}")
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = n_threads
        options.inter_op_num_threads = 1
        # A thread that spins between two calls burns a core that the caller's own code needs.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        # The arena keeps the largest batch's memory for good; without it memory follows the load at no measurable cost in time.
        options.enable_cpu_mem_arena = False
        options.log_severity_level = 3
        try:
            self._session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
        except Exception as error:  # onnxruntime's exceptions have no common base but Exception
            raise BackendError(
                f"onnxruntime {onnxruntime.__version__} cannot load {path} ({type(error).__name__})"
            ) from error
        inputs = {node.name for node in self._session.get_inputs()}
        outputs = [node.name for node in self._session.get_outputs()]
        if inputs != _INPUTS or len(outputs) != 1:
            raise BackendError(
                f"{path} must have the inputs {sorted(_INPUTS)} and one output, has {sorted(inputs)} and {outputs}"
            )
        self._output = outputs[0]

    def logits(self, batch: EncodedBatch) -> np.ndarray:
        """See :class:`~.base.Backend`."""
        if not len(batch):
            return np.zeros((0, 2), np.float32)
        feed = {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask}
        try:
            (logits,) = self._session.run([self._output], feed)
        except Exception as error:
            raise BackendError(
                f"onnxruntime failed on a batch of shape {batch.input_ids.shape} ({type(error).__name__})"
            ) from error
        if logits.shape != (len(batch), 2):
            raise BackendError(f"the graph must answer with shape {(len(batch), 2)}, answered with {logits.shape}")
        return np.asarray(logits, dtype=np.float32)
