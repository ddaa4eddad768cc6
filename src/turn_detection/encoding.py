"""Messages to token arrays: history limit, truncation that keeps the END, padding.

The layout of one item is ``[CLS] turn [SEP] turn [SEP] ... [SEP] message``: every turn of the context is closed by a separator,
the caller's words come last and stay open, because the caller may go on. The verdict is read at the last token, so the words so far
are encoded the same way whether the turn is finished or not.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from tokenizers import Encoding, Tokenizer

from .errors import BundleError, InvalidInputError, InvalidTypeError
from .text import has_words, normalise
from .types import AGENT, CLIENT, Context, as_messages


@dataclass(frozen=True, slots=True)
class EncodingSpec:
    """What must not drift between training and use; a manifest carries it.

    Attributes:
        history_turns: at most so many turns of context, the latest ones; neighbours of one role count as one turn.
        max_context_tokens: of all context turns together, separators included.
        max_message_tokens: of the caller's words.
        cls_token, sep_token, pad_token: names of the tokenizer's special tokens.
    """

    history_turns: int = 4
    max_context_tokens: int = 48
    max_message_tokens: int = 96
    cls_token: str = "<s>"
    sep_token: str = "</s>"
    pad_token: str = "<pad>"

    def __post_init__(self) -> None:
        for name, least in (("history_turns", 0), ("max_context_tokens", 1), ("max_message_tokens", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int):
                raise InvalidTypeError(f"{name} must be a whole number, got {type(value).__name__}")
            if value < least:
                raise InvalidInputError(f"{name} must be at least {least}, got {value}")
        for name in ("cls_token", "sep_token", "pad_token"):
            if not isinstance(getattr(self, name), str):
                raise InvalidTypeError(f"{name} must be a string, got {type(getattr(self, name)).__name__}")


@dataclass(frozen=True, slots=True)
class EncodedBatch:
    """Padded items: ``input_ids`` and ``attention_mask`` are ``(batch, n_tokens) int64``, padding on the right, mask 1 = token."""

    input_ids: np.ndarray
    attention_mask: np.ndarray

    def __len__(self) -> int:
        return len(self.input_ids)


@dataclass(frozen=True, slots=True)
class EncodedWords:
    """One item with the places where its words end.

    Attributes:
        input_ids: the whole item.
        word_ends: index in ``input_ids`` of the last piece of every word of the message that truncation left.
        n_words: words of the message before truncation.
    """

    input_ids: list[int]
    word_ends: list[int]
    n_words: int


class Encoder:
    """Turns texts into token ids by one tokenizer and one :class:`EncodingSpec`.

    Thread-safe: it keeps no state between calls.

    Raises:
        BundleError: the tokenizer lacks one of the special tokens that the specification names.
    """

    def __init__(self, tokenizer: Tokenizer, spec: EncodingSpec) -> None:
        # The folder's own settings would cut or pad behind our back; layout and limits are this class's business.
        tokenizer.no_truncation()
        tokenizer.no_padding()
        self._tokenizer = tokenizer
        self.spec = spec
        self.cls_id = self._special_id(spec.cls_token)
        self.sep_id = self._special_id(spec.sep_token)
        self.pad_id = self._special_id(spec.pad_token)

    def _special_id(self, token: str) -> int:
        token_id = self._tokenizer.token_to_id(token)
        if token_id is None:
            raise BundleError(
                f"the tokenizer has no token '{token}', which the encoding needs; check manifest.json and tokenizer.json"
            )
        return int(token_id)

    @property
    def vocabulary_size(self) -> int:
        return int(self._tokenizer.get_vocab_size(with_added_tokens=True))

    def tokenizer_json(self) -> str:
        """The tokenizer in the form of ``tokenizer.json``."""
        return str(self._tokenizer.to_str())

    def encode(self, context: Context, message: str) -> list[int]:
        """Token ids of one item, at most ``1 + max_context_tokens + max_message_tokens``.

        ``message`` is what the caller has said so far in the current turn; caller's messages at the end of ``context`` belong to that
        turn and are put before it, so that a turn which a recogniser split in two is scored as one.

        Raises:
            InvalidTypeError: a context or message of the wrong type.
        """
        return self.encode_words(context, message).input_ids

    def encode_words(self, context: Context, message: str) -> EncodedWords:
        """Like :meth:`encode`, with the word boundaries that training puts its targets on."""
        turns, words_so_far = self._split_context(context, message)
        text = normalise(words_so_far)
        head = [self.cls_id, *self._encode_context(turns)]
        return self._joined(head, text, self._tokenizer.encode(text, add_special_tokens=False))

    def encode_words_batch(self, items: Iterable[tuple[Context, str]]) -> list[EncodedWords]:
        """What :meth:`encode_words` gives for every item, in less time: every distinct text is normalised and tokenised once.

        Memory grows with the number of items (about 10 KB each while it runs): hand over some thousands at a time.
        """
        normalised: dict[tuple[str, bool], str] = {}

        def read(text: str, keep_questions: bool) -> str:
            key = (text, keep_questions)
            if key not in normalised:
                normalised[key] = normalise(text, keep_questions=keep_questions)
            return normalised[key]

        plans: list[tuple[list[str], str]] = []
        for context, message in items:
            turns, words_so_far = self._split_context(context, message)
            lines = [text for role, turn in turns if (text := read(turn, role == AGENT))]
            plans.append((lines, normalise(words_so_far)))
        texts = list(dict.fromkeys(text for lines, message in plans for text in (*lines, message)))
        encodings = dict(zip(texts, self._tokenizer.encode_batch(texts, add_special_tokens=False), strict=True))
        lines_seen: dict[str, list[int]] = {}
        encoded = []
        for lines, message in plans:
            ids: list[int] = []
            for line in lines:
                if line not in lines_seen:
                    lines_seen[line] = [*encodings[line].ids, self.sep_id]
                ids += lines_seen[line]
            encoded.append(self._joined([self.cls_id, *self._limited(ids)], message, encodings[message]))
        return encoded

    def _joined(self, head: list[int], text: str, encoding: Encoding) -> EncodedWords:
        """The whole item: ``head`` is what comes before the message, ``text`` the message and ``encoding`` its pieces."""
        # A piece ends a word if its text ends at a space or at the end. Holds for Metaspace and byte-level vocabularies alike.
        ends = [index for index, (_, stop) in enumerate(encoding.offsets) if stop == len(text) or text[stop] == " "]
        ids = encoding.ids
        cut = max(0, len(ids) - self.spec.max_message_tokens)
        return EncodedWords(
            input_ids=head + ids[cut:],
            word_ends=[len(head) + index - cut for index in ends if index >= cut],
            n_words=len(ends),
        )

    def encode_batch(self, items: Iterable[tuple[Context, str]]) -> EncodedBatch:
        """Encode and pad ``(context, message)`` pairs."""
        return self.pad([self.encode(context, message) for context, message in items])

    def pad(self, rows: Sequence[Sequence[int]], n_tokens: int | None = None) -> EncodedBatch:
        """Pad rows of ids on the right to ``n_tokens`` (the longest row by default)."""
        width = max(map(len, rows), default=0) if n_tokens is None else n_tokens
        input_ids = np.full((len(rows), width), self.pad_id, dtype=np.int64)
        attention_mask = np.zeros((len(rows), width), dtype=np.int64)
        for index, row in enumerate(rows):
            input_ids[index, : len(row)] = row
            attention_mask[index, : len(row)] = 1
        return EncodedBatch(input_ids, attention_mask)

    def _split_context(self, context: Context, message: str) -> tuple[list[tuple[str, str]], str]:
        """Merge neighbours of one role; return the turns before the current one and the caller's words of the current one."""
        if not isinstance(message, str):
            raise InvalidTypeError(f"message must be a string, got {type(message).__name__}")
        merged: list[tuple[str, str]] = []
        for entry in as_messages(context):
            # System and tool messages, and messages that hold nothing readable, are no part of what was said.
            if entry.role not in (AGENT, CLIENT) or not has_words(entry.text):
                continue
            if merged and merged[-1][0] == entry.role:
                merged[-1] = (entry.role, f"{merged[-1][1]} {entry.text}")
            else:
                merged.append((entry.role, entry.text))
        if merged and merged[-1][0] == CLIENT:
            message = f"{merged.pop()[1]} {message}"
        history = merged[-self.spec.history_turns :] if self.spec.history_turns else []
        return history, message

    def _encode_context(self, turns: Sequence[tuple[str, str]]) -> list[int]:
        """Ids of the context turns, each closed by a separator; keeps the end of the last turn when all is too long."""
        ids: list[int] = []
        for role, turn in turns:
            text = normalise(turn, keep_questions=role == AGENT)
            if text:
                ids += [*self._tokenizer.encode(text, add_special_tokens=False).ids, self.sep_id]
        return self._limited(ids)

    def _limited(self, ids: list[int]) -> list[int]:
        # No separator at all would let the model take the message for context.
        return ids[-self.spec.max_context_tokens :] if ids else [self.sep_id]
