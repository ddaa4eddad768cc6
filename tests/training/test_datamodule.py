from __future__ import annotations

import lightning
import numpy as np
import pytest
import torch
from tokenizers import Tokenizer, models, pre_tokenizers

from turn_detection.data.samples import Reply, Sample
from turn_detection.encoding import Encoder, EncodingSpec
from turn_detection.errors import DataFormatError
from turn_detection.training.datamodule import Batch, LengthBatches, TurnDataModule, collate
from turn_detection.training.targets import TargetRow, every_word_row, sample_row
from turn_detection.types import AGENT, Message, TurnLabel

WORDS = ["<s>", "</s>", "<pad>", "<unk>", "алло", "да", "мне", "нужен", "билет", "на", "завтра", "?"]


@pytest.fixture
def encoder() -> Encoder:
    tokenizer = Tokenizer(models.WordLevel({word: index for index, word in enumerate(WORDS)}, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    return Encoder(tokenizer, EncodingSpec(max_message_tokens=4))


def reply(text: str) -> Reply:
    return Reply("file:1:1", "digest:1", "file", (Message(AGENT, "Алло?"),), text)


def test_every_word_is_judged_and_the_cuts_weigh_as_much_as_the_end(encoder: Encoder) -> None:
    row = every_word_row(encoder, reply("Мне нужен билет."))
    assert row is not None
    assert [WORDS[row.input_ids[index]] for index in row.positions] == ["мне", "нужен", "билет"]
    assert row.labels.tolist() == [TurnLabel.WAIT.column, TurnLabel.WAIT.column, TurnLabel.SPEAK.column]
    assert row.weights.tolist() == [0.5, 0.5, 1.0]


def test_a_truncated_reply_keeps_its_end_and_the_weights_of_its_full_length(encoder: Encoder) -> None:
    row = every_word_row(encoder, reply("да мне нужен билет на завтра"))
    assert row is not None
    assert [WORDS[row.input_ids[index]] for index in row.positions] == ["нужен", "билет", "на", "завтра"]
    np.testing.assert_allclose(row.weights, [0.2, 0.2, 0.2, 1.0])


def test_a_single_word_is_an_end_and_nothing_readable_is_no_row(encoder: Encoder) -> None:
    row = every_word_row(encoder, reply("да"))
    assert row is not None
    assert row.weights.tolist() == [1.0]
    assert every_word_row(encoder, reply("...")) is None


def test_a_sample_is_judged_at_its_last_token(encoder: Encoder) -> None:
    row = sample_row(encoder, Sample("id", "file", (), "мне нужен", TurnLabel.WAIT), weight=0.5)
    assert row is not None
    assert row.positions.tolist() == [len(row.input_ids) - 1]
    assert row.labels.tolist() == [TurnLabel.WAIT.column]
    assert row.weights.tolist() == [0.5]
    assert sample_row(encoder, Sample("id", "file", (), "🙂", TurnLabel.WAIT)) is None


def test_a_batch_holds_targets_where_the_words_end_and_nothing_on_padding(encoder: Encoder) -> None:
    rows = [every_word_row(encoder, reply(text)) for text in ("мне нужен билет", "да")]
    batch = collate(encoder.pad_id)([row for row in rows if row is not None])
    assert batch["input_ids"].shape == batch["weights"].shape == (2, 7)
    assert batch["input_ids"][1, 5:].tolist() == [encoder.pad_id] * 2
    assert batch["attention_mask"].sum(dim=1).tolist() == [7, 5]
    assert batch["weights"][1].tolist() == [0, 0, 0, 0, 1, 0, 0]


def test_batches_hold_every_row_once_in_another_order_every_epoch() -> None:
    lengths = np.random.default_rng(0).integers(1, 60, size=1003).tolist()
    sampler = LengthBatches(lengths, 16, seed=1)
    first = [index for batch in sampler for index in batch]
    assert sorted(first) == list(range(1003))
    assert len(list(sampler)) == len(sampler)
    assert [index for batch in sampler for index in batch] == first
    sampler.set_epoch(1)
    second = [index for batch in sampler for index in batch]
    assert second != first
    assert sorted(second) == sorted(first)


def test_lightning_tells_the_sampler_which_epoch_it_is() -> None:
    class Remembering(lightning.LightningModule):
        def __init__(self) -> None:
            super().__init__()
            self.weight = torch.nn.Parameter(torch.zeros(1))
            self.orders: list[list[int]] = [[], []]

        def training_step(self, batch: Batch, _: int) -> torch.Tensor:
            self.orders[self.current_epoch] += batch["input_ids"][:, 0].tolist()
            return self.weight.sum()

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return torch.optim.SGD(self.parameters(), lr=0.1)

    rows = [TargetRow(np.array([n]), np.array([0]), np.array([0]), np.array([1.0], np.float32)) for n in range(40)]
    data = TurnDataModule(rows, rows[:1], pad_id=0, batch_size=4, seed=1)
    module = Remembering()
    trainer = lightning.Trainer(
        max_epochs=2, accelerator="cpu", logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False,
    )  # fmt: skip
    trainer.fit(module, data.train_dataloader())
    first, second = module.orders
    assert sorted(first) == sorted(second) == list(range(40))
    assert first != second


def test_rows_of_a_batch_are_of_about_one_length() -> None:
    lengths = np.random.default_rng(0).integers(1, 100, size=4096)
    spread = [np.ptp(lengths[batch]) for batch in LengthBatches(lengths.tolist(), 32, seed=1)]
    assert np.mean(spread) < 5


def test_nothing_to_train_on_is_said_before_training() -> None:
    row = TargetRow(np.array([0]), np.array([0]), np.array([0]), np.array([1.0], np.float32))
    with pytest.raises(DataFormatError, match="validation_share"):
        TurnDataModule([row], [], pad_id=0, batch_size=1, seed=0)
