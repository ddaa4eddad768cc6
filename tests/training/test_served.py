"""The served form of a network answers as the network does, and the graph of it has the less work that it promises."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from turn_detection.encoding import Encoder
from turn_detection.graph import parity_error, to_onnx
from turn_detection.training.checkpoint import Checkpoint
from turn_detection.training.ensemble import Ensemble
from turn_detection.training.model import Attention, EndOfTurnModel, LastTokenLogits, build_encoder
from turn_detection.training.ngram import HashedNgrams
from turn_detection.training.served import ServedBert, served

SIZES = {
    "vocab_size": 200,
    "hidden_size": 48,
    "intermediate_size": 96,
    "num_attention_heads": 4,
    "num_hidden_layers": 3,
}
ITEMS = [("мой?", "мне нужен билет на"), (None, "да"), ("завтра", "нет"), ("да?", "мне нужен мой билет на завтра")]


def network(encoder: Encoder, attention: Attention, **config: object) -> EndOfTurnModel:
    torch.manual_seed(0)
    # Wide initial weights: attention must be far from even for a wrong mask to show.
    settings = {"model_type": "bert", "initializer_range": 0.3, **SIZES, **config}
    return EndOfTurnModel(build_encoder(settings), encoder.sep_id, attention).eval()


@pytest.mark.parametrize("attention", ["prefix", "full"])
def test_it_answers_as_the_network_does_whatever_the_padding(toy_encoder: Encoder, attention: Attention) -> None:
    model = network(toy_encoder, attention)
    batch = toy_encoder.pad([toy_encoder.encode(context, text) for context, text in ITEMS], n_tokens=19)
    ids, mask = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.attention_mask)
    fast = served(LastTokenLogits(model))
    assert isinstance(fast, ServedBert)
    with torch.inference_mode():
        expected, found = LastTokenLogits(model)(ids, mask), fast.eval()(ids, mask)
    assert np.ptp(expected[:, 0].numpy()) > 0.01
    np.testing.assert_allclose(found, expected, atol=1e-5)


def test_the_context_is_seen_both_ways_and_the_message_one_way(toy_encoder: Encoder) -> None:
    """Another last word must not change what the words before it say: with one mask for all they would."""
    fast = served(LastTokenLogits(network(toy_encoder, "prefix")))
    assert isinstance(fast, ServedBert)
    ids, mask = torch.tensor([[0, 9, 2, 7, 8], [0, 9, 2, 7, 11]]), torch.ones(2, 5, dtype=torch.long)
    ids[ids == 2] = toy_encoder.sep_id
    unseen = fast._unseen(ids, mask, torch.arange(5))[0, 0]
    assert (unseen == 0).int().tolist() == [[1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 0, 0], [1, 1, 1, 1, 0], [1] * 5]


def test_ngrams_stay_beside_it(toy_encoder: Encoder) -> None:
    ensemble = Ensemble(LastTokenLogits(network(toy_encoder, "prefix")), HashedNgrams.empty(toy_encoder), 0.5)
    fast = served(ensemble)
    assert isinstance(fast, Ensemble)
    assert isinstance(fast.network, ServedBert)
    assert (fast.ngrams, fast.weight) == (ensemble.ngrams, 0.5)
    alone = Ensemble(None, HashedNgrams.empty(toy_encoder), 1.0)
    assert served(alone) is alone


@pytest.mark.parametrize("config", [{"hidden_act": "relu"}, {"model_type": "electra", "embedding_size": 48}])
def test_other_networks_are_exported_as_they_are(toy_encoder: Encoder, config: dict[str, object]) -> None:
    plain = LastTokenLogits(network(toy_encoder, "prefix", **config))
    assert served(plain) is plain


def test_the_gate_compares_the_graph_with_the_network_itself(toy_encoder: Encoder, tmp_path: Path) -> None:
    checkpoint = Checkpoint(network(toy_encoder, "prefix"), toy_encoder, {}, {})
    to_onnx(checkpoint, tmp_path / "model.onnx")
    assert parity_error(checkpoint, tmp_path / "model.onnx", []) < 1e-5
    graph = onnx.load(tmp_path / "model.onnx").graph
    assert {node.domain for node in graph.node} == {""}, "TensorRT knows no operators of onnxruntime"
    with torch.no_grad():
        checkpoint.model.encoder.encoder.layer[-1].output.dense.bias[0] += 1
    assert parity_error(checkpoint, tmp_path / "model.onnx", []) > 1e-4, "the comparison must notice"
