"""The short memory: same answers in torch and ONNX, whatever shares the batch; learns what its rows show; refuses files that do not fit."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from onnxruntime import InferenceSession
from tokenizers import Tokenizer, models, pre_tokenizers

from turn_detection.data.samples import Reply
from turn_detection.encoding import Encoder, EncodingSpec
from turn_detection.errors import ConfigurationError, DataFormatError, InputFileNotFoundError, TurnDetectionError
from turn_detection.graph import to_onnx
from turn_detection.training.checkpoint import Checkpoint
from turn_detection.training.ensemble import Ensemble, fit_weight
from turn_detection.training.ngram import EMPTY, FEATURES, SYMBOLS, HashedNgrams, last_margins, word_starts
from turn_detection.training.ngram_file import load_ngrams, save_ngrams
from turn_detection.training.ngram_fit import NgramFit, NgramSettings, fit_ngrams
from turn_detection.training.targets import TargetRow, every_word_row
from turn_detection.types import AGENT, Message

#: What finishes depends on the word before it and on the question: «на» never does, «билет» only after «мой».
SAID = (
    ("да?", "мне нужен билет на завтра"),
    ("да?", "нет"),
    ("мой?", "в москву"),
    ("мой?", "мне нужен мой билет"),
    ("завтра", "хотел на завтра"),
    (None, "спасибо"),
)
SMALL = NgramSettings(n_slots=4096, passes=20, batch_size=16)


def rows(encoder: Encoder) -> list[TargetRow]:
    made = []
    for index, (question, text) in enumerate(SAID * 4):
        context = (Message(AGENT, question),) if question else ()
        row = every_word_row(encoder, Reply(str(index), str(index), "test", context, text))
        assert row is not None
        made.append(row)
    return made


@pytest.fixture(scope="module")
def fit(toy_encoder: Encoder) -> NgramFit:
    return fit_ngrams(rows(toy_encoder), toy_encoder, SMALL)


@pytest.fixture(scope="module")
def model(fit: NgramFit) -> HashedNgrams:
    return fit.model


def margins(model: HashedNgrams, encoder: Encoder, *items: tuple[str | None, str]) -> np.ndarray:
    return last_margins(model, encoder, [encoder.encode(context, message) for context, message in items])


def test_it_learns_which_words_finish_after_which(model: HashedNgrams, toy_encoder: Encoder) -> None:
    texts = [(context, text) for context, text in SAID]
    cut = [(context, text.rsplit(" ", 1)[0]) for context, text in SAID if " " in text]
    assert margins(model, toy_encoder, *texts).min() > 0.5
    assert margins(model, toy_encoder, *cut).max() < -0.5


def test_a_cut_weighs_as_much_as_its_weight_says(toy_encoder: Encoder) -> None:
    row = rows(toy_encoder)[1]
    contrary = TargetRow(row.input_ids, row.positions, 1 - row.labels, row.weights * 0)
    fitted = fit_ngrams([row, contrary, contrary] * 5, toy_encoder, SMALL).model
    assert margins(fitted, toy_encoder, ("да?", "нет"))[0] > 1, "targets of weight zero teach nothing"


def test_every_token_is_answered_as_if_it_were_the_last(model: HashedNgrams, toy_encoder: Encoder) -> None:
    ids = torch.tensor([toy_encoder.encode("да мой?", "мне нужен телефон на завтра")])
    everywhere = model(ids, torch.ones_like(ids))[0]
    start = ids[0].tolist().index(toy_encoder.sep_id) + 1
    for end in range(start, ids.shape[1]):
        prefix = ids[:, : end + 1]
        assert model.last(prefix, torch.ones_like(prefix))[0] == everywhere[end]


def test_an_answer_depends_neither_on_padding_nor_on_company(model: HashedNgrams, toy_encoder: Encoder) -> None:
    encoded = [toy_encoder.encode(context, text) for context, text in (*SAID, ("мой?", "мне"), (None, "хотел"))]
    together = last_margins(model, toy_encoder, encoded)
    assert np.ptp(together) > 1, "a constant would pass any comparison"
    for row, expected in zip(encoded, together, strict=True):
        assert last_margins(model, toy_encoder, [row])[0] == expected
        padded = toy_encoder.pad([row], n_tokens=len(row) + 9)
        ids, mask = torch.from_numpy(padded.input_ids), torch.from_numpy(padded.attention_mask)
        assert model.last(ids, mask)[0] == expected
    assert last_margins(model, toy_encoder, encoded[::-1]).tolist() == together[::-1].tolist()


@pytest.fixture(scope="module")
def session(model: HashedNgrams, toy_encoder: Encoder, tmp_path_factory: pytest.TempPathFactory) -> InferenceSession:
    path = tmp_path_factory.mktemp("graph") / "ngrams.onnx"
    to_onnx(Checkpoint(None, toy_encoder, {}, {}), path, Ensemble(None, model, 1.0))  # type: ignore[arg-type]
    return InferenceSession(str(path), providers=["CPUExecutionProvider"])


@pytest.mark.parametrize("n_tokens", [2, 3, 7, 33, 145])
def test_the_graph_answers_as_torch_at_every_shape(
    n_tokens: int, model: HashedNgrams, toy_encoder: Encoder, session: InferenceSession
) -> None:
    chance = np.random.default_rng(n_tokens)
    words = [toy_encoder.encode(None, text)[2:] for _, text in SAID]
    items = []
    for length in range(2, n_tokens + 1, max(1, n_tokens // 5)):
        pool = [index for _ in range(length) for index in words[chance.integers(len(words))]]
        ids = np.array(pool[:length])
        ids[0], ids[chance.integers(1, max(2, length - 1))] = toy_encoder.cls_id, toy_encoder.sep_id
        items.append(ids.tolist())
    batch = toy_encoder.pad(items)
    (logits,) = session.run(None, {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask})
    expected = last_margins(model, toy_encoder, items)
    assert logits.shape == (len(items), 2)
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], expected, atol=1e-5)


def test_known_sequences_are_found_in_the_graph(
    model: HashedNgrams, toy_encoder: Encoder, session: InferenceSession
) -> None:
    batch = toy_encoder.encode_batch(SAID)
    (logits,) = session.run(None, {"input_ids": batch.input_ids, "attention_mask": batch.attention_mask})
    np.testing.assert_allclose(logits[:, 1] - logits[:, 0], margins(model, toy_encoder, *SAID), atol=1e-5)
    assert (logits[:, 1] > logits[:, 0]).all()


def symbols(encoder: Encoder, context: str | None, text: str) -> dict[str, int]:
    ids = torch.tensor([encoder.encode(context, text)])
    empty = HashedNgrams.empty(encoder)
    values = empty._symbols(ids, torch.ones_like(ids), torch.tensor([0]), torch.tensor([ids.shape[1] - 1]))
    return dict(zip(SYMBOLS, values[0].tolist(), strict=True))


def test_symbols_are_what_their_names_say(toy_encoder: Encoder) -> None:
    piece = {name: toy_encoder.encode(None, name)[-1] + 1 for name in ("да", "на", "мне", "москву", "в")}
    found = symbols(toy_encoder, "мне в москву", "да на мне")
    separator = toy_encoder.sep_id + 1
    assert [found[name] for name in ("p0", "p1", "p2", "p3", "p4")] == [
        piece["мне"], piece["на"], piece["да"], separator, 0,
    ]  # fmt: skip
    assert (found["h0"], found["h1"], found["c0"], found["c1"]) == (
        piece["да"], piece["на"], piece["москву"], piece["в"],
    )  # fmt: skip
    assert found["w2"] == found["f0"]
    assert found["w0"] == found["o0"], "«мне» opens the question and ends the answer"
    other = symbols(toy_encoder, None, "мне на да")
    assert (other["c0"], other["c1"], other["k0"], other["k1"], other["o0"]) == (0, 0, 0, 0, 0)
    assert other["bag"] == found["bag"], "the bag forgets the order"
    assert other["w0"] == found["f0"]
    assert symbols(toy_encoder, None, "да на мне мне")["bag"] != found["bag"]


def test_a_word_is_all_of_its_pieces(toy_encoder: Encoder) -> None:
    assert len(toy_encoder.encode(None, "телефон")) > 4
    whole, other = symbols(toy_encoder, None, "мне телефон"), symbols(toy_encoder, None, "мне телефан")
    assert whole["p0"] == other["p0"]
    assert whole["w0"] != other["w0"]
    assert whole["w1"] == symbols(toy_encoder, None, "мне")["w0"]
    assert whole["nw"] == symbols(toy_encoder, None, "мне на")["nw"] != symbols(toy_encoder, None, "мне")["nw"]


@pytest.mark.parametrize(
    ("pieces", "expected"),
    [
        (("▁да", "м", "▁на", "?"), [True, False, True, False]),
        (("Ġда", "м", "Ġна", "?"), [True, False, True, False]),
        (("да", "##м", "на", "?"), [True, False, True, True]),
    ],
)
def test_words_begin_where_the_vocabulary_says(pieces: tuple[str, ...], expected: list[bool]) -> None:
    special = ("<s>", "<pad>", "</s>", "<unk>")
    vocabulary = {piece: index for index, piece in enumerate((*special, *pieces))}
    tokenizer = Tokenizer(models.WordLevel(vocabulary, unk_token="<unk>"))
    tokenizer.pre_tokenizer = pre_tokenizers.WhitespaceSplit()
    tokenizer.add_special_tokens(list(special))
    starts = word_starts(Encoder(tokenizer, EncodingSpec()))
    assert starts.tolist() == [True] * 4 + expected


def test_features_are_declared_once_and_of_known_symbols() -> None:
    assert len(set(FEATURES)) == len(FEATURES)
    assert len(set(SYMBOLS)) == len(SYMBOLS)
    assert set(" ".join(FEATURES).split()) == set(SYMBOLS)


def test_the_weights_that_matter_keep_a_place_when_slots_run_out(toy_encoder: Encoder, fit: NgramFit) -> None:
    crowded = fit_ngrams(rows(toy_encoder), toy_encoder, NgramSettings(n_slots=256, passes=20, batch_size=16))
    assert crowded.facts["weights"] < fit.facts["weights"]
    assert crowded.facts["weights"] <= 256 == len(crowded.model.table)
    assert margins(crowded.model, toy_encoder, *SAID).min() > 0.5
    assert margins(crowded.model, toy_encoder, ("да?", "мне нужен билет на"), ("мой?", "мне")).max() < -0.5


def test_rare_ngrams_get_no_weight_and_strangers_none_either(toy_encoder: Encoder, model: HashedNgrams) -> None:
    fitted = fit_ngrams(rows(toy_encoder), toy_encoder, NgramSettings(n_slots=4096, min_count=1000))
    assert fitted.facts["weights"] == 0
    assert (fitted.model.table.numpy()[:, 1] == EMPTY).all()
    bias_only = margins(fitted.model, toy_encoder, *SAID)
    assert np.ptp(bias_only) == 0


def test_the_same_rows_give_the_same_bytes(toy_encoder: Encoder, fit: NgramFit, tmp_path: Path) -> None:
    again = fit_ngrams(rows(toy_encoder), toy_encoder, SMALL)
    for name, model in (("one", fit.model), ("two", again.model)):
        save_ngrams(model, toy_encoder, tmp_path / name, {"rows": 1})
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_a_file_gives_back_the_model_and_its_facts(model: HashedNgrams, toy_encoder: Encoder, tmp_path: Path) -> None:
    save_ngrams(model, toy_encoder, tmp_path / "ngrams.npz", {"run_name": "прогон"})
    loaded, facts = load_ngrams(tmp_path / "ngrams.npz", toy_encoder)
    assert facts == {"run_name": "прогон"}
    np.testing.assert_array_equal(margins(loaded, toy_encoder, *SAID), margins(model, toy_encoder, *SAID))


def one_line(error: pytest.ExceptionInfo[TurnDetectionError], *words: str) -> None:
    text = str(error.value)
    assert "\n" not in text
    for word in words:
        assert word in text


def test_a_file_that_is_missing_or_damaged_is_refused(
    model: HashedNgrams, toy_encoder: Encoder, tmp_path: Path
) -> None:
    with pytest.raises(InputFileNotFoundError) as missing:
        load_ngrams(tmp_path / "nowhere.npz", toy_encoder)
    one_line(missing, "nowhere.npz", "fit_ngrams")
    good = tmp_path / "good.npz"
    save_ngrams(model, toy_encoder, good, {})
    content = good.read_bytes()
    archive = {"about": np.array("[]"), "table": model.table.numpy()}
    for name, bad in (("text", b"no archive"), ("empty", b""), ("half", content[: len(content) // 2])):
        (tmp_path / name).write_bytes(bad)
    np.savez(tmp_path / "list.npz", **archive)
    np.savez(tmp_path / "other.npz", table=archive["table"])
    np.savez(tmp_path / "objects.npz", about=np.array([{}], dtype=object), table=archive["table"])
    np.save(tmp_path / "array.npy", archive["table"])
    for name in ("text", "empty", "half", "list.npz", "other.npz", "objects.npz", "array.npy"):
        with pytest.raises(DataFormatError) as damaged:
            load_ngrams(tmp_path / name, toy_encoder)
        one_line(damaged, name, "no file of n-grams")


@pytest.mark.parametrize("change", ["tokenizer", "features", "text_version", "separator", "version"])
def test_a_file_for_something_else_is_refused(
    change: str, model: HashedNgrams, toy_encoder: Encoder, tmp_path: Path
) -> None:
    path = tmp_path / "ngrams.npz"
    save_ngrams(model, toy_encoder, path, {})
    with np.load(path) as archive:
        about, table = json.loads(str(archive["about"])), archive["table"]
    np.savez(path, about=np.array(json.dumps({**about, change: 77})), table=table)
    with pytest.raises(DataFormatError) as refused:
        load_ngrams(path, toy_encoder)
    one_line(refused, str(path), "fit the n-grams again")
    np.savez(path, about=np.array(json.dumps(about)), table=table.astype(np.int16))
    with pytest.raises(DataFormatError) as odd:
        load_ngrams(path, toy_encoder)
    one_line(odd, "int16", "expected int8")


def test_nothing_to_learn_from_and_settings_without_sense_are_refused(toy_encoder: Encoder) -> None:
    with pytest.raises(DataFormatError, match="no judged token"):
        fit_ngrams([], toy_encoder)
    with pytest.raises(ConfigurationError, match="n_slots"):
        NgramSettings(n_slots=3)


def test_the_ensemble_adds_a_weighted_margin_to_the_network(model: HashedNgrams, toy_encoder: Encoder) -> None:
    class Constant(torch.nn.Module):
        def forward(self, input_ids: torch.Tensor, attention_mask: torch.Tensor) -> torch.Tensor:
            return torch.tensor([[1.0, 3.0]]).repeat(len(input_ids), 1)

    batch = toy_encoder.encode_batch(SAID)
    logits = Ensemble(Constant(), model, 0.5)(*map(torch.from_numpy, (batch.input_ids, batch.attention_mask)))
    expected = 2 + 0.5 * margins(model, toy_encoder, *SAID)
    np.testing.assert_allclose((logits[:, 1] - logits[:, 0]).numpy(), expected, rtol=1e-5)


def test_the_weight_is_what_made_the_labels() -> None:
    chance = np.random.default_rng(0)
    deep, short = chance.normal(size=(2, 40_000)) * 2
    is_end = chance.random(40_000) < 1 / (1 + np.exp(-(deep + 0.4 * short)))
    assert fit_weight(deep, short, is_end) == pytest.approx(0.4, abs=0.05)
    assert fit_weight(deep, -short, is_end) == 0.0, "a memory that speaks against the labels is left out"
    assert fit_weight(deep, short, np.ones(40_000, bool)) == 0.0
