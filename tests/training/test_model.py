from __future__ import annotations

from pathlib import Path

import pytest
import torch

from turn_detection.errors import ConfigurationError
from turn_detection.training.model import (
    EndOfTurnModel,
    LastTokenLogits,
    build_encoder,
    deepen,
    load_encoder,
    prefix_mask,
)
from turn_detection.training.module import plain_config, warmup_then_linear, weighted_loss

CLS, SEP, PAD = 1, 2, 0
SMALL_BERT = {
    "model_type": "bert",
    "vocab_size": 40,
    "hidden_size": 32,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "intermediate_size": 64,
    "max_position_embeddings": 64,
    "pad_token_id": PAD,
}


def network(attention: str = "prefix") -> EndOfTurnModel:
    torch.manual_seed(0)
    model = EndOfTurnModel(build_encoder(SMALL_BERT), SEP, attention).eval()  # type: ignore[arg-type]
    torch.nn.init.normal_(model.head.weight)  # far from zero, so that differences show
    return model


def logits(model: torch.nn.Module, *rows: list[int]) -> torch.Tensor:
    width = max(map(len, rows))
    ids = torch.tensor([row + [PAD] * (width - len(row)) for row in rows])
    mask = torch.tensor([[1] * len(row) + [0] * (width - len(row)) for row in rows])
    with torch.inference_mode():
        out: torch.Tensor = model(ids, mask)
    return out


CONTEXT, MESSAGE = [CLS, 10, 11, 12, SEP], [20, 21, 22, 23]


def test_one_pass_answers_for_every_prefix_of_the_message() -> None:
    model = network()
    whole = logits(model, CONTEXT + MESSAGE)[0]
    for n_words in range(1, len(MESSAGE) + 1):
        alone = logits(model, CONTEXT + MESSAGE[:n_words])[0, -1]
        torch.testing.assert_close(whole[len(CONTEXT) + n_words - 1], alone, atol=1e-5, rtol=1e-5)


def test_what_comes_later_in_the_message_changes_nothing_before_it() -> None:
    model = network()
    one, other = (logits(model, CONTEXT + [20, last])[0] for last in (21, 35))
    torch.testing.assert_close(one[:-1], other[:-1])
    assert not torch.allclose(one[-1], other[-1])


def test_the_context_is_read_both_ways_and_reaches_the_message() -> None:
    model = network()
    one, other = (logits(model, [CLS, 10, last, SEP, 20])[0] for last in (11, 35))
    assert not torch.allclose(one[1], other[1]), "an early context token must see a later one"
    assert not torch.allclose(one[-1], other[-1]), "the message must see the context"


def test_every_earlier_turn_counts_as_context() -> None:
    ids = torch.tensor([[CLS, 10, SEP, 11, SEP, 20, 21]])
    mask = prefix_mask(ids, torch.ones_like(ids), SEP, torch.float32)[0, 0]
    seen = (mask == 0).int()
    assert seen[:5, :5].all(), "all of the context sees all of the context"
    assert not seen[:5, 5:].any(), "the context never sees the message"
    assert seen[5].tolist() == [1, 1, 1, 1, 1, 1, 0]
    assert seen[6].tolist() == [1] * 7


def test_without_context_the_message_still_starts_after_a_separator() -> None:
    ids = torch.tensor([[CLS, SEP, 20, 21]])
    seen = (prefix_mask(ids, torch.ones_like(ids), SEP, torch.float32)[0, 0] == 0).int()
    assert seen.tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [1, 1, 1, 0], [1, 1, 1, 1]]


@pytest.mark.parametrize("attention", ["prefix", "full"])
def test_padding_changes_no_answer(attention: str) -> None:
    model = LastTokenLogits(network(attention)).eval()
    alone = logits(model, CONTEXT + [20])
    padded = logits(model, CONTEXT + [20], CONTEXT + MESSAGE)
    torch.testing.assert_close(padded[:1], alone, atol=1e-5, rtol=1e-5)


def test_full_attention_reads_the_message_both_ways() -> None:
    model = network("full")
    one, other = (logits(model, CONTEXT + [20, last])[0] for last in (21, 35))
    assert not torch.allclose(one[-2], other[-2])


def test_an_unknown_attention_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="prefix"):
        network("sideways")


def test_an_encoder_can_be_cut_to_its_first_layers(tmp_path) -> None:  # type: ignore[no-untyped-def]
    encoder = build_encoder(SMALL_BERT)
    encoder.save_pretrained(tmp_path)
    cut = load_encoder(str(tmp_path), 1)
    assert cut.config.num_hidden_layers == 1
    torch.testing.assert_close(
        cut.encoder.layer[0].attention.self.query.weight, encoder.encoder.layer[0].attention.self.query.weight
    )
    with pytest.raises(ConfigurationError, match="n_layers"):
        load_encoder(str(tmp_path), 3)


def test_a_configuration_without_a_model_type_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="model_type"):
        build_encoder({"hidden_size": 8})


def test_only_judged_tokens_enter_the_loss_and_weights_weigh() -> None:
    scores = torch.tensor([[[9.0, -9.0], [0.0, 0.0], [2.0, 0.0]]])  # (1, 3, 2)
    labels = torch.tensor([[1, 1, 0]])
    weights = torch.tensor([[0.0, 1.0, 3.0]])
    expected = (1.0 * torch.log(torch.tensor(2.0)) + 3.0 * torch.log1p(torch.exp(torch.tensor(-2.0)))) / 4
    torch.testing.assert_close(weighted_loss(scores, labels, weights), expected)


def test_the_rate_rises_to_its_peak_and_falls_to_zero() -> None:
    rates = [warmup_then_linear(step / 100, 0.1) for step in range(101)]
    assert rates[0] > 0
    assert max(rates) == rates[10] == 1.0
    assert rates[:11] == sorted(rates[:11])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[100] == 0.0


def test_upper_layers_of_the_encoder_go_on_top_of_a_trained_network(tmp_path: Path) -> None:
    whole = build_encoder({**SMALL_BERT, "num_hidden_layers": 4})
    whole.save_pretrained(tmp_path)
    model = network()
    lower = {name: weight.clone() for name, weight in model.state_dict().items()}
    deepen(model, str(tmp_path), 4)
    deeper = model.state_dict()
    assert all(torch.equal(deeper[name], weight) for name, weight in lower.items())
    upper = "encoder.layer.3.output.dense.weight"
    torch.testing.assert_close(deeper[f"encoder.{upper}"], whole.state_dict()[upper])
    rebuilt = EndOfTurnModel(build_encoder(plain_config(model.encoder.config)), SEP, "prefix").eval()
    rebuilt.load_state_dict(deeper)
    row = CONTEXT + MESSAGE
    torch.testing.assert_close(logits(rebuilt, row), logits(model, row))


def test_layers_of_another_width_are_refused(tmp_path: Path) -> None:
    build_encoder({**SMALL_BERT, "num_hidden_layers": 4, "hidden_size": 64}).save_pretrained(tmp_path)
    with pytest.raises(ConfigurationError, match="cannot lend its upper layers"):
        deepen(network(), str(tmp_path), 4)
