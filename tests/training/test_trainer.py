"""Which arithmetic ``train.precision=auto`` means."""

from __future__ import annotations

import pytest
import torch

from turn_detection.groups import TrainConfig
from turn_detection.training.trainer import arithmetic


@pytest.mark.parametrize(
    ("capabilities", "expected"),
    [
        ({"amx_bf16": True}, "bf16-mixed"),
        ({"avx512_bf16": True}, "bf16-mixed"),
        ({"avx512_vnni": True, "amx_bf16": False}, "32-true"),
        ({}, "32-true"),
    ],
)
def test_auto_is_bfloat16_only_where_the_processor_multiplies_it(
    monkeypatch: pytest.MonkeyPatch, capabilities: dict[str, bool], expected: str
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities, raising=False)

    assert arithmetic(TrainConfig(accelerator="cpu")) == expected


def test_a_torch_that_cannot_tell_trains_in_float32(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delattr(torch.cpu, "get_capabilities", raising=False)

    assert arithmetic(TrainConfig(accelerator="cpu")) == "32-true"


def test_what_is_asked_for_is_taken() -> None:
    assert arithmetic(TrainConfig(precision="bf16-mixed", accelerator="cpu")) == "bf16-mixed"
