"""What dropout costs on a CPU: seconds of a forward and a backward pass, without it, with torch's own, with ours.

    python benchmarks/dropout.py [--threads 2] [--rows 128] [--tokens 42] [--repeats 5]

A random encoder of the shipped model's shape, bf16 autocast; the median of the repeats.
"""

from __future__ import annotations

import argparse
import statistics
import time

import torch
from transformers import BertConfig, BertModel

from turn_detection.training.dropout import set_dropout
from turn_detection.training.model import EndOfTurnModel


def seconds(network: EndOfTurnModel, ids: torch.Tensor, repeats: int) -> tuple[float, float]:
    mask = torch.ones_like(ids)
    forward, backward = [], []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        with torch.autocast("cpu", dtype=torch.bfloat16):
            loss = network(ids, mask).float().sum()
        middle = time.perf_counter()
        loss.backward()
        network.zero_grad()
        forward.append(middle - started)
        backward.append(time.perf_counter() - middle)
    return statistics.median(forward[1:]), statistics.median(backward[1:])  # the first one warms up


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--rows", type=int, default=128)
    parser.add_argument("--tokens", type=int, default=42)
    parser.add_argument("--repeats", type=int, default=5)
    arguments = parser.parse_args()
    torch.set_num_threads(arguments.threads)
    config = BertConfig(
        vocab_size=27_269, hidden_size=384, num_hidden_layers=6, num_attention_heads=12, intermediate_size=1536
    )
    config._attn_implementation = "eager"
    network = EndOfTurnModel(BertModel(config, add_pooling_layer=False), sep_id=2, attention="prefix")
    ids = torch.randint(5, 27_000, (arguments.rows, arguments.tokens))
    ids[:, 0], ids[:, arguments.tokens // 2] = 0, 2
    print("| dropout | forward, s | backward, s |\n|---|---|---|")
    for name, share, pooled in (("none", 0.0, False), ("torch's, 0.1", 0.1, False), ("pooled, 0.1", 0.1, True)):
        set_dropout(network, share, pooled=pooled)
        network.train()
        forward, backward = seconds(network, ids, arguments.repeats)
        print(f"| {name} | {forward:.3f} | {backward:.3f} |", flush=True)


if __name__ == "__main__":
    main()
