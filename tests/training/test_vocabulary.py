from __future__ import annotations

from pathlib import Path

import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from turn_detection.errors import ConfigurationError
from turn_detection.training.model import build_encoder
from turn_detection.training.vocabulary import Vocabulary, load_vocabulary, prune_vocabulary, train_vocabulary

PIECES = [
    "<s>",
    "<pad>",
    "</s>",
    "<unk>",
    "▁",
    *(f"▁{letter}" for letter in "абв"),
    *"абв",
    "▁ваза",
    "▁аба",
    "▁hello",
    "llo",
    "▁бав",
]


def unigram() -> Vocabulary:
    tokenizer = Tokenizer(
        models.Unigram([(piece, -float(len(PIECES) - index)) for index, piece in enumerate(PIECES)], unk_id=3)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>", "<mask>"])
    return Vocabulary(tokenizer, "<s>", "</s>", "<pad>")


def test_pruning_drops_unused_pieces_and_changes_no_answer_for_the_rest() -> None:
    torch.manual_seed(0)
    vocabulary = unigram()
    size = vocabulary.tokenizer.get_vocab_size()
    config = {"model_type": "bert", "vocab_size": size, "hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2,
              "intermediate_size": 32, "pad_token_id": 1}  # fmt: skip
    encoder = build_encoder(config).eval()
    text = "ваза аба"
    before_ids = vocabulary.tokenizer.encode(text, add_special_tokens=False)
    with torch.inference_mode():
        before = encoder(input_ids=torch.tensor([before_ids.ids])).last_hidden_state
    pruned = prune_vocabulary(vocabulary, encoder, [text] * 3, min_count=3)
    after_ids = pruned.tokenizer.encode(text, add_special_tokens=False)
    with torch.inference_mode():
        after = encoder(input_ids=torch.tensor([after_ids.ids])).last_hidden_state
    assert after_ids.tokens == before_ids.tokens
    torch.testing.assert_close(after, before)
    kept = pruned.tokenizer.get_vocab()
    assert "▁hello" not in kept
    assert "▁бав" not in kept
    assert {"<s>", "</s>", "<pad>", "<unk>", "<mask>", "а", "▁б"} <= set(kept)
    assert encoder.get_input_embeddings().weight.shape[0] == len(kept) < size
    assert encoder.config.vocab_size == len(kept)


def test_only_unigram_tokenizers_are_pruned() -> None:
    vocabulary = train_vocabulary(["да нет алло"], 40)
    with pytest.raises(ConfigurationError, match="Unigram"):
        prune_vocabulary(
            vocabulary, build_encoder({"model_type": "bert", "hidden_size": 8, "num_attention_heads": 1}), ["да"]
        )


def test_a_vocabulary_is_trained_from_texts_with_the_special_tokens_the_encoding_needs() -> None:
    vocabulary = train_vocabulary(["мне нужен билет на завтра"] * 5, 60)
    assert vocabulary.tokenizer.get_vocab_size() <= 60
    assert vocabulary.tokenizer.encode("билет").tokens == ["билет"]
    for token in (vocabulary.cls_token, vocabulary.sep_token, vocabulary.pad_token):
        assert vocabulary.tokenizer.token_to_id(token) is not None


def test_a_folder_without_the_tokens_is_refused(tmp_path: Path) -> None:
    from transformers import PreTrainedTokenizerFast

    tokenizer = Tokenizer(models.WordLevel({"[UNK]": 0, "да": 1}, unk_token="[UNK]"))
    PreTrainedTokenizerFast(tokenizer_object=tokenizer, unk_token="[UNK]").save_pretrained(tmp_path)
    with pytest.raises(ConfigurationError, match="pad_token"):
        load_vocabulary(str(tmp_path))
