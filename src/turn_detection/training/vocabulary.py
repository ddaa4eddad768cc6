"""Tokenizers for training: taken from an encoder's folder, pruned to a language, or trained on the spot for a random encoder."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import torch
from tokenizers import Tokenizer, models, pre_tokenizers
from torch import nn
from transformers import AutoTokenizer
from transformers.modeling_utils import PreTrainedModel

from ..errors import ConfigurationError


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """A tokenizer with the names that its owner gave to the three tokens the encoding needs."""

    tokenizer: Tokenizer
    cls_token: str
    sep_token: str
    pad_token: str


def load_vocabulary(name_or_path: str) -> Vocabulary:
    """The fast tokenizer of an encoder from a folder or the hub.

    Raises:
        ConfigurationError: there is no fast tokenizer, or it names no classification, separator or padding token.
    """
    loaded = AutoTokenizer.from_pretrained(name_or_path)
    backend = getattr(loaded, "backend_tokenizer", None)
    if backend is None:
        raise ConfigurationError(
            f"{name_or_path} has no fast tokenizer (tokenizer.json); convert it with transformers first"
        )
    names = {
        "cls_token": loaded.cls_token or loaded.bos_token,
        "sep_token": loaded.sep_token or loaded.eos_token,
        "pad_token": loaded.pad_token,
    }
    missing = [name for name, token in names.items() if not token]
    if missing:
        raise ConfigurationError(f"the tokenizer of {name_or_path} names no {', '.join(missing)}")
    return Vocabulary(Tokenizer.from_str(backend.to_str()), **{name: str(token) for name, token in names.items()})


def train_vocabulary(texts: Iterable[str], size: int) -> Vocabulary:
    """A WordPiece vocabulary of at most ``size`` pieces, for encoders that start from random weights.

    Every letter of the texts, alone and as a continuation, then the most frequent words and endings of two and three letters, ties
    in alphabetical order. The library's own trainer breaks ties by chance, and a run could not be repeated.
    """
    special = ["[PAD]", "[UNK]", "[CLS]", "[SEP]"]
    words = Counter(word for text in texts for word in text.split())
    letters = sorted({letter for word in words for letter in word})
    pieces: Counter[str] = Counter(words)
    for word, count in words.items():
        for length in (2, 3):
            if len(word) > length + 1:
                pieces[f"##{word[-length:]}"] += count
    frequent = sorted(pieces, key=lambda piece: (-pieces[piece], piece))
    names = dict.fromkeys([*special, *letters, *(f"##{letter}" for letter in letters), *frequent])
    vocabulary = {piece: index for index, piece in enumerate(list(names)[:size])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return Vocabulary(tokenizer, "[CLS]", "[SEP]", "[PAD]")


def prune_vocabulary(
    vocabulary: Vocabulary, encoder: PreTrainedModel, texts: Iterable[str], *, min_count: int = 3
) -> Vocabulary:
    """Keep the pieces that ``texts`` use and drop the rest from tokenizer and encoder.

    Two thirds of a multilingual encoder's weights are embeddings of pieces that Russian never uses. Kept are special tokens, pieces
    seen ``min_count`` times, and every single character of Russian, Latin and the digits, so that no word becomes unknown.
    The encoder's embedding is replaced in place; ids are renumbered in the old order.

    Raises:
        ConfigurationError: the tokenizer is not a Unigram model, which is the kind that can lose pieces and still cut every word.
    """
    state = json.loads(vocabulary.tokenizer.to_str())
    if state["model"]["type"] != "Unigram":
        raise ConfigurationError(
            f"model.prune_vocabulary works for Unigram tokenizers (SentencePiece), this one is {state['model']['type']}"
        )
    counts: Counter[int] = Counter()
    for chunk in _chunks(texts, 2048):
        for encoding in vocabulary.tokenizer.encode_batch(chunk, add_special_tokens=False):
            counts.update(encoding.ids)
    letters = "абвгдежзийклмнопрстуфхцчшщъыьэюяabcdefghijklmnopqrstuvwxyz0123456789"
    alphabet = {"▁", "?", *letters, *("▁" + letter for letter in letters)}
    special = {token["content"] for token in state["added_tokens"]}
    pieces: list[list[object]] = state["model"]["vocab"]
    kept = [
        index
        for index, (piece, _) in enumerate(pieces)
        if counts[index] >= min_count or piece in alphabet or piece in special
    ]
    new_id = {old: new for new, old in enumerate(kept)}
    state["model"]["vocab"] = [pieces[index] for index in kept]
    state["model"]["unk_id"] = new_id[state["model"]["unk_id"]]
    names = {str(pieces[old][0]): new for old, new in new_id.items()}
    for token in state["added_tokens"]:
        # A special token outside the piece table (e5's <mask>) goes behind it.
        token["id"] = names.setdefault(token["content"], len(names))
    state["post_processor"] = None  # names ids that have moved; the encoding adds its own special tokens
    beyond = (vocabulary.tokenizer.token_to_id(name) for name in list(names)[len(kept) :])
    old_rows = kept + [index for index in beyond if index is not None]
    _select_embeddings(encoder, old_rows, pad_id=names[vocabulary.pad_token])
    return Vocabulary(
        Tokenizer.from_str(json.dumps(state)), vocabulary.cls_token, vocabulary.sep_token, vocabulary.pad_token
    )


def _select_embeddings(encoder: PreTrainedModel, rows: Sequence[int], pad_id: int) -> None:
    old = encoder.get_input_embeddings()
    new = nn.Embedding(len(rows), old.embedding_dim, padding_idx=pad_id)
    with torch.no_grad():
        new.weight.copy_(old.weight[torch.tensor(rows)])
    encoder.set_input_embeddings(new)
    encoder.config.vocab_size = len(rows)
    encoder.config.pad_token_id = pad_id


def _chunks(texts: Iterable[str], size: int) -> Iterable[list[str]]:
    chunk: list[str] = []
    for text in texts:
        chunk.append(text)
        if len(chunk) == size:
            yield chunk
            chunk = []
    if chunk:
        yield chunk
