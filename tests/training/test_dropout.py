"""Pooled dropout does what dropout does."""

from __future__ import annotations

import pytest

pytest.importorskip("torch")
pytest.importorskip("transformers")

import torch
import transformers

from turn_detection.training.dropout import PooledDropout, set_dropout


def test_the_right_share_is_dropped_and_the_mean_is_kept() -> None:
    torch.manual_seed(0)
    out = PooledDropout(0.2)(torch.ones(400, 500))

    assert (out == 0).float().mean().item() == pytest.approx(0.2, abs=0.01)
    assert out.mean().item() == pytest.approx(1.0, abs=0.01)


def test_every_call_has_another_mask_and_the_seed_decides_it() -> None:
    layer = PooledDropout(0.5)

    def draw() -> torch.Tensor:
        return layer(torch.ones(64, 8)) == 0

    torch.manual_seed(3)
    layer(torch.ones(1))  # draws the long mask
    torch.manual_seed(4)
    first, second = draw(), draw()
    torch.manual_seed(4)

    assert not torch.equal(first, second)
    assert torch.equal(draw(), first)


def test_evaluation_changes_nothing() -> None:
    values = torch.randn(3, 5)

    assert torch.equal(PooledDropout(0.5).eval()(values), values)


def test_the_type_is_kept_and_the_mask_is_in_no_checkpoint() -> None:
    layer = PooledDropout(0.5)

    assert layer(torch.ones(4, dtype=torch.float32)).dtype == torch.float32
    assert layer(torch.ones(4, dtype=torch.bfloat16)).dtype == torch.bfloat16
    assert not layer.state_dict()


def test_an_encoder_is_switched_over_and_back() -> None:
    encoder = transformers.BertModel(
        transformers.BertConfig(
            hidden_size=8, num_hidden_layers=1, num_attention_heads=1, intermediate_size=8, vocab_size=9
        )
    )

    set_dropout(encoder, 0.3, pooled=True)
    found = [part for part in encoder.modules() if isinstance(part, PooledDropout)]
    assert len(found) == 3  # embeddings, after attention, after the feed-forward block
    assert {part.p for part in encoder.modules() if isinstance(part, torch.nn.Dropout)} == {0.0}

    set_dropout(encoder, 0.1, pooled=False)
    assert {part.p for part in encoder.modules() if isinstance(part, torch.nn.Dropout)} == {0.1}
    assert not any(isinstance(part, PooledDropout) for part in encoder.modules())
