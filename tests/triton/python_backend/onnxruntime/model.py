"""A Triton backend that bears the name ``onnxruntime``, so that the production repository is served as it is.

It is Triton's python backend with onnxruntime inside, not the C++ backend of the production image: configuration, queue, batching and
protocol are the real server's, the executor is this file. Runs inside the server, in the environment of requirements/triton.txt.
"""

import json
from pathlib import Path

import numpy as np
import onnxruntime
import triton_python_backend_utils as pb_utils

INPUTS = ("input_ids", "attention_mask")


class TritonPythonModel:
    def initialize(self, args):
        config = json.loads(args["model_config"])
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = int(config["parameters"]["intra_op_thread_count"]["string_value"])
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        path = Path(args["model_repository"], args["model_version"], config["default_model_filename"])
        self.session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def execute(self, requests):
        rows = [
            [pb_utils.get_input_tensor_by_name(request, name).as_numpy() for name in INPUTS] for request in requests
        ]
        feed = {name: np.concatenate([row[index] for row in rows]) for index, name in enumerate(INPUTS)}
        (logits,) = self.session.run(["logits"], feed)
        ends = np.cumsum([len(row[0]) for row in rows])[:-1]
        return [pb_utils.InferenceResponse([pb_utils.Tensor("logits", part)]) for part in np.split(logits, ends)]
