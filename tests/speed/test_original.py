"""The network that stands for the original's."""

from __future__ import annotations

import importlib.util
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from turn_detection.encoding import EncodedBatch, Encoder
from turn_detection.errors import BackendError, ExportError, MissingExtraError
from turn_detection.speed import original as room
from turn_detection.speed.original import (
    N_LAYERS,
    SERVED_TOKENS,
    VOCABULARY,
    Original,
    OriginalBackend,
    make_original,
    open_graph,
    original_detectors,
)


class RememberingSession:
    """Answers with zeros and keeps what it was fed."""

    def __init__(self) -> None:
        self.feeds: list[dict[str, np.ndarray]] = []

    def run(self, names: list[str], feed: dict[str, np.ndarray]) -> list[np.ndarray]:
        self.feeds.append(feed)
        return [np.zeros((len(feed["input_ids"]), 2), np.float32)]


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Original:
    """The network with two layers, one of either kind of attention."""
    return make_original(tmp_path_factory.mktemp("original"), n_layers=2)


def test_as_it_serves_every_row_is_padded_to_512_under_a_mask() -> None:
    session = RememberingSession()
    batch = EncodedBatch(np.full((2, 7), VOCABULARY + 3), np.ones((2, 7), np.int64))
    assert OriginalBackend(session, padded_to=SERVED_TOKENS).logits(batch).shape == (2, 2)
    assert OriginalBackend(session).logits(batch).dtype == np.float32
    padded, plain = session.feeds
    assert padded["input_ids"].shape == padded["attention_mask"].shape == (2, 512)
    assert padded["attention_mask"].sum(axis=1).tolist() == [7, 7]
    assert plain["input_ids"].tolist() == [[3] * 7] * 2, "ids of a larger vocabulary are folded"


@pytest.mark.slow
def test_it_has_the_originals_shape_and_150_million_weights() -> None:
    import torch

    from turn_detection.speed.network import OriginalNetwork, original_config

    config = original_config()
    kinds = ["full_attention" if layer % 3 == 0 else "sliding_attention" for layer in range(N_LAYERS)]
    assert config.layer_types == kinds
    assert (config.hidden_size, config.num_attention_heads, config.intermediate_size) == (768, 12, 1152)
    assert (config.local_attention, config.vocab_size, config._attn_implementation) == (128, 50_368, "eager")
    with torch.device("meta"):
        network = OriginalNetwork(config)
    assert 149e6 < sum(parameter.numel() for parameter in network.parameters()) < 151e6


@pytest.mark.slow
@pytest.mark.parametrize("shape", [(1, 8), (3, 33), (2, 200), (1, 512)])
def test_the_graph_answers_as_torch_at_lengths_on_both_sides_of_the_window(
    small: Original, shape: tuple[int, int]
) -> None:
    import torch

    from turn_detection.speed.network import OriginalNetwork, original_config

    torch.manual_seed(room.SEED)
    network = OriginalNetwork(original_config(2)).eval()
    ids = np.random.default_rng(0).integers(0, VOCABULARY, shape)
    mask = np.ones_like(ids)
    mask[-1, shape[1] // 2 :] = 0
    with torch.no_grad():
        expected = network(input_ids=torch.from_numpy(ids), attention_mask=torch.from_numpy(mask)).logits.numpy()
    found = OriginalBackend(open_graph(small.path)).logits(EncodedBatch(ids, mask))
    np.testing.assert_allclose(found, expected, atol=1e-4)
    assert np.abs(expected).max() > 0.01, "an answer of zeros would agree with anything"


@pytest.mark.slow
def test_a_written_network_is_described_and_answers_the_same_with_padding(
    small: Original, toy_encoder: Encoder
) -> None:
    assert (small.n_layers, small.is_whole) == (2, False)
    assert 4 * small.n_parameters < small.n_bytes < 4.1 * small.n_parameters
    plain, padded = original_detectors(small, toy_encoder)
    items = [("Чем могу помочь?", "мне нужен билет"), (None, "да")]
    for item in items:
        (one,), (other,) = plain.predict_batch([item]), padded.predict_batch([item])
        assert one.eot_probability == pytest.approx(other.eot_probability, abs=1e-4)


@pytest.mark.slow
def test_a_graph_that_differs_from_torch_is_refused(small: Original, toy_encoder: Encoder) -> None:
    with pytest.raises(ExportError, match="differs from torch"):
        original_detectors(replace(small, logits=small.logits + 0.1), toy_encoder)


@pytest.mark.slow
def test_a_failed_export_is_told_in_one_line(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match="could not be exported: FileNotFoundError") as caught:
        make_original(tmp_path / "none", n_layers=1)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("missing", ["torch", "transformers"])
def test_without_torch_the_extra_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, missing: str) -> None:
    found = importlib.util.find_spec

    def find(name: str, *arguments: Any) -> Any:
        return None if name == missing else found(name, *arguments)

    monkeypatch.setattr(importlib.util, "find_spec", find)
    with pytest.raises(MissingExtraError, match=f"--no-original.*'cpu' .{missing} is not installed") as caught:
        make_original(tmp_path)
    assert caught.value.extra == "cpu"


def test_a_file_that_is_no_graph_is_refused(tmp_path: Path) -> None:
    (tmp_path / "original.onnx").write_bytes(b"no graph")
    with pytest.raises(BackendError, match="cannot load"):
        open_graph(tmp_path / "original.onnx")
