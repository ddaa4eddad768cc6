"""Promises 3 and 4 of the design: the Python interface and the public label names."""

from __future__ import annotations

import inspect
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

import turn_detection
from turn_detection import Message, TurnDetectionError, TurnDetector, TurnPrediction
from turn_detection.types import Context

HEAVY = ("torch", "lightning", "transformers", "hydra", "omegaconf", "mlflow", "sklearn", "onnx", "pydantic", "rich")


def modules_after(code: str) -> set[str]:
    """Top-level modules that a fresh interpreter holds after ``code``."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    code = f"{code}\nimport json, sys\nprint(json.dumps(sorted({{name.split('.')[0] for name in sys.modules}})))"
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=environment, check=True, timeout=60
    )
    return set(json.loads(done.stdout))


def test_the_front_door_has_these_names_and_no_others() -> None:
    assert set(turn_detection.__all__) == {
        "Endpointer", "EndpointingPolicy", "Message", "TurnDetectionError", "TurnDetector", "TurnPrediction"
    }  # fmt: skip
    assert all(hasattr(turn_detection, name) for name in turn_detection.__all__)


def test_importing_the_package_loads_no_training_library_and_no_engine() -> None:
    loaded = modules_after("import turn_detection")
    assert loaded.isdisjoint({*HEAVY, "onnxruntime"})


def test_loading_and_predicting_loads_no_training_library(toy_bundle: Path) -> None:
    loaded = modules_after(
        f"from turn_detection import TurnDetector\nTurnDetector.load({str(toy_bundle)!r}).predict('да')"
    )
    assert "onnxruntime" in loaded
    assert loaded.isdisjoint(HEAVY)


def test_the_example_of_the_readme_works(toy_bundle: Path) -> None:
    detector = TurnDetector.load(toy_bundle)
    p = detector.predict("да я хотел бы", context="Чем могу помочь?")
    assert isinstance(p, TurnPrediction)
    assert 0.0 <= p.eot_probability <= 1.0
    assert p.label in ("speak", "wait")
    assert detector.policy.min_delay_s <= p.delay_s <= detector.policy.max_delay_s
    (q,) = detector.predict_batch([("Чем могу помочь?", "да я хотел бы")])
    assert q.eot_probability == p.eot_probability


def test_loading_without_arguments_is_the_shipped_bundle() -> None:
    parameters = inspect.signature(TurnDetector.load).parameters
    assert parameters["path"].default is None
    assert all(parameter.default is not inspect.Parameter.empty for parameter in parameters.values())


@pytest.mark.parametrize("form", [str, Path], ids=["str", "Path"])
@pytest.mark.parametrize("inside", ["", "model.onnx"])
def test_a_bundle_loads_by_its_folder_or_the_graph_inside(toy_bundle: Path, form: type, inside: str) -> None:
    assert TurnDetector.load(form(toy_bundle / inside)).predict("да").label == "speak"


@pytest.mark.parametrize(
    "context", [None, "", "Билет?", [], [Message("agent", "Билет?")], (Message("assistant", "Билет?"),)]
)
def test_a_context_is_nothing_a_string_or_messages(toy_detector: TurnDetector, context: Context) -> None:
    assert toy_detector.predict("да", context=context).label == "speak"
    assert toy_detector.predict("да", context).label == "speak"


@pytest.mark.parametrize(
    "expect",
    ["phone", "home_phone", "digits:6", "digits:4-6", "card", "code", "passport", "inn", "snils", "postcode", "email", "date", "time",
     "number", "yes_no", "none", None],
)  # fmt: skip
def test_what_the_bot_expects_may_be_told(toy_detector: TurnDetector, expect: str | None) -> None:
    prediction = toy_detector.predict("да", context="Билет?", expect=expect)
    (same,) = toy_detector.predict_batch([("Билет?", "да", expect)])
    assert prediction.label == "speak"
    assert same.eot_probability == prediction.eot_probability


def test_a_dictated_number_is_counted(toy_bundle: Path) -> None:
    detector = TurnDetector.load(toy_bundle)
    asked = "Продиктуйте номер телефона."
    assert detector.predict("восемь девятьсот три", context=asked).label == "wait"
    assert detector.predict("8 903 123-45-67", context=asked).label == "speak"
    assert detector.predict("381", expect="digits:6").label == "wait"
    assert detector.predict("381455", expect="digits:6").label == "speak"
    assert TurnDetector.load(toy_bundle, slots="off").slots == "off"


def test_message_takes_role_and_text() -> None:
    message = Message(role="agent", text="Алло?")
    assert message == Message("agent", "Алло?")
    assert (message.role, message.text) == ("agent", "Алло?")


def test_the_label_names_are_plain_strings(toy_detector: TurnDetector) -> None:
    speak, wait = toy_detector.predict("да"), toy_detector.predict("на")
    assert (speak.label, wait.label) == ("speak", "wait")
    assert type(speak.label) is str


def test_probas_are_keyed_by_the_label_names(toy_detector: TurnDetector) -> None:
    prediction = toy_detector.predict("да")
    assert list(prediction.probas) == ["wait", "speak"]
    assert prediction.probas["speak"] == prediction.eot_probability
    assert sum(prediction.probas.values()) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("call", "builtin"),
    [
        (lambda detector: detector.predict(5), TypeError),
        (lambda detector: detector.predict(None), ValueError),
        (lambda detector: detector.predict("да", context=5), TypeError),
        (lambda detector: detector.predict("да", threshold=2), ValueError),
        (lambda detector: detector.predict("да", expect="телефон"), ValueError),
        (lambda detector: detector.predict("да", expect=6), TypeError),
        (lambda detector: detector.predict_batch(["да"]), TypeError),
        (lambda detector: detector.predict_batch([], batch_size=0), ValueError),
        (lambda detector: TurnDetector.load("/nowhere"), FileNotFoundError),
        (lambda detector: Message("agent", None), TypeError),
    ],
)
def test_bad_input_is_our_error_and_the_matching_built_in(toy_detector: TurnDetector, call, builtin) -> None:  # type: ignore[no-untyped-def]
    with pytest.raises(TurnDetectionError) as caught:
        call(toy_detector)
    assert isinstance(caught.value, builtin)
