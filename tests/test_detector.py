"""Text in, calibrated probability out; the toy model hears «да» as an end and «на» as none."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from turn_detection.backends.onnx import OnnxBackend
from turn_detection.calibration import Calibration
from turn_detection.detector import EncodedItems, SlotMode, TurnDetector
from turn_detection.encoding import EncodedBatch, Encoder
from turn_detection.endpointing import EndpointingPolicy
from turn_detection.errors import BackendError, BundleNotFoundError, InvalidInputError, InvalidTypeError
from turn_detection.slots import COMPLETE_P, PARTIAL_P, Progress
from turn_detection.types import Context, Message

PHONE = "Продиктуйте номер телефона."

ITEMS = st.lists(
    st.tuples(
        st.sampled_from([None, "", "Билет?", "мне нужен билет на завтра"]),
        st.sampled_from(["да", "мне нужен", "билет на москву", "...", "", "нет спасибо", "сосиска", "на", "25"]),
    ),
    max_size=20,
)


class RememberingBackend:
    """Answers every item with the same logits and remembers the shapes it was asked."""

    def __init__(self, wait: float = 0.0, speak: float = 0.0) -> None:
        self.row = (wait, speak)
        self.shapes: list[tuple[int, ...]] = []

    def logits(self, batch: EncodedBatch) -> np.ndarray:
        self.shapes.append(batch.input_ids.shape)
        return np.array([self.row] * len(batch), np.float32)


def test_a_finished_message_is_speak_and_an_unfinished_one_wait(toy_detector: TurnDetector) -> None:
    finished, unfinished = toy_detector.predict("мне нужен билет", "Алло"), toy_detector.predict("билет на", "Алло")
    assert (finished.label, unfinished.label) == ("speak", "wait")
    assert finished.eot_probability > 0.9
    assert unfinished.eot_probability < 0.1
    assert finished.delay_s < unfinished.delay_s


@given(ITEMS, st.integers(1, 7))
def test_a_batch_answers_as_single_calls_do_in_the_order_given(
    toy_detector: TurnDetector, items: list[tuple[Context, str]], batch_size: int
) -> None:
    batch = toy_detector.predict_batch(items, batch_size=batch_size)
    single = [toy_detector.predict(message, context) for context, message in items]
    assert [p.eot_probability for p in batch] == pytest.approx([p.eot_probability for p in single], abs=1e-6)
    assert [p.label for p in batch] == [p.label for p in single]


def test_items_may_come_from_a_generator(toy_detector: TurnDetector) -> None:
    def items() -> Iterator[tuple[Context, str]]:
        yield None, "да"
        yield None, "на"

    assert [p.label for p in toy_detector.predict_batch(items())] == ["speak", "wait"]


def test_no_items_have_no_answers(toy_detector: TurnDetector) -> None:
    assert toy_detector.predict_batch([]) == []


def test_items_of_like_length_are_scored_together(toy_encoder: Encoder) -> None:
    backend = RememberingBackend()
    TurnDetector(backend, toy_encoder).predict_batch(
        [(None, "да"), (None, "да нет да нет"), (None, "нет"), (None, "на да на да")], batch_size=2
    )
    assert backend.shapes == [(2, 3), (2, 6)]


@pytest.mark.parametrize("message", ["", "   ", "...", "?!", "👍", "日本語", "\u200b"])
def test_a_message_without_words_waits_without_asking_the_model(toy_encoder: Encoder, message: str) -> None:
    backend = RememberingBackend(speak=9.0)
    prediction = TurnDetector(backend, toy_encoder).predict(message, "Билет?")
    assert (prediction.eot_probability, prediction.label) == (0.0, "wait")
    assert prediction.delay_s == EndpointingPolicy().max_delay_s
    assert backend.shapes == []


@pytest.mark.parametrize(
    "context",
    [
        None,
        "",
        "...",
        [],
        (),
        [Message("system", "Ты бот")],
        [Message("tool", "")],
        [Message("agent", "да")] * 100,
        "да " * 5000,
    ],
    ids=["none", "empty", "dots", "no messages", "tuple", "system", "tool", "many turns", "long"],
)
def test_every_context_of_a_legal_form_is_answered(toy_detector: TurnDetector, context: Context) -> None:
    assert toy_detector.predict("да", context=context).label == "speak"


def test_words_that_the_context_leaves_open_belong_to_the_message(toy_detector: TurnDetector) -> None:
    split = toy_detector.predict("на", [Message("agent", "Алло"), Message("client", "нужен билет")])
    assert split.eot_probability == toy_detector.predict("нужен билет на", "Алло").eot_probability


def test_a_message_of_ten_thousand_words_is_answered(toy_detector: TurnDetector) -> None:
    assert toy_detector.predict("нужен " * 10_000 + "билет").label == "speak"


def test_the_threshold_of_a_call_is_for_that_call_only(toy_detector: TurnDetector) -> None:
    p = toy_detector.predict("да").eot_probability
    assert toy_detector.predict("да", threshold=1.0).label == "wait"
    assert toy_detector.predict_batch([(None, "да")], threshold=p)[0].label == "speak"
    assert toy_detector.predict("да").threshold == toy_detector.threshold


@pytest.mark.parametrize("threshold", [7, -0.1, float("nan")])
def test_a_threshold_out_of_range_is_refused(toy_detector: TurnDetector, threshold: float) -> None:
    with pytest.raises(InvalidInputError, match="threshold must be a number from 0 to 1"):
        toy_detector.predict("да", threshold=threshold)


@pytest.mark.parametrize("batch_size", [0, -1, 1.5, "8", None])
def test_a_batch_size_is_a_positive_integer(toy_detector: TurnDetector, batch_size: object) -> None:
    with pytest.raises(InvalidInputError, match="batch_size must be a positive integer"):
        toy_detector.predict_batch([], batch_size=batch_size)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        ("да", "must be a pair"),
        ((None,), "must be a pair"),
        ((None, "да", None, None), "must be a pair"),
        ((None, "да", 5), "expect must be a string or None, got int"),
        ((None, None), "message must be a string, got NoneType"),
        ((5, "да"), "context must be a string"),
    ],
)
def test_an_error_names_the_item(toy_detector: TurnDetector, bad: object, words: str) -> None:
    with pytest.raises(InvalidTypeError, match=f"item 2.*{words}"):
        toy_detector.predict_batch([(None, "да"), (None, "нет"), bad])  # type: ignore[list-item]


@pytest.mark.parametrize("items", [None, 5])
def test_what_cannot_be_walked_through_is_refused(toy_detector: TurnDetector, items: object) -> None:
    with pytest.raises(InvalidTypeError, match=f"items must be pairs .*got {type(items).__name__}"):
        toy_detector.predict_batch(items)  # type: ignore[arg-type]


def test_a_batch_shares_one_latency(toy_detector: TurnDetector) -> None:
    latencies = {p.latency_ms for p in toy_detector.predict_batch([(None, "да"), (None, "...")])}
    assert len(latencies) == 1
    assert latencies.pop() > 0


def test_an_answer_that_is_no_number_is_an_error_not_a_verdict(toy_encoder: Encoder) -> None:
    with pytest.raises(BackendError, match="NaN"):
        TurnDetector(RememberingBackend(speak=math.nan), toy_encoder).predict("да")


def test_temperature_and_bias_are_those_of_platt_scaling() -> None:
    logits = np.array([[0.0, 3.0], [1.0, 0.0]], np.float32)
    expected = [1 / (1 + math.exp(-(margin / 2.0 + 0.5))) for margin in (3.0, -1.0)]
    assert Calibration(temperature=2.0, bias=0.5).probabilities(logits) == pytest.approx(expected)


def test_extreme_logits_give_certainty_without_overflow() -> None:
    with np.errstate(all="raise"):
        probabilities = Calibration().probabilities(np.array([[0, 1e30], [1e30, 0], [0, 0]], np.float32))
    assert probabilities.tolist() == [1.0, 0.0, 0.5]


def test_the_bundles_calibration_and_threshold_are_used(bundle_writer: Callable[..., Path]) -> None:
    plain = TurnDetector.load(bundle_writer("plain"))
    biased = TurnDetector.load(bundle_writer("biased", bias=-20.0, threshold=0.25))
    assert plain.predict("да").label == "speak"
    assert biased.predict("да").label == "wait"
    assert biased.threshold == 0.25
    assert biased.manifest is not None
    assert biased.manifest.bias == -20.0


def test_another_share_of_ends_moves_the_odds(bundle_writer: Callable[..., Path]) -> None:
    bundle = bundle_writer("mixed", metrics={"validation/speak_share": 0.5})
    p = TurnDetector.load(bundle).predict("да").eot_probability
    rarer = TurnDetector.load(bundle, speak_share=0.2).predict("да").eot_probability
    assert rarer / (1 - rarer) == pytest.approx(p / (1 - p) / 4)
    assert TurnDetector.load(bundle, speak_share=0.5).predict("да").eot_probability == pytest.approx(p)


@pytest.mark.parametrize("share", [0.0, 1.0, -1, float("nan")])
def test_a_share_of_ends_out_of_range_is_refused(bundle_writer: Callable[..., Path], share: float) -> None:
    bundle = bundle_writer("mixed", metrics={"validation/speak_share": 0.5})
    with pytest.raises(InvalidInputError, match="speak_share"):
        TurnDetector.load(bundle, speak_share=share)


def test_a_bundle_that_records_no_share_cannot_be_moved(toy_bundle: Path) -> None:
    with pytest.raises(InvalidInputError, match="leave speak_share out"):
        TurnDetector.load(toy_bundle, speak_share=0.3)


def test_threshold_and_policy_can_be_given_at_loading(toy_bundle: Path) -> None:
    policy = EndpointingPolicy(min_delay_s=0.1, max_delay_s=9.0, mode="binary")
    detector = TurnDetector.load(toy_bundle, threshold=0.0, policy=policy, n_threads=2)
    prediction = detector.predict("на")
    assert (prediction.label, prediction.delay_s) == ("speak", 9.0)


def test_a_threshold_out_of_range_is_refused_at_loading(toy_bundle: Path) -> None:
    with pytest.raises(InvalidInputError, match="threshold"):
        TurnDetector.load(toy_bundle, threshold=2.0)


def test_loading_from_nowhere_says_so(tmp_path: Path) -> None:
    with pytest.raises(BundleNotFoundError, match="no such folder"):
        TurnDetector.load(tmp_path / "nowhere")


def test_a_detector_can_be_put_together_by_hand(toy_bundle: Path, toy_encoder: Encoder) -> None:
    detector = TurnDetector(OnnxBackend(toy_bundle / "model.onnx"), toy_encoder, calibration=Calibration(2.0, 0.0))
    assert detector.manifest is None
    assert detector.threshold == 0.5
    assert detector.predict("да").eot_probability == pytest.approx(1 / (1 + math.exp(-(6.0 + 3 * 0.01) / 2)), abs=1e-6)


def test_many_threads_get_the_answers_that_one_would(toy_detector: TurnDetector) -> None:
    messages = ["да", "билет на", "мне нужен билет", "сосиска", "завтра в", "25"]
    expected = [toy_detector.predict(message).eot_probability for message in messages]
    wrong: list[str] = []

    def work(offset: int) -> None:
        for step in range(20):
            index = (offset + step) % len(messages)
            if toy_detector.predict(messages[index]).eot_probability != expected[index]:
                wrong.append(messages[index])

    threads = [threading.Thread(target=work, args=(offset,)) for offset in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.parametrize("slots", ["on", "", None])
def test_an_unknown_source_of_expectations_is_refused(toy_encoder: Encoder, slots: object) -> None:
    with pytest.raises(InvalidInputError, match="slots must be one of auto, explicit, off"):
        TurnDetector(RememberingBackend(), toy_encoder, slots=slots)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("slots", "expect", "context", "p"),
    [
        ("auto", None, PHONE, PARTIAL_P),
        ("auto", "phone", None, PARTIAL_P),
        ("auto", "digits:4", PHONE, COMPLETE_P),
        ("auto", "none", PHONE, 0.5),
        ("auto", None, "Это ваш номер телефона?", 0.5),
        ("explicit", None, PHONE, 0.5),
        ("explicit", "phone", PHONE, PARTIAL_P),
        ("off", "phone", PHONE, 0.5),
    ],
)
def test_a_dictation_is_counted_where_its_slot_is_known(
    toy_encoder: Encoder, slots: SlotMode, expect: str | None, context: Context, p: float
) -> None:
    detector = TurnDetector(RememberingBackend(), toy_encoder, slots=slots)
    prediction = detector.predict("восемь девятьсот три", context, expect=expect)
    assert prediction.eot_probability == p
    assert prediction.delay_s == detector.policy.delay_s(p)
    assert detector.predict_batch([(context, "восемь девятьсот три", expect)])[0].eot_probability == p


@pytest.mark.parametrize(("speak", "message", "p"), [(-9.0, "восемь", 0.0), (9.0, "8 903 123-45-67", 1.0)])
def test_a_surer_model_keeps_its_word(toy_encoder: Encoder, speak: float, message: str, p: float) -> None:
    detector = TurnDetector(RememberingBackend(speak=speak), toy_encoder)
    assert detector.predict(message, PHONE).eot_probability == pytest.approx(p, abs=1e-3)


def test_a_dictation_may_be_spread_over_messages(toy_encoder: Encoder) -> None:
    detector = TurnDetector(RememberingBackend(), toy_encoder)
    context = [
        Message("client", "алло"),
        Message("agent", "Добрый день."),
        Message("system", "звонок"),
        Message("agent", PHONE),
        Message("client", "восемь девятьсот три"),
        Message("client", "..."),
    ]
    assert detector.predict("123-45", context).eot_probability == PARTIAL_P
    assert detector.predict("123-45-67", context).eot_probability == COMPLETE_P


def test_an_unknown_expectation_is_refused(toy_detector: TurnDetector) -> None:
    with pytest.raises(InvalidInputError, match="item 1: expect must be one of phone") as caught:
        toy_detector.predict_batch([(None, "да"), (None, "да", "телефон")])
    assert not isinstance(caught.value, InvalidTypeError)


def test_the_mode_can_be_given_at_loading(toy_bundle: Path) -> None:
    assert TurnDetector.load(toy_bundle).slots == "auto"
    assert TurnDetector.load(toy_bundle, slots="off").slots == "off"


def test_the_two_halves_give_what_a_batch_gives(toy_bundle: Path, toy_detector: TurnDetector) -> None:
    items = [("Билет?", "мне нужен билет"), (None, "..."), (PHONE, "восемь"), (None, "билет на")]
    encoded = toy_detector.encode_items(items)
    assert len(encoded) == 4
    assert encoded.positions == (0, 2, 3)
    assert encoded.n_tokens == (len(encoded.rows[0]), 0, len(encoded.rows[1]), len(encoded.rows[2]))
    assert encoded.progress == (Progress.NONE, Progress.NONE, Progress.PARTIAL, Progress.NONE)
    logits = OnnxBackend(toy_bundle / "model.onnx").logits(toy_detector.encoder.pad(encoded.rows))
    concluded = toy_detector.conclude(encoded, logits, threshold=0.25, latency_ms=3.0)
    expected = toy_detector.predict_batch(items, threshold=0.25)
    assert [p.eot_probability for p in concluded] == pytest.approx([p.eot_probability for p in expected], abs=1e-6)
    assert {(p.threshold, p.latency_ms) for p in concluded} == {(0.25, 3.0)}


def test_items_without_words_need_no_logits(toy_detector: TurnDetector) -> None:
    encoded = toy_detector.encode_items([(None, "..."), (None, "")])
    assert encoded.rows == ()
    assert [p.eot_probability for p in toy_detector.conclude(encoded, None)] == [0.0, 0.0]
    assert toy_detector.conclude(EncodedItems((), (), ()), np.zeros((0, 2))) == []


@pytest.mark.parametrize("shape", [(1, 2), (2, 3), (2,)])
def test_logits_of_another_shape_are_an_error(toy_detector: TurnDetector, shape: tuple[int, ...]) -> None:
    encoded = toy_detector.encode_items([(None, "да"), (None, "нет")])
    with pytest.raises(BackendError, match="logits of shape .* for 2 rows"):
        toy_detector.conclude(encoded, np.zeros(shape))


def test_a_threshold_out_of_range_is_refused_at_the_conclusion(toy_detector: TurnDetector) -> None:
    with pytest.raises(InvalidInputError, match="threshold"):
        toy_detector.conclude(toy_detector.encode_items([]), None, threshold=7)
