"""Runs in the environment of tensorrt-rtx: parse a graph, build an engine for a shape profile, print what came of it as JSON.

``build_engine.py ONNX LEAST USUAL MOST``, shapes as ``1x16``. Needs no GPU; the engine cannot be run without one.
"""

from __future__ import annotations

import json
import sys
import time

import tensorrt_rtx as trt


def main() -> None:
    path, *texts = sys.argv[1:]
    shapes = [tuple(int(size) for size in text.split("x")) for text in texts]
    logger = trt.Logger(trt.Logger.ERROR)
    builder = trt.Builder(logger)
    network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
    parser = trt.OnnxParser(network, logger)
    found = {"version": trt.__version__, "parsed": parser.parse_from_file(path)}
    found["errors"] = [parser.get_error(index).desc() for index in range(parser.num_errors)]
    if found["parsed"]:
        tensors = [network.get_input(index) for index in range(network.num_inputs)]
        found["inputs"] = {tensor.name: [str(tensor.dtype), list(tensor.shape)] for tensor in tensors}
        outputs = [network.get_output(index) for index in range(network.num_outputs)]
        found["outputs"] = {tensor.name: [str(tensor.dtype), list(tensor.shape)] for tensor in outputs}
        found["n_layers"] = network.num_layers
        config, profile = builder.create_builder_config(), builder.create_optimization_profile()
        for tensor in tensors:
            profile.set_shape(tensor.name, *shapes)
        found["profile"] = config.add_optimization_profile(profile)
        started = time.monotonic()
        engine = builder.build_serialized_network(network, config)
        found["engine_bytes"] = 0 if engine is None else engine.nbytes
        found["build_s"] = round(time.monotonic() - started, 2)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
